"""Attention: where every head of a model looks, and one of them large."""

from __future__ import annotations

import streamlit as st

from core.errors import CorpusError
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.service.racing import newest_race
from core.text.corpus import Corpus
from lab.attention_page.cell_fold import render_cell
from lab.attention_page.choices import look_at_head, take_clicks
from lab.attention_page.history import render_history
from lab.attention_page.maps import render_maps
from lab.attention_page.switching_off import render_switching_off, take_click
from lab.attention_page.worth import render_worth
from lab.session.address import Part, read_address, short_text, whole_number, write_address
from lab.session.ahead import measure_beside
from lab.session.looking import HEAD, LAYER, TEXT
from lab.session.measured import habits_of_heads
from lab.session.state import chosen_run, model_key, moment_of, the_lab
from lab.visit.card import render_visit
from lab.widgets.errors import errors_said
from lab.widgets.measuring import measuring
from lab.widgets.page_head import page_head
from lab.widgets.pickers import (
    PICKER_PX,
    example_text,
    load_model,
    pick_addressed_run,
    untrained_model,
)
from lab.widgets.scrubber import scrub
from lab.widgets.text_to_read import EXAMPLE_LENGTH, is_readable, text_box
from lab.wording.plain import plain

INTRODUCTION = (
    "Before it guesses what comes next, a model lets every character **look back** at the text so "
    "far, never ahead. Each head does that in its own way: by queries and keys it decides how much "
    "to take from which character."
)
MAX_ADDRESSED = 500
"""A longer text is not put into the address, nor taken from it."""
MAX_SHOWN = 256
"""More characters than this would be too much to send, and to read."""
MAPS_PX = 900
"""About as high as the text and the maps are."""


def main() -> None:
    page_head("Where each head looks", INTRODUCTION, "attention head", "entropy")
    render_visit("attention")
    runs = the_lab().runs()
    with_heads = [run for run in runs if run.config.model.n_layer]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = _pick(with_heads)
        loaded = load_model(run, moment_of(run)) if run else _before_any_run()
        trouble = read_address("attention", _address_parts(loaded))
        text = text_box(run, loaded)
        corpus = _text_of(run)
        if run and corpus:
            render_worth(model_key(run, loaded), loaded, corpus)
    if trouble:
        st.warning(plain(trouble))
    looked_at = chosen_run(runs)
    if looked_at and not looked_at.config.model.n_layer:
        what = "is a bigram table" if looked_at.model == "bigram" else "has no layers"
        st.caption(f"{plain(looked_at.name)} {what}: it has no attention to show.")
    if is_readable(text, loaded):
        _render_moment(run, corpus, text)


@st.fragment
@errors_said()
def _render_moment(run: RunRecord | None, corpus: Corpus | None, text: str) -> None:
    """All that changes with the step and with a click: by itself it is sooner on the screen."""
    take_clicks()
    take_click()
    loaded = load_model(run, moment_of(run)) if run else _before_any_run()
    seen = text[-min(loaded.model.config.block_size, MAX_SHOWN) :]
    with st.container(gap=None):
        if run:
            scrub(run)
        _render_standing(run, loaded, n_typed=len(text), n_seen=len(seen))
    if _is_long_enough(seen):
        key = model_key(run, loaded)
        with measuring("Measuring what the heads do …", MAPS_PX):
            habits = habits_of_heads(key, loaded, corpus) if corpus else []
        look = render_maps(loaded, seen, habits)
        render_cell(loaded, seen, look)
        if corpus:
            chosen = (look.layer + 1, look.head + 1)
            render_switching_off(key, loaded, corpus, seen, habits, chosen)
            clicked = render_history(run, chosen) if run else None
            if clicked:
                look_at_head(*clicked)
            if run:
                measure_beside(run, corpus)
    _write_address(run, loaded, text)


# --- the address ----------------------------------------------------------------------------------


def _address_parts(loaded: LoadedModel) -> list[Part]:
    config = loaded.model.config
    return [
        Part("layer", LAYER, whole_number(config.n_layer)),
        Part("head", HEAD, whole_number(config.n_head)),
        Part("text", TEXT, short_text(MAX_ADDRESSED)),
    ]


def _write_address(run: RunRecord | None, loaded: LoadedModel, text: str) -> None:
    """Let the address say what was chosen; what is shown anyway needs no word."""
    usual = {"layer": 1, "head": 1, "text": example_text(run, loaded, EXAMPLE_LENGTH)}
    shown = {"layer": LAYER.get(), "head": HEAD.get(), "text": text}
    if not 1 <= len(text) <= MAX_ADDRESSED:
        shown["text"] = usual["text"]
    write_address({n: None if v == usual[n] else v for n, v in shown.items()})


# --- the model and the text -----------------------------------------------------------------------


def _pick(with_heads: list[RunRecord]) -> RunRecord | None:
    if not with_heads:
        return None
    with st.container(width=PICKER_PX):
        return pick_addressed_run(with_heads, key="attention_run", usual=_simplest(with_heads))


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
        if limits:
            st.caption(limits.strip())
        return
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        if st.button("Train a model", type="primary", key="attention_train"):
            st.switch_page("app_pages/train.py")
        st.caption(
            f"Shown: a transformer with random weights, **{loaded.origin}**. All its heads spread "
            f"almost evenly.{limits}"
        )


def _is_long_enough(seen: str) -> bool:
    """Whether there is anything to choose from; where there is not, that is said."""
    if not seen:
        st.info("Type a text above to see where the heads look.")
    elif len(seen) == 1:
        st.info("A single character can only look at itself: there is nothing to choose from.")
    return len(seen) > 1


main()
