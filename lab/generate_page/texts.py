"""The texts that are written side by side, and what there is to see of them when they are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core.errors import LabError
from core.findings.meaning import why_garbled
from core.records.records import RunRecord
from core.settings.ideas import SEES_AHEAD
from core.text.reference import reference_lines
from lab.components.text_view import WrittenText, text_view
from lab.generate_page.by_heart import held_against_its_text, render_by_heart
from lab.generate_page.drawing import Drawn, render_drawing
from lab.generate_page.heart_words import Held
from lab.session.entry import Entry, draw_page_again, only_fragments_run
from lab.session.generate_choices import GO, PROMPT
from lab.session.state import palette, the_lab
from lab.session.writing import MAX_CHARACTERS
from lab.widgets.action_buttons import check_seen
from lab.widgets.sheets import (
    Look,
    PlaceInText,
    Sheet,
    are_under_way,
    begin,
    others_text,
    readable_by_all,
    refused_text,
    render_sheets,
    sheet_of,
    write_or_stop,
)
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain, plain_but_code
from lab.wording.wishes import Wish, sampling_text

TICK_S, LONG_TICK_S = 0.25, 1.0
MANY_CHARACTERS = 4_000
"""Of more there is too much to send at every quarter of a second."""
TEXT_PX, SAMPLE_PX = 400, 290
"""Of a run's only text, and of one of several."""


@dataclass(frozen=True)
class FinishedText:
    """The first text of a run that has one."""

    name: str
    """Of the run."""
    fingerprint: str
    """Of what it learned from."""
    loss_nats: float
    added: str


@dataclass(frozen=True)
class Refusal:
    """A prompt that not all can read, why, and what is left when that is dropped."""

    prompt: str
    message: str
    readable: str


_SHEETS: Entry[Sequence[Sheet]] = Entry("generate_sheets", ())
_WHYS: Entry[Sequence[str]] = Entry("generate_whys", ())
"""Of each sheet, why it reads as it does."""
_REFUSAL: Entry[Refusal | None] = Entry("generate_refusal", None)
_BRANCH: Entry[str | None] = Entry("generate_branch_prompt", None)
"""A prompt that takes the place of the one in the box, to go on from."""
_PLACE: Entry[PlaceInText | None] = Entry("generate_place", None)
"""The written character that was chosen."""


def take_branch() -> None:
    """Where the reader sent a text another way, let that be the prompt. Before its box is drawn."""
    if branch := _BRANCH.take():
        PROMPT.set(branch[-MAX_CHARACTERS:])
        GO.set(True)


# --- writing --------------------------------------------------------------------------------------


def render_button(runs: Sequence[RunRecord | None], wishes: Sequence[Wish]) -> None:
    """Write or Stop; None stands for an untrained model."""
    check = check_seen("generate_write", " ".join(wish.run_id for wish in wishes))
    pressed = write_or_stop("generate", _SHEETS.get())
    goes = not are_under_way(_SHEETS.get()) and GO.take()
    if not (pressed or goes):
        return
    try:
        check()
    except LabError as error:
        st.error(plain_but_code(str(error)))
    else:
        _begin(runs, wishes)


def _begin(runs: Sequence[RunRecord | None], wishes: Sequence[Wish]) -> None:
    """Start to write, and keep what cannot be read; if nobody can, the texts of before stay."""
    sheets = [sheet_of(run, wish) for run, wish in zip(runs, wishes, strict=True)]
    _REFUSAL.clear()
    if refused := refused_text(sheets):
        prompt = wishes[0].prompt
        _REFUSAL.set(Refusal(prompt, refused, readable_by_all(prompt, sheets)))
    if any(sheet.writing for sheet in sheets) or not refused:
        _SHEETS.set(sheets)
        _WHYS.set([_why(run, sheet) for run, sheet in zip(runs, sheets)])
        _PLACE.clear()
        begin(sheets)
        st.rerun()


def _why(run: RunRecord | None, sheet: Sheet) -> str:
    """Why a text is going to read as it will."""
    if run is None or sheet.nats is None or sheet.loaded is None:
        return ""
    if run.looks_ahead:
        return f"In training {SEES_AHEAD}; where nothing stands ahead it never learned to guess."
    try:
        references = reference_lines(the_lab().corpus_of(run))
    except LabError:  # the text that it learned from is gone
        references = ()
    steps = sheet.loaded.step, run.max_iters
    config = sheet.wish.config
    return " ".join(why_garbled(sheet.nats, config, references, model=run.model, steps=steps))


def render_refusal(prompt: str) -> None:
    """What of the prompt cannot be read, by whom, and a button that leaves it out."""
    refusal = _REFUSAL.get()
    if refusal is None or refusal.prompt != prompt:
        return
    st.error(plain_but_code(refusal.message))
    st.button(
        "Leave them out and write", key="generate_drop", icon=":material/backspace:",
        on_click=_drop_unknown, args=(refusal.readable,),
    )  # fmt: skip


def _drop_unknown(readable: str) -> None:
    PROMPT.set(readable)
    GO.set(True)


# --- the texts ------------------------------------------------------------------------------------


def render_texts(wishes: Sequence[Wish]) -> None:
    """What was written last, or is being written, and what can be seen of it."""
    writes = are_under_way(_SHEETS.get())
    n_characters = sum(s.wish.n_samples * s.wish.config.max_new_tokens for s in _SHEETS.get())
    tick_s = LONG_TICK_S if n_characters > MANY_CHARACTERS else TICK_S
    st.fragment(_render_texts, run_every=tick_s if writes else None)(wishes, writes)


def has_written_a_text() -> bool:
    """Whether a trained transformer has written a text that stands here, to its end."""
    return any(
        sheet.wish.run_id
        and sheet.loaded is not None
        and sheet.loaded.model.config.model == "transformer"
        and sheet.writing is not None
        and sheet.writing.snapshot().state == "done"
        for sheet in _SHEETS.get()
    )


def _render_texts(wishes: Sequence[Wish], wrote: bool) -> None:
    sheets = _SHEETS.get()
    if wrote and not are_under_way(sheets):
        draw_page_again()
    if not sheets:
        _render_nothing_yet(wishes)
        return
    _render_standing(sheets, wishes)
    look = Look(
        page="generate", height_px=TEXT_PX if sheets[0].wish.n_samples == 1 else SAMPLE_PX,
        is_past=bool(others_text(sheets, wishes)), choosable=True, chosen=_PLACE.get(),
        marks=lambda sheet, added: _held(sheet, added).marks,
    )  # fmt: skip
    with st.spinner("Holding the texts against what was read …", show_time=False):
        chosen = render_sheets(sheets, look)
    if chosen:
        _PLACE.set(chosen.place)
        st.rerun(scope="fragment" if only_fragments_run() else "app")
    wish = sheets[0].wish
    drawn = sampling_text(wish.config, wish.n_samples)
    how = "" if _PLACE.get() or are_under_way(sheets) else (
        " Click a character, or choose it by the arrows and Enter, to see its draw."
    )  # fmt: skip
    st.caption(f"{drawn}.{how}")
    if not are_under_way(sheets):
        _render_drawing(sheets)
        _render_whys(sheets)
        _render_by_heart(sheets)


def _render_nothing_yet(wishes: Sequence[Wish]) -> None:
    st.markdown("**Nothing written yet**")
    names = words.listed([plain(wish.run_name) for wish in wishes])
    st.caption(f"Press Write, and the text of {names} appears here as it is written.")
    text_view(
        WrittenText(prompt=wishes[0].prompt, records=(), vocab_size=0), palette(),
        key="generate_prompt_text", alt="The prompt", height_px=TEXT_PX // 2,
        hint="Your prompt stands here in bold; what the model adds follows it.",
    )  # fmt: skip


def _render_standing(sheets: Sequence[Sheet], wishes: Sequence[Wish]) -> None:
    """Whether the controls still ask for these texts."""
    others = others_text(sheets, wishes)
    after = "" if are_under_way(sheets) else " Press Write."
    if others:
        st.info(f"Written with other settings: {others}.{after}", icon=":material/history:")


def _render_whys(sheets: Sequence[Sheet]) -> None:
    """A sentence for each text that has one."""
    whys = [(sheet, why) for sheet, why in zip(sheets, _WHYS.get()) if why]
    if len(sheets) == 1:
        for _, why in whys:
            st.caption(f"**Why it reads as it does.** {plain(why)}", help=explained(why))
    elif whys:
        said = "\n".join(f"* **{plain(s.wish.run_name)}**: {plain(why)}" for s, why in whys)
        st.markdown("**Why they read as they do**", help=explained(said))
        st.markdown(said)


def finished_texts() -> list[FinishedText]:
    """What is written to its end, by runs that are there and whose loss is known."""
    by_id = {run.id: run for run in the_lab().runs()}
    found = []
    for sheet in _SHEETS.get():
        snapshot, run = sheet.snapshot(), by_id.get(sheet.wish.run_id)
        if snapshot and snapshot.over and snapshot.n_written and run and sheet.nats is not None:
            found.append(FinishedText(run.name, run.fingerprint, sheet.nats, snapshot.added()))
    return found


# --- what can be seen of them when they are done --------------------------------------------------


def _held(sheet: Sheet, added: str) -> Held:
    return held_against_its_text(sheet.wish.run_id, added)


def _render_by_heart(sheets: Sequence[Sheet]) -> None:
    """All finished texts held against what their models learned from, and a file of them."""
    held, files = [], []
    for sheet in sheets:
        snapshot = sheet.snapshot()
        for text in range(len(snapshot.texts) if snapshot and snapshot.n_written else 0):
            assert snapshot is not None
            name = _name_of(sheet, text)
            held.append((name, _held(sheet, snapshot.added(text))))
            files.append((name, snapshot.prompt + snapshot.added(text)))
    if not held:
        return
    render_by_heart(held)
    st.download_button(
        "Download the text" if len(files) == 1 else "Download the texts", as_file(files),
        "text.txt", "text/plain", key="generate_download", icon=":material/download:",
        type="tertiary", on_click="ignore",
    )  # fmt: skip


def _name_of(sheet: Sheet, text: int) -> str:
    """What a text is called among the others."""
    many = sheet.wish.n_samples > 1
    return sheet.wish.run_name + f", sample {text + 1}" * many


def as_file(texts: Sequence[tuple[str, str]]) -> str:
    """Texts with their names as one file; a single one as it is."""
    if len(texts) == 1:
        return texts[0][1]
    return "\n\n".join(f"--- {name} ---\n{text}" for name, text in texts) + "\n"


def _render_drawing(sheets: Sequence[Sheet]) -> None:
    """How the chosen character was drawn; from there the text may go another way."""
    place = _PLACE.get()
    sheet = sheets[place.sheet] if place and place.sheet < len(sheets) else None
    snapshot = sheet.snapshot() if sheet else None
    if place is None or snapshot is None or sheet is None or sheet.loaded is None:
        return
    if place.character >= snapshot.n_written:
        return
    config = sheet.wish.config
    prompt = render_drawing(
        Drawn(
            loaded=sheet.loaded, prompt=snapshot.prompt, added=snapshot.added(place.text),
            place=place.character, config=replace(config, seed=config.seed + place.text),
        )
    )  # fmt: skip
    if prompt is not None:
        _BRANCH.set(prompt)
        st.rerun()
