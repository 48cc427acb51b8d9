"""One prompt, continued by several runs side by side: the texts, and the button that begins them.

What the prompt is and how it is continued, each page asks with controls of its own and says in a
`Wish` for each run. What was written last stays on the screen, marked as past, until Write is
pressed again: a change of a control while models write takes nothing from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core.errors import LabError, PromptError
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from lab.components.text_view import WrittenText, choosable_text_view, text_view
from lab.figures.palette import in_model_color
from lab.session.state import palette, the_lab
from lab.session.writing import Writing, WritingSnapshot, start_together
from lab.widgets.action_buttons import WRITE_PX, one_of
from lab.widgets.pickers import load_model, untrained_model
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain, plain_but_code
from lab.wording.wishes import (
    Wish,
    about_writer_text,
    differences_text,
    loss_at,
    writer_loss_text,
    writer_text,
)

ACROSS = 3
"""Runs side by side."""
Marks = Callable[["Sheet", str], Sequence[tuple[int, int]]]
"""Which stretches of a finished text are underlined: start and length of each."""


@dataclass(frozen=True)
class Sheet:
    """What one run writes, or why it does not, and what was asked for."""

    wish: Wish
    title: str
    """Who writes; Markdown."""
    about: str = ""
    nats: float | None = None
    """The loss of the model that writes, per character."""
    loaded: LoadedModel | None = None
    writing: Writing | None = None
    message: str = ""
    """Why nothing is written."""
    unknown: str = ""
    """Characters of the prompt that it cannot read."""

    def snapshot(self) -> WritingSnapshot | None:
        """How far it has come; None where nothing is written."""
        return self.writing.snapshot() if self.writing else None


@dataclass(frozen=True)
class PlaceInText:
    """A written character: of which sheet, in which of its texts, and its place there."""

    sheet: int
    text: int
    character: int

    def is_in_text_of(self, other: PlaceInText) -> bool:
        """Whether both stand in one text."""
        return (self.sheet, self.text) == (other.sheet, other.text)


@dataclass(frozen=True)
class Chosen:
    """What the reader chose just now: a character, or none any more."""

    place: PlaceInText | None


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a page shows its sheets."""

    page: str
    """With its name the keys of the texts begin."""
    height_px: int
    """Of a text with its legend."""
    in_bits: bool = False
    """Whether losses are said in bits."""
    is_past: bool = False
    """Whether they belong to settings of before; then they have no colour."""
    marks: Marks | None = None
    choosable: bool = False
    """Whether a character can be chosen."""
    chosen: PlaceInText | None = None


def sheet_of(run: RunRecord | None, wish: Wish) -> Sheet:
    """One run's texts, not yet begun, or the reason why there are none.

    Without a run, a model writes that learned nothing, of the lab's default text.
    """
    dot = in_model_color(run.model if run else "transformer", "●")
    title = f"{dot} {writer_text(run)}"
    try:
        loaded = (
            load_model(run, wish.moment) if run
            else untrained_model("transformer", the_lab().library.load())
        )  # fmt: skip
        writing = Writing(loaded.model, loaded.vocabulary, wish.prompt, wish.config, wish.n_samples)
    except LabError as error:
        unknown = error.unknown if isinstance(error, PromptError) else ""
        return Sheet(wish, title, message=str(error), unknown=unknown)
    nats = loss_at(the_lab().store, run, loaded.step) if run else None
    return Sheet(wish, title, about_writer_text(loaded, nats), nats, loaded, writing)


def begin(sheets: Sequence[Sheet]) -> None:
    """Let all of them write, side by side."""
    start_together([sheet.writing for sheet in sheets if sheet.writing])


def are_under_way(sheets: Sequence[Sheet]) -> bool:
    """Whether any of them is still being written."""
    return any(snapshot and not snapshot.over for snapshot in map(Sheet.snapshot, sheets))


def others_text(sheets: Sequence[Sheet], wishes: Sequence[Wish]) -> str:
    """In what the texts are not those that the controls ask for now; empty where they are."""
    if not sheets:
        return ""
    ids, wanted = [s.wish.run_id for s in sheets], [w.run_id for w in wishes]
    if len(ids) == len(wanted) == 1 or ids == wanted:
        return next(filter(None, map(differences_text, [s.wish for s in sheets], wishes)), "")
    return f"other runs ({words.listed([plain(sheet.wish.run_name) for sheet in sheets])})"


def write_or_stop(page: str, sheets: Sequence[Sheet]) -> bool:
    """The button to write, or to stop what is being written; whether to write."""
    with one_of(f"{page}_writing", WRITE_PX):
        if not are_under_way(sheets):
            return st.button(
                "Write", type="primary", key=f"{page}_write", icon=":material/edit_note:"
            )
        if st.button("Stop", key=f"{page}_stop", icon=":material/stop:"):
            for sheet in sheets:
                if sheet.writing:
                    sheet.writing.stop()
            st.rerun()
    return False


def refused_text(sheets: Sequence[Sheet]) -> str:
    """Whose vocabulary lacks which characters of the prompt; empty where none lacks any."""
    refused = [sheet for sheet in sheets if sheet.unknown]
    if not refused:
        return ""
    if len({sheet.message for sheet in refused}) == 1 and len(refused) == len(sheets):
        return refused[0].message
    return " ".join(f"{sheet.wish.run_name}: {sheet.message}" for sheet in refused)


def readable_by_all(prompt: str, sheets: Sequence[Sheet]) -> str:
    """The prompt without what one of them cannot read."""
    unknown = {character for sheet in sheets for character in sheet.unknown}
    return "".join(character for character in prompt if character not in unknown)


def render_sheets(sheets: Sequence[Sheet], look: Look) -> Chosen | None:
    """All texts, those of a run below its name; a lone run's stand side by side.

    Returns what the reader has chosen since then, if anything.
    """
    chosen = None
    for first in range(0, len(sheets), ACROSS):
        group = sheets[first : first + ACROSS]
        columns = st.columns(len(group), gap="medium")
        for place, (column, sheet) in enumerate(zip(columns, group), start=first):
            with column:
                chosen = _render_sheet(sheet, place, look, is_alone=len(sheets) == 1) or chosen
    return chosen


def _render_sheet(sheet: Sheet, place: int, look: Look, *, is_alone: bool) -> Chosen | None:
    snapshot = sheet.snapshot()
    said = sheet.title
    if sheet.nats is not None:
        said += f", {writer_loss_text(sheet.nats, look.in_bits)}"
    if snapshot:
        said += f"  \n:gray[:small[{sheet.about} · {progress_text(snapshot)}]]"
    st.markdown(said, help=explained(said))
    if snapshot is None or sheet.loaded is None:
        (st.caption if look.is_past else st.error)(plain_but_code(sheet.message))
        return None
    if snapshot.state == "failed":
        st.error(plain_but_code(snapshot.message))
    n = len(snapshot.texts)
    places = st.columns(n, gap="medium") if is_alone and n > 1 else [st.container()]
    chosen = None
    for text in range(n):
        with places[text % len(places)]:
            at = PlaceInText(place, text, 0)
            chosen = _render_text(sheet, snapshot, at, look) or chosen
    return chosen


def _render_text(
    sheet: Sheet, snapshot: WritingSnapshot, at: PlaceInText, look: Look
) -> Chosen | None:
    """One text, of which `at` is the first character; what was chosen in it."""
    assert sheet.loaded is not None
    added = snapshot.added(at.text)
    text = WrittenText(
        prompt=snapshot.prompt, records=snapshot.texts[at.text],
        vocab_size=len(sheet.loaded.vocabulary), is_past=look.is_past,
        marks=look.marks(sheet, added) if look.marks and snapshot.over and added else (),
    )  # fmt: skip
    key = f"{look.page}_text_{at.sheet}_{at.text}"
    sample = f", sample {at.text + 1}" if len(snapshot.texts) > 1 else ""
    alt = f"The prompt, and what {sheet.wish.run_name} added to it{sample}"
    if not look.choosable:
        text_view(text, palette(), key=key, alt=alt, height_px=look.height_px)
        return None
    here = look.chosen if look.chosen and look.chosen.is_in_text_of(at) else None
    choice = choosable_text_view(
        text, palette(), key=key, alt=alt, height_px=look.height_px,
        chosen=here.character if here else None,
    )  # fmt: skip
    if choice is None:
        return None
    return Chosen(None if choice.place is None else replace(at, character=choice.place))


def progress_text(snapshot: WritingSnapshot) -> str:
    """Where the texts of a run stand, in a few words."""
    n = words.count(snapshot.n_written)
    if not snapshot.over:
        return f"{n} of {words.count(snapshot.n_wanted)} characters"
    if snapshot.state == "failed":
        return f"broke off after {n} characters"
    end = f"{n} characters" if snapshot.state == "done" else f"stopped after {n} characters"
    rate = snapshot.chars_per_s
    return f"{end}, {words.count(rate)} a second" if rate else end
