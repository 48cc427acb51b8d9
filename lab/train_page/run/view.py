"""One run on the bench: five answers, its curve, and what it writes.

Everything that changes while a run trains is in one fragment, which ticks only while it trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import LabError
from core.findings.curve import lines_beside
from core.findings.notes import Note, NoteKind, notes_on
from core.records.event_words import story_of
from core.records.records import Estimate, RunRecord, broke_at, on_text
from core.text.reference import ReferenceLine, reference_lines
from lab.components.live_plot import live_plot
from lab.figures.curve_marks import SMOOTHING
from lab.figures.losses import (
    MAX_POINTS,
    SCALES,
    WORDS,
    X_TITLES,
    LossCurve,
    Scale,
    XAxis,
)
from lab.figures.said import losses_said
from lab.session import train_choices
from lab.session.entry import Entry, draw_page_again
from lab.session.measured import untrained_sample
from lab.session.pace import paced
from lab.session.state import BEHIND, is_live, the_lab
from lab.train_page.run.answer_cells import render_answers
from lab.train_page.run.answers import Measured
from lab.train_page.run.branching import ask_for_branch
from lab.train_page.run.chart import ChartSettings, clear_chart, run_chart
from lab.train_page.run.health_panel import render_health
from lab.train_page.run.shape_words import shape_text
from lab.train_page.run.transport import Bench
from lab.train_page.run.writing_panel import about_sample, render_panel
from lab.train_page.story.view import render_story
from lab.widgets.context import render_context
from lab.widgets.expected_time import expected_time
from lab.widgets.page_head import words_fold
from lab.widgets.pickers import run_label
from lab.widgets.switches import switch
from lab.wording import words
from lab.wording.plain import plain, plain_but_code

N_NEWEST = 3
SHORT_NOTES: dict[NoteKind, str] = {
    "passed_unigram": "passed unigram counts",
    "beat_bigram": "beat bigram counts",
    "beat_5gram": "beat counted 5-grams",
    "best": "best so far",
    "overfitting": "overfitting since",
    "flat": "flat",
    "worse": "worse than before",
    "learning": "still learning",
    "diverging": "diverging",
    "diverged": "diverged",
}
EVENTS_SHOWN = 4
CHART_PX, SAMPLE_PX = 320, 226
REWIND = (
    "Rewind: click a point of the curve, change one thing, and train on from there; both curves "
    "are then drawn."
)
CSS = """
.st-key-train_side_by_side { flex-wrap: wrap; }
.st-key-train_side_by_side > * { width: auto; min-width: 0; }
.st-key-train_side_by_side > :has(> .st-key-train_chart) { flex: 3 1 420px; }
.st-key-train_side_by_side > :has(> .st-key-train_writing) { flex: 1 1 300px; }
.st-key-train_writing [data-testid="stColumn"] { flex: 1 1 40%; min-width: 40%; }
.st-key-train_writing [data-testid="stColumn"]:first-child { flex-basis: 100%; }
"""
"""The chart and what the run writes side by side where there is room, else one under the other."""


def render_run_view(bench: Bench, runs: list[RunRecord]) -> None:
    """Draw everything about the run on the bench; `runs` are all there are, the newest first."""
    st.html(f"<style>{CSS}</style>")
    look = _render_switches(bench, runs)
    # A run that waits may be set going from another tab: a look now and then is enough.
    every_s = 1.0 if bench.live else 3.0 if bench.resumable else None
    st.fragment(_render_live, run_every=paced(every_s))(
        bench, bench.run.id if bench.run else None, look
    )
    render_story(bench)


def _render_switches(bench: Bench, runs: list[RunRecord]) -> ChartSettings:
    """How the chart is to look."""
    with st.container(horizontal=True, vertical_alignment="center", key="train_switches"):
        axis: XAxis = switch(
            "Horizontal axis", list(X_TITLES), held=train_choices.AXIS, labelled=False
        )
        unit = switch("Loss in", train_choices.UNITS, held=train_choices.UNIT, labelled=False)
        with st.popover("Chart", icon=":material/tune:"):
            scale: Scale = switch("Scale", SCALES, held=train_choices.SCALE)
            smoothing = switch(
                "Smoothing of the training loss", list(SMOOTHING), held=train_choices.SMOOTHING,
                help_text="A running mean. The raw line stays under it: a mean can hide things.",
            )  # fmt: skip
            behind = _choose_behind(bench, runs)
    return ChartSettings(axis, unit == "bits", scale, SMOOTHING[smoothing], behind)


def _choose_behind(bench: Bench, runs: list[RunRecord]) -> tuple[str, ...]:
    """The runs whose curves stand behind: the newest others, the reader's choice, or none.

    Only runs on the same text: losses on different texts never share an axis.
    """
    run = bench.run
    every = [other for other in runs if run is None or other.id != run.id]
    others = on_text(every, run.fingerprint if run else bench.corpus.fingerprint)
    how = switch("Runs behind", BEHIND, held=train_choices.BEHIND)
    if how == "chosen":
        by_id = {other.id: other for other in others}
        held = train_choices.RUNS_BEHIND
        held.set([run_id for run_id in held.get() if run_id in by_id][: train_choices.MAX_BEHIND])
        if left_out := len(every) - len(others):
            st.caption(
                f"{left_out:,} {'run' if left_out == 1 else 'runs'} on other texts cannot stand "
                "here: their losses cannot be compared with these."
            )
        return tuple(
            st.multiselect(
                "Which", list(by_id), key=held.key, max_selections=train_choices.MAX_BEHIND,
                format_func=lambda run_id: run_label(by_id[run_id]), persist_state="session",
            )
        )  # fmt: skip
    # The parent of a branch comes first; runs of sweeps stay in their sweep.
    newest = [other for other in others if not other.sweep and not is_live(other)]
    newest.sort(key=lambda other: run is None or other.id != run.parent)
    return tuple(other.id for other in newest[:N_NEWEST]) if how == "newest" else ()


# --- live -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Places:
    """Where everything goes, with a run on the bench or none.

    The chart keeps its place, whatever is above it: so it is one element from first to last.
    """

    above: DeltaGenerator
    chart: DeltaGenerator
    writing: DeltaGenerator
    below: DeltaGenerator

    @classmethod
    def laid_out(cls) -> _Places:
        above = st.container(gap="small")
        with st.container(horizontal=True, gap="medium", key="train_side_by_side"):
            chart = st.container(gap="xsmall", key="train_chart")
            writing = st.container(gap="xsmall", key="train_writing")
        return cls(above, chart, writing, st.container(gap="small"))


def _render_live(bench: Bench, run_id: str | None, look: ChartSettings) -> None:
    try:
        run = the_lab().run(run_id) if run_id else None
    except LabError:  # deleted meanwhile
        draw_page_again()
        return
    if run and bench.run and run.status != bench.run.status:
        draw_page_again()
    places = _Places.laid_out()
    if run is None:
        _render_clear_bench(bench, look, places)
        return
    store = the_lab().store
    now = Measured(
        run, store.estimates(run.id), store.steps(run.id, at_most=MAX_POINTS),
        store.changes(run.id), broke_at(run, store.events(run.id)),
    )  # fmt: skip
    others = [other for other in the_lab().runs() if other.id != run.id]
    references, trouble = _references(run)
    beside = lines_beside(run, references)
    notes = [
        note
        for note in notes_on(
            now.estimates, now.steps, beside, run.max_iters, look.in_bits, now.broke_at
        )
        if note.kind != "learning"  # stands among the answers, and moves with every estimate
    ]
    with places.above:
        if run.message:
            (st.error if run.status == "failed" else st.warning)(plain_but_code(run.message))
        if trouble:
            st.warning(plain_but_code(trouble))
        lost = the_lab().lost_text(run)
        if lost:
            st.warning(plain_but_code(lost))
        elif run.status == "interrupted":
            st.warning(f"The lab ended while this run trained. {words.at_risk(run)}")
    with places.chart:
        _render_chart(
            run_chart(now, notes, references, others, look),
            losses_said([LossCurve.of(run, [], now.estimates)], references, in_bits=look.in_bits),
        )
        st.caption(REWIND)
        is_away = any(note.kind in ("diverging", "diverged") for note in notes)
        if not is_away and (shape := shape_text(now.estimates, now.steps, look.in_bits)):
            st.caption(shape)
        _render_notes(notes, look.in_bits)
    with places.writing:
        if not now.estimates:  # its place is kept, so that the chart does not shrink for it
            st.caption("What it writes stands here from its first estimate on.")
        written_at = _render_writing(run, now.estimates, look.in_bits)
        words_fold(*WORDS)
    with places.below:
        render_answers(now, others, beside, look.in_bits)
        if written_at is not None:
            render_panel(run, written_at, now.estimates, others, look.in_bits)
        _render_facts(run, is_saved_said=bool(lost) or run.status == "interrupted")
        render_health(run, now.steps)
        render_context([run], "train", in_bits=look.in_bits)


def _references(run: RunRecord) -> tuple[list[ReferenceLine], str]:
    """What counting reaches on the run's own text; where that is gone nothing, and why."""
    try:
        return list(reference_lines(the_lab().corpus_of(run))), ""
    except LabError as error:
        return [], f"There are no grey lines. {error}"


def _render_facts(run: RunRecord, *, is_saved_said: bool) -> None:
    parent = f" · branched from step {words.count(run.parent_step or 0)}" if run.parent else ""
    saved = "" if is_saved_said else f" · {words.at_risk(run)}"
    st.caption(
        f"**{plain(run.name)}** · {run.model} · {words.count(run.n_params)} parameters · corpus "
        f"{plain(run.corpus)}{parent}{saved}"
    )
    for event in the_lab().store.events(run.id)[-EVENTS_SHOWN:]:
        if event.kind != "changed":
            st.caption(f"Step {words.count(event.step)}: {plain(story_of(event.what))}")


def _render_chart(figure: go.Figure, alt: str, *, clickable: bool = True) -> None:
    """The chart; a click on a curve picks the step to branch from."""
    click = live_plot(
        figure, key="loss", height_px=CHART_PX, clickable=clickable, alt=alt,
    )  # fmt: skip
    if click and isinstance(click.customdata, list) and click.customdata:
        ask_for_branch(int(click.customdata[0]))
        st.rerun(scope="app")


def _render_notes(notes: list[Note], in_bits: bool) -> None:
    """What the curve shows, by rules; each with its rule and its numbers on request."""
    if not notes:
        return
    with st.container(horizontal=True, key="train_notes", gap="small"):
        for i, note in enumerate(notes, 1):
            label = f":small[{i} · {SHORT_NOTES[note.kind]}]"
            with st.popover(label, key=f"note_{note.kind}", type="tertiary"):
                st.markdown(f"**{plain(note.text)}**")
                st.markdown(f"Rule: {plain(note.rule)}")
                for what, nats in note.numbers:
                    value = words.bits(nats) if in_bits else nats
                    st.markdown(f"{plain(what)}: {value:.4f} {'bits' if in_bits else 'nats'}")


def _render_writing(run: RunRecord, estimates: Sequence[Estimate], in_bits: bool) -> int | None:
    """What the run writes as it learns: the newest, or any that the reader goes back to.

    Returns the step of the text that is shown; None before there is one.
    """
    known = {e.step for e in estimates}
    samples = {s.step: s.text for s in the_lab().store.samples(run.id) if s.step in known}
    if not samples:
        return None
    about, scrubber = st.columns([5, 2], vertical_alignment="center", gap="medium")
    with scrubber:
        step = _picked_step(run.id, list(samples))
    about.caption(about_sample(step, estimates, in_bits))
    st.code(words.readable_sample(samples[step]), language=None, wrap_lines=True, height=SAMPLE_PX)
    return step


def _picked_step(run_id: str, steps: list[int]) -> int:
    """A scrubber over the samples that stays with the newest until the reader goes back.

    Each newest sample has a slider of its own: what a browser still says of the one before, which
    may arrive late while the run ticks, then moves nothing. The one that was moved stays.
    """
    if len(steps) == 1:
        return steps[0]
    moved: Entry[str | None] = Entry(f"train_sample_moved_{run_id}", None)
    held = Entry(moved.get() or f"train_sample_step_{run_id}_{steps[-1]}", -1)
    if held.get() not in steps:
        held.set(steps[-1])
    picked = int(
        st.select_slider(
            "Back in time", steps, key=held.key, format_func=lambda step: f"step {step:,}"
        )
    )
    moved.set(None if picked == steps[-1] else held.key)
    return picked


# --- before there is a run ------------------------------------------------------------------------


def _render_clear_bench(bench: Bench, look: ChartSettings, places: _Places) -> None:
    """The counted lines, earlier runs, and what the untrained model writes."""
    config, expected = bench.config, expected_time([bench.config], bench.corpus)
    time = f", {expected}" if expected else ""
    places.above.caption(
        f"Step 0 of {words.count(config.train.max_iters)}: it stops there{time}. The grey lines "
        "are what counting alone reaches on this text; press Start, and the curve of a model falls "
        "from the first of them towards the last."
    )
    references = reference_lines(bench.corpus)
    with places.chart:
        _render_chart(
            clear_chart(references, the_lab().runs(), config.train.max_iters, look),
            losses_said([], references, in_bits=look.in_bits),
            clickable=False,
        )
    places.writing.caption(
        "It writes, untrained, at step 0: every character is about as likely as another."
    )
    text = untrained_sample(config, bench.corpus.name)
    places.writing.code(text, language=None, wrap_lines=True, height=SAMPLE_PX)
    with places.writing:
        words_fold(*WORDS)
