"""Generate: a model continues what one types, and shows how sure it was of each character."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

import streamlit as st

from core.errors import LabError, PromptError
from core.findings.meaning import why_garbled
from core.records.records import RunRecord
from core.runs.lab import LoadedModel, Moment
from core.settings.config import SampleConfig, help_line
from core.text.reference import reference_lines
from lab.components.text_view import WrittenText, choosable_text_view
from lab.generate_page.by_heart import Held, held_against_its_text, render_by_heart
from lab.generate_page.drawing import Drawn, render_drawing
from lab.generate_page.through_training import N_WRITTEN, render_through_training
from lab.session.entry import Entry, draw_page_again, only_fragments_run
from lab.session.state import palette, the_lab
from lab.session.writing import MAX_CHARACTERS, Writing, WritingSnapshot
from lab.widgets.action_buttons import WRITE_PX, one_of
from lab.widgets.page_head import page_head
from lab.widgets.pickers import (
    PICKER_PX,
    load_model,
    opening_for,
    pick_addressed_run,
    suggest,
    untrained_model,
)
from lab.widgets.sampling import choose_seed, temperature_and_length
from lab.widgets.scrubber import scrub
from lab.wording import words
from lab.wording.glossary import explained, line_of
from lab.wording.plain import plain, plain_but_code
from lab.wording.wishes import (
    Wish,
    differences_text,
    loss_at,
    sampling_text,
    writer_text,
)

TICK_S = 0.25
TEXT_PX, TEXT_BESIDE_DRAW_PX = 460, 280
"""With the draw of one character below it, the text leaves room for that."""
INTRODUCTION = (
    "At each place the model gives every character a probability, and one of them is drawn. Strong "
    "colour: the model was sure. Faint: it might as well have written something else. Point at a "
    "character for its probability, its rank (1 is the likeliest of all), and what else could have "
    "stood there: by the model alone, and after temperature, top-k and top-p."
)


@dataclass(frozen=True)
class Sheet:
    """A text that is being written, what was asked for, and how that was said at the time."""

    writing: Writing
    wish: Wish
    title: str
    why: str
    """Why it reads as it does."""
    loaded: LoadedModel


@dataclass(frozen=True)
class Refusal:
    """A prompt that the model cannot read, why, and what is left when that is dropped."""

    prompt: str
    message: str
    readable: str


_PROMPT, _SEED = Entry("generate_prompt", ""), Entry("generate_seed", 0)
_SHEET: Entry[Sheet | None] = Entry("generate_sheet", None)
_REFUSAL: Entry[Refusal | None] = Entry("generate_refusal", None)
_GO = Entry("generate_go", False)
"""Whether to write without another press of the button."""
_BRANCH: Entry[str | None] = Entry("generate_branch_prompt", None)
"""A prompt that takes the place of the one in the box, to go on from."""
_PLACE: Entry[int | None] = Entry("generate_place", None)
"""The written character that was chosen, by its place among those that were added."""


def main() -> None:
    if branch := _BRANCH.take():
        _PROMPT.set(branch[-MAX_CHARACTERS:])
        _GO.set(True)
    page_head("A model writes, one character at a time", INTRODUCTION)
    run, moment = _pick(the_lab().runs())
    left, right = st.columns([2, 3], gap="large")
    with left:
        _set_opening(run)
        prompt = st.text_area(
            "Prompt", key=_PROMPT.key, height=96, max_chars=MAX_CHARACTERS, persist_state="session",
            help="What the model continues. Empty: it begins with a new line.",
        )  # fmt: skip
        # The button stands above the settings that it needs, so its place is kept free first.
        buttons = st.container()
        wish = Wish(
            run_id=run.id if run else "", run_name=run.name if run else "untrained",
            moment=moment, prompt=prompt or "", config=_settings(run),
        )  # fmt: skip
        with buttons:
            with one_of("generate_writing", WRITE_PX):
                asked = _render_button()
            if asked:
                _begin(run, wish)
            _render_refusal(wish.prompt)
    with right:
        sheet = _SHEET.get()
        writes = sheet is not None and not sheet.writing.snapshot().over
        st.fragment(_render_sheet, run_every=TICK_S if writes else None)(wish, writes)
    if run:
        short = replace(wish.config, max_new_tokens=N_WRITTEN)
        render_through_training(run, wish.prompt, short)


# --- who writes, and how --------------------------------------------------------------------------


def _pick(runs: list[RunRecord]) -> tuple[RunRecord | None, Moment]:
    """The run, and when in its training, that writes; None: a model that learned nothing."""
    if not runs:
        with st.container(border=True):
            st.markdown(
                "No run has been trained yet. Until then an **untrained transformer, step 0**, "
                "writes here: it knows which characters there are and nothing else."
            )
            st.page_link(
                "app_pages/train.py", label="Train a model", icon=":material/model_training:"
            )
        return None, "best"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=PICKER_PX):
            run = pick_addressed_run(runs, key="generate_run")
        with st.container(gap=None):
            return run, scrub(run) if run else "best"


def _load(run: RunRecord | None, moment: Moment) -> LoadedModel:
    """The model that writes. Raises LabError when it cannot be loaded."""
    if run:
        return load_model(run, moment)
    return untrained_model("transformer", the_lab().library.load())


def _set_opening(run: RunRecord | None) -> None:
    """A first prompt that the reader may change."""
    suggest(_PROMPT.key, opening_for(run))


def _settings(run: RunRecord | None) -> SampleConfig:
    """The widgets, and what they say. Raises ConfigError for what cannot be."""
    start = SampleConfig()
    vocab_size = run.config.model.vocab_size if run else len(the_lab().library.load().vocabulary)
    temperature, length = temperature_and_length("generate", start.max_new_tokens, MAX_CHARACTERS)
    left, right = st.columns(2)
    # A key of its own for each size: a number that was right may be too large for another corpus.
    top_k = left.slider(
        "Top-k", 0, vocab_size, start.top_k, key=f"generate_top_k_{vocab_size}",
        help=help_line("top_k"), persist_state="session",
    )  # fmt: skip
    top_p = right.slider(
        "Top-p", 0.05, 1.0, start.top_p, 0.05, key="generate_top_p",
        help=help_line("top_p"), persist_state="session",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = choose_seed(_SEED)
        st.button("New seed", key="generate_new_seed", icon=":material/casino:", on_click=_new_seed)
    st.caption("  \n".join(map(line_of, ("temperature", "top-k", "top-p"))))
    return SampleConfig(
        max_new_tokens=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
    )


def _new_seed() -> None:
    _SEED.set(secrets.randbelow(2**31))


# --- writing --------------------------------------------------------------------------------------


def _render_button() -> bool:
    """Write, or stop what is being written; returns whether to write."""
    sheet = _SHEET.get()
    if sheet and not sheet.writing.snapshot().over:
        if st.button("Stop", key="generate_stop", icon=":material/stop:"):
            sheet.writing.stop()
            st.rerun()
        return False
    pressed = st.button("Write", type="primary", key="generate_write", icon=":material/edit_note:")
    return _GO.take() or pressed


def _begin(run: RunRecord | None, wish: Wish) -> None:
    """Start to write, or keep the reason why not."""
    loaded = _load(run, wish.moment)
    _REFUSAL.clear()
    try:
        writing = Writing(loaded.model, loaded.vocabulary, wish.prompt, wish.config)
    except PromptError as error:
        readable = loaded.vocabulary.drop_unknown(wish.prompt)
        _REFUSAL.set(Refusal(wish.prompt, str(error), readable))
        return
    nats = loss_at(the_lab().store, run, loaded.step) if run else None
    title, why = writer_text(run, loaded, nats), _why(run, loaded, nats, wish.config)
    _SHEET.set(Sheet(writing, wish, title, why, loaded))
    _PLACE.clear()
    writing.start()
    st.rerun()


def _why(
    run: RunRecord | None, loaded: LoadedModel, nats: float | None, config: SampleConfig
) -> str:
    """Why the text is going to read as it will."""
    if run is None or nats is None:
        return ""
    try:
        references = reference_lines(the_lab().corpus_of(run))
    except LabError:  # the text that it learned from is gone
        references = ()
    steps = loaded.step, run.max_iters
    return " ".join(why_garbled(nats, config, references, model=run.model, steps=steps))


def _render_refusal(prompt: str) -> None:
    refusal = _REFUSAL.get()
    if refusal is None or refusal.prompt != prompt:
        return
    st.error(plain_but_code(refusal.message))
    st.button(
        "Leave them out and write", key="generate_drop", icon=":material/backspace:",
        on_click=_drop_unknown, args=(refusal.readable,),
    )  # fmt: skip


def _drop_unknown(readable: str) -> None:
    _PROMPT.set(readable)
    _GO.set(True)


# --- the text -------------------------------------------------------------------------------------


def _render_sheet(wish: Wish, wrote: bool) -> None:
    sheet = _SHEET.get()
    snapshot = sheet.writing.snapshot() if sheet else None
    if wrote and snapshot and snapshot.over:
        draw_page_again()
    others = differences_text(sheet.wish, wish) if sheet else ""
    if sheet and snapshot:
        st.markdown(sheet.title, help=explained(sheet.title))
        st.caption(f"{sampling_text(sheet.wish.config)}. {_progress(snapshot)}")
        if sheet.why:
            st.caption(
                f"**Why it reads as it does.** {plain(sheet.why)}", help=explained(sheet.why)
            )
        if others:
            after = " Press Write." if snapshot.over else ""
            st.info(f"Written with other settings: {others}.{after}", icon=":material/history:")
    else:
        st.markdown("**Nothing written yet**")
        st.caption("Press Write, and the text appears here as it is written.")
    held = _held(sheet) if sheet else None
    text = WrittenText(
        prompt=snapshot.prompt if snapshot else wish.prompt,
        records=snapshot.records if snapshot else (),
        vocab_size=len(sheet.loaded.vocabulary) if sheet else 0,
        marks=held.marks if held else (),
        is_past=bool(others),
    )
    choice = choosable_text_view(
        text, palette(), key="generate_text", alt="The prompt, and what the model added to it",
        height_px=TEXT_PX if _PLACE.get() is None else TEXT_BESIDE_DRAW_PX, chosen=_PLACE.get(),
        hint="Your prompt stands here in bold; what the model adds follows it.",
    )  # fmt: skip
    if choice:
        _PLACE.set(choice.place)
        st.rerun(scope="fragment" if only_fragments_run() else "app")
    if sheet and snapshot and snapshot.over:
        _render_drawing(sheet, snapshot)
    if held and snapshot:
        render_by_heart(held)
        st.download_button(
            "Download the text", snapshot.prompt + snapshot.added, "text.txt", "text/plain",
            key="generate_download", icon=":material/download:", type="tertiary",
            on_click="ignore",
        )  # fmt: skip


def _held(sheet: Sheet) -> Held | None:
    """A finished text held against what its model learned from; None for one that is not."""
    snapshot = sheet.writing.snapshot()
    if not snapshot.over or not snapshot.records:
        return None
    with st.spinner("Holding it against the training text …"):
        return held_against_its_text(sheet.wish.run_id, snapshot.added)


def _render_drawing(sheet: Sheet, snapshot: WritingSnapshot) -> None:
    """How the chosen character was drawn; from there the text may go another way."""
    place = _PLACE.get()
    if place is None or place >= len(snapshot.records):
        if snapshot.records:
            st.caption("Click a character, or choose it by the arrows and Enter, to see its draw.")
        return
    prompt = render_drawing(
        Drawn(
            loaded=sheet.loaded, prompt=snapshot.prompt, added=snapshot.added, place=place,
            config=sheet.wish.config,
        )
    )  # fmt: skip
    if prompt is not None:
        _BRANCH.set(prompt)
        st.rerun()


def _progress(snapshot: WritingSnapshot) -> str:
    """Where a text stands, in one line."""
    n = words.count(len(snapshot.records))
    if not snapshot.over:
        return f"Writing: {n} of {words.count(snapshot.n_wanted)} characters."
    if snapshot.state == "failed":
        return snapshot.message
    end = f"{n} characters" if snapshot.state == "done" else f"Stopped after {n} characters"
    rate = snapshot.chars_per_s
    return f"{end}, {words.count(rate)} a second." if rate else f"{end}."


main()
