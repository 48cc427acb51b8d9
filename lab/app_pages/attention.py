"""Attention: where every head of a model looks, and one of them large."""

from __future__ import annotations

import streamlit as st

from core.errors import CorpusError
from core.records.records import RunRecord
from core.runs.lab import LoadedModel, Which
from core.service.racing import newest_race
from core.text.corpus import Corpus
from lab.attention_page.cell_fold import render_cell
from lab.attention_page.choices import take_clicks
from lab.attention_page.maps import render_maps
from lab.attention_page.switching_off import render_switching_off, take_click
from lab.attention_page.worth import render_worth
from lab.session.entry import Entry
from lab.session.state import chosen_run, habits_of_heads, the_lab
from lab.widgets.page_head import page_head
from lab.widgets.pickers import (
    PICKER_PX,
    example_text,
    follow,
    load_model,
    pick_addressed_run,
    pick_checkpoint,
    suggest,
    untrained_model,
)
from lab.wording.plain import plain, quoted

INTRODUCTION = (
    "Before it guesses what comes next, a model lets every character **look back** at the text so "
    "far, never ahead. Each head does that in its own way: by queries and keys it decides how much "
    "to take from which character."
)
EXAMPLE_LENGTH = 40
MAX_SHOWN = 256
"""More characters than this would be too much to send, and to read."""

_TEXT = Entry("attention_text", "")


def main() -> None:
    take_clicks()
    take_click()
    page_head("Where each head looks", INTRODUCTION, "attention head", "entropy")
    runs = the_lab().runs()
    with_heads = [run for run in runs if run.model != "bigram"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run, which = _pick(with_heads)
        loaded = load_model(run, which) if run else _before_any_run()
        text = _render_text_box(run, loaded)
    seen = text[-min(loaded.model.config.block_size, MAX_SHOWN) :]
    with st.container(gap=None):
        with st.container(horizontal=True, vertical_alignment="center"):
            _render_standing(run, loaded, n_typed=len(text), n_seen=len(seen))
            if run:
                render_worth(run, loaded.step, which)
        if run:
            follow(run, which, loaded.step)
        looked_at = chosen_run(runs)
        if looked_at and looked_at.model == "bigram":
            st.caption(f"{plain(looked_at.name)} is a bigram table: it has no attention to show.")
    if _is_readable(text, loaded) and _is_long_enough(seen):
        key, corpus = f"{run.id if run else ''} {loaded.origin}", _text_of(run)
        habits = habits_of_heads(key, loaded, corpus) if corpus else []
        look = render_maps(loaded, seen, habits)
        render_cell(loaded, seen, look)
        if corpus:
            render_switching_off(key, loaded, corpus, seen, habits)


# --- the model and the text -----------------------------------------------------------------------


def _pick(with_heads: list[RunRecord]) -> tuple[RunRecord | None, Which]:
    if not with_heads:
        return None, "best"
    with st.container(width=PICKER_PX):
        run = pick_addressed_run(with_heads, key="attention_run", usual=_simplest(with_heads))
    with st.container(width="content"):
        return run, pick_checkpoint(key="attention_checkpoint")


def _simplest(with_heads: list[RunRecord]) -> RunRecord | None:
    """Of a race, whose runs are equally new, the model of one layer: it is the simplest to read.

    None where the newest run is of no race.
    """
    found = newest_race(the_lab())
    raced = found[1] if found else {}
    newest = next((run for run in with_heads if not run.sweep), None)
    return raced.get("attention") if newest in raced.values() else None


def _text_of(run: RunRecord | None) -> Corpus | None:
    """What heads are measured on; None where the text of a run is gone."""
    if run is None:
        return the_lab().library.load()
    try:
        return the_lab().corpus_of(run)
    except CorpusError:
        return None


def _before_any_run() -> LoadedModel:
    return untrained_model("transformer", the_lab().library.load())


def _render_standing(run: RunRecord | None, loaded: LoadedModel, n_typed: int, n_seen: int) -> None:
    """Say which model this is a picture of and what it reads; with no run, lead to training."""
    limits = ""
    if n_seen < n_typed:
        block_size = loaded.model.config.block_size
        room = f" (and here is room for {MAX_SHOWN})" if block_size > MAX_SHOWN else ""
        limits = (
            f" It sees {block_size} characters at most{room}, so it is given only the last "
            f"{n_seen} of these {n_typed:,}."
        )
    if run:
        st.caption(f"Shown: **{plain(run.name)}**, {run.model}, {loaded.origin}.{limits}")
        return
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        if st.button("Train a model", type="primary", key="attention_train"):
            st.switch_page("app_pages/train.py")
        st.caption(
            f"Shown: a transformer with random weights, **{loaded.origin}**. All its heads spread "
            f"almost evenly.{limits}"
        )


def _render_text_box(run: RunRecord | None, loaded: LoadedModel) -> str:
    suggest(_TEXT.key, example_text(run, loaded, EXAMPLE_LENGTH))
    return st.text_input(
        "Text to look at", key=_TEXT.key, persist_state="session",
        help=f"This model sees {loaded.model.config.block_size} characters at most.",
    )  # fmt: skip


def _is_readable(text: str, loaded: LoadedModel) -> bool:
    """Whether the model knows every character; where it does not, offer to put that right."""
    if unknown := loaded.vocabulary.unknown(text):
        st.warning(f"The text that this model learned from has no {quoted(unknown)}.")
        st.button(
            "Leave out what it cannot read", key="attention_drop",
            on_click=_drop_unknown, args=(loaded,),
        )  # fmt: skip
    return not unknown


def _is_long_enough(seen: str) -> bool:
    """Whether there is anything to choose from; where there is not, that is said."""
    if not seen:
        st.info("Type a text above to see where the heads look.")
    elif len(seen) == 1:
        st.info("A single character can only look at itself: there is nothing to choose from.")
    return len(seen) > 1


def _drop_unknown(loaded: LoadedModel) -> None:
    readable = loaded.vocabulary.drop_unknown(_TEXT.get())
    if readable.strip():
        _TEXT.set(readable)
    else:  # then an example takes its place
        _TEXT.clear()


main()
