"""Train: choose a model and its settings, set it going, and watch it learn."""

from __future__ import annotations

import time
from collections.abc import Set

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import LabError
from core.findings.meaning import loss_in
from core.models import count_params
from core.records.records import RunRecord
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig
from core.text.corpus import Corpus
from core.training.preflight import preflight
from core.training.threads import n_threads
from lab.session import train_choices
from lab.session.drafts import begin_draft, draft_of, settings_of
from lab.session.entry import Entry, draw_page_again
from lab.session.state import (
    VIEWS,
    View,
    choose_run,
    draft_is_of,
    is_live,
    run_on_the_bench,
    the_calibration,
    the_lab,
    the_service,
    wanted_view,
)
from lab.train_page.linking import apply_link, hidden_controls, render_link, show_address
from lab.train_page.picture import SENDING_S, render_model_picture
from lab.train_page.race.view import render_race_view
from lab.train_page.run.branching import render_branch_dialog
from lab.train_page.run.schedule import render_schedule
from lab.train_page.run.transport import Bench, render_transport
from lab.train_page.run.view import render_run_view
from lab.train_page.runs.view import render_runs_view
from lab.train_page.sweep.view import render_sweep_view
from lab.visit.card import render_visit
from lab.widgets.controls import LEVELS, Level, Panel, chosen_corpus, run_settings
from lab.widgets.expected_time import expected_disk, expected_time
from lab.widgets.pickers import PICKER_PX, pick_run
from lab.widgets.switches import switch
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.labels import MODEL_SHORT_NAMES
from lab.wording.plain import plain, plain_but_code

CONTROLS_WIDTH_PX = 330
CSS = """
@media (min-width: 1000px) {
  [data-testid="stMainBlockContainer"]:has(.st-key-train_head) { padding-inline: 2rem; }
}
"""
"""More room, and the same in all views: so that their names stay where they were clicked."""
_WERE_LIVE: Entry[Set[str]] = Entry("train_seen_statuses", frozenset())
"""Ids of the runs that were live when the page was drawn last."""
_THREADS_NOW = Entry("train_threads_now", 0)


def main() -> None:
    apply_link()
    runs = the_lab().runs()
    view, head = _render_head()
    render_visit("train")
    if view in ("runs", "race"):  # they have settings of their own, or none
        _fill_head(head, [])
        render_runs_view() if view == "runs" else render_race_view(chosen_corpus(the_lab()))
        show_address()
        return
    run = run_on_the_bench(runs)
    _take_over_settings(run)
    # Not columns: the controls keep their width on a narrow screen, and the chart gives way.
    page = st.container(horizontal=True, gap="medium", wrap=False)
    with page.container(width=CONTROLS_WIDTH_PX):
        bench = _render_controls(run, view)
    with page.container(width="stretch", gap="xsmall"):
        if view == "sweep":
            render_sweep_view(bench.corpus, bench.config, run)
        else:
            render_transport(bench)
            render_run_view(bench, runs)
            render_branch_dialog(run)
            _tell_of_ends(runs)
    _fill_head(head, runs if run and view == "run" else [])
    show_address()


def _render_head() -> tuple[View, DeltaGenerator]:
    """The title and the views; returns what was chosen, and the row that they are in."""
    if view := wanted_view():
        train_choices.VIEW.set(view)
    st.html(f"<style>{CSS}</style>")
    head = st.container(horizontal=True, vertical_alignment="center", key="train_head")
    with head:
        st.title("Train", width="content", anchor=False)
        chosen: View = switch(
            "View", list(VIEWS), held=train_choices.VIEW, labelled=False,
            format_func=lambda name: VIEWS[name],
        )  # fmt: skip
    return chosen, head


def _fill_head(head: DeltaGenerator, runs: list[RunRecord]) -> None:
    """The link to what is on the screen, and which of these runs is on the bench.

    Last, since nothing else depends on them and whoever moves a slider waits for the picture.
    """
    with head:
        render_link()
    if runs:  # in the head there is room for the whole of a run's label
        with head.container(width=PICKER_PX):
            pick_run(runs, key="train_run", label="Run on the bench", collapsed=True)


# --- what to train --------------------------------------------------------------------------------


def _render_controls(run: RunRecord | None, view: View) -> Bench:
    """Draw the controls; returns the run beside them with what they say."""
    hidden = hidden_controls()
    model = train_choices.MODEL.get()
    if "model" not in hidden:
        model = switch(
            "Model", MODEL_KINDS, held=train_choices.MODEL, labelled=False,
            format_func=MODEL_SHORT_NAMES.__getitem__, width="stretch",
        )  # fmt: skip
    # Not an empty element: that would take the picture away for a moment at each move.
    picture = st.container(key="model_picture")
    with st.container(border=True, key="train_controls", gap="xsmall"):
        level: Level = train_choices.LEVEL.get()
        if "level" not in hidden:
            level = switch(
                "Controls", LEVELS, held=train_choices.LEVEL, labelled=False, width="stretch",
            )  # fmt: skip

        def on_rate(rate: float) -> None:
            _change_rate(run, model, rate)

        train_choices.THREADS.begin(n_threads())
        corpus, config = run_settings(Panel(the_lab(), model, level, hidden, on_rate))
        with picture:
            render_model_picture(run, corpus, config)  # before all else: the eye waits for it
        time.sleep(SENDING_S)
        _apply_threads()
        _render_length(corpus, config)
        waits = the_calibration() is None
        st.fragment(_render_costs, run_every=0.5 if waits else None)(corpus, config, waits)
        bench = Bench.of(run, config, corpus)
        render_schedule(run, config, restart=view == "sweep" or bench.needs_new_run)
    return bench


def _render_length(corpus: Corpus, config: RunConfig) -> None:
    train = config.train
    seen = train.max_iters * train.batch_size * config.model.block_size
    st.caption(
        f"**{words.count(count_params(config.model))} parameters.** Stops after "
        f"{words.count(train.max_iters)} steps: {words.short_count(seen)} characters, "
        f"{seen / corpus.n_train:.1f} times through the training text. Seed {train.seed}.",
        help=explained("seed"),
    )


def _render_costs(corpus: Corpus, config: RunConfig, waited: bool) -> None:
    """What the run will cost on this machine; drawn again until that is known."""
    costs, time = preflight(config), expected_time([config], corpus)
    calibration = the_calibration()
    wall_s = calibration.wall_s(config, len(corpus.val)) if calibration else None
    if waited and time:
        draw_page_again()
    st.caption(
        f"{words.short_count(costs.flops_per_token)} FLOPs per character · "
        f"{words.count(costs.memory_mib)} MiB of memory · {expected_disk(config, wall_s)} · "
        f"{time or 'timing …'} on this machine ({costs.device}, {costs.dtype})",
        help="The time is that of a machine that does nothing else: other programs, and other runs "
        f"in training, make it longer.\n\n{explained('FLOPs')}",
    )


def _apply_threads() -> None:
    wanted = train_choices.THREADS.get() or n_threads()
    _THREADS_NOW.begin(n_threads())
    if wanted != _THREADS_NOW.get():
        the_service().set_threads(wanted)
        _THREADS_NOW.set(wanted)


# --- the controls and the run ---------------------------------------------------------------------


def _take_over_settings(run: RunRecord | None) -> None:
    """Let the controls say what the run was trained with, once it is put on the bench."""
    if run is None or not draft_is_of(run.id):
        return
    choose_run(run.id)  # also where it is here only for being the newest: it was looked at
    draft = draft_of(run.model)
    begin_draft(settings_of(run), draft.start if draft else (None, "classic"))
    train_choices.MODEL.set(run.model)
    if corpus := the_lab().library.name_of(run.fingerprint, run.corpus):
        train_choices.CORPUS.set(corpus)


def _change_rate(run: RunRecord | None, model: ModelKind, rate: float) -> None:
    """A new learning rate takes effect at once in a run that is in hand."""
    if run is None or run.model != model or run.id not in the_service().in_hand:
        return
    try:
        the_service().set_learning_rate(run.id, rate)
    except LabError as error:  # it may have ended in this moment
        st.toast(plain_but_code(str(error)))


def _tell_of_ends(runs: list[RunRecord]) -> None:
    """A toast for each run that was live when the page was drawn last and has ended."""
    before = _WERE_LIVE.get()
    in_bits = train_choices.UNIT.get() == "bits"
    for run in runs:
        if run.id in before and run.status in ("finished", "failed"):
            best_nats = run.comparable_loss_nats
            loss = f", best validation loss {loss_in(best_nats, in_bits)}" if best_nats else ""
            st.toast(f"{plain(run.name)} has {run.status} at step {words.count(run.step)}{loss}.")
    _WERE_LIVE.set({run.id for run in runs if is_live(run)})


main()
