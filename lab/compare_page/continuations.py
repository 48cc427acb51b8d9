"""The same prompt, continued by several runs side by side: the settings, and the texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.errors import LabError
from core.records.records import RunRecord
from core.settings.config import SampleConfig
from lab.components.text_view import WrittenText, text_view
from lab.figures.palette import in_model_color
from lab.session.entry import Entry, draw_page_again
from lab.session.state import palette, the_lab
from lab.session.writing import Writing
from lab.widgets.action_buttons import WRITE_PX, one_of
from lab.widgets.pickers import load_model, opening_for, suggest
from lab.widgets.sampling import choose_seed, temperature_and_length
from lab.wording import words
from lab.wording.plain import plain, plain_but_code
from lab.wording.wishes import Wish, differences_text, loss_at, sampling_text

ACROSS = 3
"""Texts side by side."""
TICK_S = 0.25
TEXT_PX = 236


@dataclass(frozen=True)
class Sheet:
    """What one run writes, or why it does not, and what was asked for."""

    name: str
    title: str
    wish: Wish
    writing: Writing | None = None
    vocab_size: int = 0
    message: str = ""


_SHEETS: Entry[Sequence[Sheet]] = Entry("compare_sheets", ())
_PROMPT, _SEED = "compare_prompt", Entry("compare_seed", 0)


def render_wish(runs: list[RunRecord]) -> list[Wish]:
    """The prompt, how to continue it, and the button; returns what each run is asked for."""
    sheets = _SHEETS.get()
    suggest(_PROMPT, _opening(runs))
    prompt = st.text_area(
        "Prompt for all of them", key=_PROMPT, height=72, max_chars=2_000, persist_state="session",
        help="What the best checkpoint of each continues. Empty: they begin with a new line.",
    )  # fmt: skip
    temperature, length = temperature_and_length("compare", 200, most=1_000)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = choose_seed(_SEED, width=200)
        config = SampleConfig(max_new_tokens=length, temperature=temperature, seed=seed)
        wishes = [
            Wish(
                run_id=run.id, run_name=run.name, moment="best", prompt=prompt or "", config=config
            )
            for run in runs
        ]
        with one_of("compare_writing", WRITE_PX):
            _render_button(runs, wishes, sheets)
    _render_standing(sheets, wishes)
    return wishes


def _render_button(runs: list[RunRecord], wishes: list[Wish], sheets: Sequence[Sheet]) -> None:
    """Let all of them write, or stop them."""
    if _under_way(sheets):
        if st.button("Stop", key="compare_stop", icon=":material/stop:"):
            for sheet in sheets:
                if sheet.writing:
                    sheet.writing.stop()
            st.rerun()
    elif st.button("Write", type="primary", key="compare_write", icon=":material/edit_note:"):
        _SHEETS.set([_sheet(run, wish) for run, wish in zip(runs, wishes)])
        st.rerun()


def _render_standing(sheets: Sequence[Sheet], wishes: list[Wish]) -> None:
    """What the texts below are, and whether the controls still say so."""
    if not sheets:
        st.caption(
            "Press Write: each run continues the prompt in turn, with the same seed and settings. "
            "The colour of a character says how probable the run thought it."
        )
        return
    st.caption(f"Below: {sampling_text(sheets[0].wish.config)}.")
    if others := _others(sheets, wishes):
        st.info(f"Written with other settings: {others}. Press Write.", icon=":material/history:")


def render_texts(wishes: list[Wish]) -> None:
    """What the runs wrote last, or are writing, side by side."""
    writes = _under_way(_SHEETS.get())
    st.fragment(_render_sheets, run_every=TICK_S if writes else None)(wishes, writes)


def _under_way(sheets: Sequence[Sheet]) -> bool:
    return any(sheet.writing and not sheet.writing.snapshot().over for sheet in sheets)


def _opening(runs: list[RunRecord]) -> str:
    """A prompt that every one of the runs can read."""
    try:
        known = [load_model(run, "best").vocabulary for run in runs]
    except LabError:  # said when the reader asks that run to write
        return ""
    openings = map(opening_for, runs)
    return next((text for text in openings if not any(v.unknown(text) for v in known)), "")


def _sheet(run: RunRecord, wish: Wish) -> Sheet:
    """One run's text, not yet begun, or the reason why there is none."""
    title = f"{in_model_color(run.model, '●')} **{plain(run.name)}**"
    try:
        loaded = load_model(run, wish.moment)
        writing = Writing(loaded.model, loaded.vocabulary, wish.prompt, wish.config)
    except LabError as error:
        return Sheet(run.name, title, wish, message=str(error))
    nats = loss_at(the_lab().store, run, loaded.step)
    loss = f", loss {words.loss(nats)}" if nats is not None else ""
    said = f"{title}, step {words.count(loaded.step)}{loss}"
    return Sheet(run.name, said, wish, writing, len(loaded.vocabulary))


def _render_sheets(wishes: list[Wish], wrote: bool) -> None:
    sheets = _SHEETS.get()
    # One after the other, so that they do not slow each other down.
    waiting = [s.writing for s in sheets if s.writing and not s.writing.snapshot().over]
    if waiting:
        waiting[0].start()
    elif wrote:
        draw_page_again()
    is_past = bool(sheets and _others(sheets, wishes))
    for first in range(0, len(sheets), ACROSS):
        group = sheets[first : first + ACROSS]
        for place, (column, sheet) in enumerate(zip(st.columns(len(group), gap="medium"), group)):
            with column:
                _render_sheet(sheet, first + place, is_past=is_past)


def _others(sheets: Sequence[Sheet], wishes: list[Wish]) -> str:
    """In what the texts are not those that the controls ask for now; empty where they are."""
    if [sheet.wish.run_id for sheet in sheets] != [wish.run_id for wish in wishes]:
        return "other runs"
    return differences_text(sheets[0].wish, wishes[0])


def _render_sheet(sheet: Sheet, place: int, *, is_past: bool) -> None:
    snapshot = sheet.writing.snapshot() if sheet.writing else None
    said = sheet.title
    if snapshot and snapshot.chars_per_s and snapshot.over:
        said += f" :gray[· {words.count(snapshot.chars_per_s)} a second]"
    st.markdown(said)
    if snapshot is None:
        st.error(plain_but_code(sheet.message))
        return
    if snapshot.state == "failed":
        st.error(plain_but_code(snapshot.message))
    text = WrittenText(
        prompt=snapshot.prompt, records=snapshot.records, vocab_size=sheet.vocab_size,
        is_past=is_past,
    )  # fmt: skip
    text_view(
        text, palette(), key=f"compare_text_{place}", height_px=TEXT_PX,
        alt=f"The prompt, and what {sheet.name} added to it",
    )  # fmt: skip
