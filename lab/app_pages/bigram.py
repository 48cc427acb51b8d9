"""Bigram: the learned table of what follows what, beside the same table counted."""

from __future__ import annotations

import streamlit as st

from core.errors import CorpusError
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.text.corpus import Corpus
from lab.bigram_page.address import read_address
from lab.bigram_page.shown import other_on_the_screen
from lab.bigram_page.view import render_tables, take_click
from lab.session.address import has_just_arrived
from lab.session.bigram_choices import VIEW
from lab.session.state import choose_run, chosen_run, moment_of, the_lab, the_service
from lab.visit.card import render_visit
from lab.widgets.page_head import page_head
from lab.widgets.pickers import (
    PICKER_PX,
    load_model,
    pick_addressed_run,
    untrained_model,
)
from lab.widgets.scrubber import scrub, take_address
from lab.wording.plain import plain, plain_but_code

INTRODUCTION = (
    "The bigram model is one table: for each character, how likely each other is to follow. The "
    "best it can become can simply be **counted**, so here one sees learning arrive at what "
    "counting knows."
)


def main() -> None:
    take_click()
    page_head("What follows what", INTRODUCTION)
    trouble = read_address()
    render_visit("bigram")
    runs = [run for run in the_lab().runs() if run.model == "bigram"]
    if runs:
        loaded, corpus = _render_choice(runs)
    else:
        loaded, corpus = _render_offer()
    if trouble:
        st.warning(plain(trouble))
    render_tables(loaded, corpus, chosen_run(runs))


# --- the model and the text -----------------------------------------------------------------------


def _render_choice(runs: list[RunRecord]) -> tuple[LoadedModel, Corpus | None]:
    """Let the reader pick a run and a checkpoint; its text may be gone, which is then said."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=PICKER_PX):
            run = pick_addressed_run(runs, key="bigram_run")
        if run is None:
            return _render_offer()
        with st.container(gap=None):
            other = other_on_the_screen()
            if other and has_just_arrived():
                take_address(other)
            scrub(other or run, is_named=other is not None)
            loaded = load_model(run, moment_of(run))
    try:
        return loaded, the_lab().corpus_of(run)
    except CorpusError as error:
        st.warning(f"Nothing can be counted for comparison. {plain_but_code(str(error))}")
        return loaded, None


def _render_offer() -> tuple[LoadedModel, Corpus]:
    """Before any run: an untrained table, the counts, and one button."""
    corpus = the_lab().library.load()
    loaded = untrained_model("bigram", corpus)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        if st.button(
            "Train a bigram table", type="primary", key="bigram_train", icon=":material/play_arrow:"
        ):
            config = the_lab().configure("bigram", corpus, "quick")
            choose_run(the_service().start(config, corpus))
            VIEW.set("learned")
            st.rerun()
        st.caption(
            f"It takes a few seconds. Until then *learned* is a table with random numbers, "
            f"**{loaded.origin}**, and *counted* comes from the corpus {plain(corpus.name)}."
        )
    VIEW.begin("counted")  # the one that has something to show
    return loaded, corpus


main()
