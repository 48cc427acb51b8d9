"""Glossary: the words of the field, in the order in which a learner meets them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lab.components.in_sight import bring_into_sight
from lab.visit.card import render_visit
from lab.widgets.page_head import page_head
from lab.wording.glossary import heading_of
from lab.wording.glossary_entries import (
    ENTRIES,
    GROUPS,
    GlossaryEntry,
    entries_like,
    entry_named,
)
from lab.wording.plain import plain

INTRODUCTION = (
    "The words of the field, in the order in which you meet them: each in a sentence or two, with "
    "its formula and the picture that shows it. The question marks on all pages lead here."
)
N_COLUMNS, SEARCH_PX, MAX_QUOTED = 3, 360, 40
CSS = ".st-key-glossary_marked { border: 2px solid currentColor; }"


def main() -> None:
    st.html(f"<style>{CSS}</style>")
    page_head("Glossary", INTRODUCTION)
    render_visit("glossary")
    marked = _asked_for()
    search = st.text_input(
        "Find a word", key="glossary_search", icon=":material/search:", width=SEARCH_PX,
        label_visibility="collapsed", placeholder="Find a word: loss, head, top-k",
    )  # fmt: skip
    found = entries_like(search)
    if not found:
        st.info(f"No entry has {plain(search)} in it. There are {len(ENTRIES)} of them.")
    for group in GROUPS:
        if entries := [entry for entry in found if entry.group == group]:
            st.header(group, anchor=False)
            _render_entries(entries, marked)


def _asked_for() -> GlossaryEntry | None:
    """The entry that the address asks for; what it asks for in vain is said."""
    term = st.query_params.get("term")
    entry = entry_named(term) if term else None
    if term and not entry:
        st.warning(f"Left out of the address: {plain(term[:MAX_QUOTED])} is no word of this page.")
    return entry


def _render_entries(entries: Sequence[GlossaryEntry], marked: GlossaryEntry | None) -> None:
    for first in range(0, len(entries), N_COLUMNS):
        columns = st.columns(N_COLUMNS, gap="small")
        for column, entry in zip(columns, entries[first : first + N_COLUMNS]):
            with column:
                _render_entry(entry, is_marked=entry is marked)


def _render_entry(entry: GlossaryEntry, *, is_marked: bool) -> None:
    name = "glossary_marked" if is_marked else f"glossary_entry_{ENTRIES.index(entry)}"
    with st.container(border=True, height="stretch", gap="xsmall", key=name):
        formula = rf"$\displaystyle {entry.formula}$" if entry.formula else ""
        st.markdown(f"**{heading_of(entry.term)}**: {entry.line}. {entry.more}\n\n{formula}")
        picture = entry.picture
        st.page_link(
            f"app_pages/{picture.page}.py", label=picture.shows, icon=":material/visibility:",
            query_params=dict(picture.query),
        )  # fmt: skip
        if is_marked:
            bring_into_sight(entry.term, key="glossary_in_sight")


main()
