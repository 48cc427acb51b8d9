"""The same prompt, continued by the compared runs: its controls here, the texts as on Generate."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import LabError
from core.records.records import RunRecord
from core.settings.config import SampleConfig
from lab.session.entry import Entry, draw_page_again
from lab.widgets.pickers import load_model, opening_for, suggest
from lab.widgets.sampling import choose_seed, length_slider, temperature_slider
from lab.widgets.sheets import (
    Look,
    Sheet,
    are_under_way,
    begin,
    others_text,
    render_sheets,
    sheet_of,
    write_or_stop,
)
from lab.wording.wishes import Wish, sampling_text

TICK_S = 0.25
MAX_LENGTH, USUAL_LENGTH = 1_000, 200
TEXT_PX = 236

_SHEETS: Entry[Sequence[Sheet]] = Entry("compare_sheets", ())
_PROMPT = Entry("compare_prompt", "")
_TEMPERATURE = Entry("compare_temperature", SampleConfig().temperature)
_LENGTH, _SEED = Entry("compare_length", USUAL_LENGTH), Entry("compare_seed", 0)


def render_wish(runs: Sequence[RunRecord]) -> list[Wish]:
    """The prompt, how to continue it, and the button; returns what each run is asked for."""
    suggest(_PROMPT.key, _opening(runs))
    prompt = st.text_area(
        "Prompt for all of them", key=_PROMPT.key, height=72, max_chars=2_000,
        persist_state="session",
        help="What the best checkpoint of each continues. Empty: they begin with a new line.",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        temperature = temperature_slider(_TEMPERATURE)
    with right:
        length = length_slider(_LENGTH, MAX_LENGTH)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=200):
            seed = choose_seed(_SEED)
        config = SampleConfig(max_new_tokens=length, temperature=temperature, seed=seed)
        wishes = [
            Wish(
                run_id=run.id, run_name=run.name, moment="best", prompt=prompt or "", config=config
            )
            for run in runs
        ]
        if write_or_stop("compare", _SHEETS.get()):
            sheets = [sheet_of(run, wish) for run, wish in zip(runs, wishes)]
            _SHEETS.set(sheets)
            begin(sheets)
            st.rerun()
    _render_standing(_SHEETS.get(), wishes)
    return wishes


def render_texts(wishes: list[Wish], *, in_bits: bool) -> None:
    """What the runs wrote last, or are writing, side by side."""
    writes = are_under_way(_SHEETS.get())
    st.fragment(_render_texts, run_every=TICK_S if writes else None)(wishes, writes, in_bits)


def _render_texts(wishes: list[Wish], wrote: bool, in_bits: bool) -> None:
    sheets = _SHEETS.get()
    if wrote and not are_under_way(sheets):
        draw_page_again()
    is_past = bool(others_text(sheets, wishes))
    look = Look(page="compare", height_px=TEXT_PX, is_past=is_past, in_bits=in_bits)
    render_sheets(sheets, look)


def _render_standing(sheets: Sequence[Sheet], wishes: Sequence[Wish]) -> None:
    """What the texts below are, and whether the controls still say so."""
    if not sheets:
        st.caption(
            "Press Write: all runs continue the prompt together, with the same seed and settings. "
            "The colour of a character says how probable the run thought it."
        )
        return
    st.caption(f"Below: {sampling_text(sheets[0].wish.config)}.")
    if others := others_text(sheets, wishes):
        st.info(f"Written with other settings: {others}. Press Write.", icon=":material/history:")


def _opening(runs: Sequence[RunRecord]) -> str:
    """A prompt that every one of the runs can read."""
    try:
        known = [load_model(run, "best").vocabulary for run in runs]
    except LabError:  # said when the reader asks that run to write
        return ""
    openings = map(opening_for, runs)
    return next((text for text in openings if not any(v.unknown(text) for v in known)), "")
