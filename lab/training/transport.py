"""The buttons that drive a run: play or pause, one step, reset, new seed, stop.

One of them is primary: the one that a learner most likely wants next. No run is ever thrown away:
what leaves the bench is saved and stays among the runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.config import RunConfig
from core.corpus import Corpus
from core.records import RunRecord
from lab.deeds import deed_button
from lab.drafts import new_seed
from lab.labels import in_a_sentence
from lab.plain import plain
from lab.state import choose_run, clear_bench, draft_is_of, is_live, the_service
from lab.training.branching import ask_for_branch

RESUMABLE = ("paused", "interrupted")


@dataclass(frozen=True)
class Bench:
    """What is on the bench: a run or none, and what the controls beside it say."""

    run: RunRecord | None
    config: RunConfig
    corpus: Corpus
    changed: tuple[str, ...]
    """Settings in which the controls differ from the run, but for the learning rate."""

    @property
    def live(self) -> bool:
        return self.run is not None and is_live(self.run)

    @property
    def ours(self) -> bool:
        return self.run is not None and the_service().holds(self.run.id)

    @property
    def resumable(self) -> bool:
        return self.run is not None and self.run.status in RESUMABLE

    @property
    def under_way(self) -> bool:
        return self.live or self.resumable


def render_transport(bench: Bench) -> None:
    """Draw the buttons and do what they ask."""
    with st.container(horizontal=True, vertical_alignment="center", key="transport"):
        _render_play(bench)
        if bench.ours or not bench.live:
            deed_button(
                "Step", "skip_next", lambda: _step(bench), key="train_step", primary=False,
                shortcut="S", help_text="Learns from one batch, and waits",
            )  # fmt: skip
        if bench.run:
            deed_button(
                "Reset", "replay", lambda: _set_aside(bench), key="train_reset", primary=False,
                shortcut="X", help_text="Back to step 0 with the same seed. The run that is there "
                "is saved and stays among the runs.",
            )  # fmt: skip
        deed_button(
            "New seed", "casino", lambda: new_seed(bench.config.model.model), key="train_new_seed",
            primary=False, shortcut="N", help_text="Other random numbers for the next run",
        )  # fmt: skip
        if run := bench.run:
            _render_ends(bench, run)
    if bench.live and not bench.ours:
        st.caption("Another process trains this run; it can be watched here and stopped there.")


def _render_play(bench: Bench) -> None:
    """What sets a run going or holds it. A restart comes first where the controls ask for one."""
    run, restart = bench.run, bench.under_way and bool(bench.changed)
    if restart:
        deed_button(
            "New changes: restart", "restart_alt", lambda: _restart(bench), key="train_restart",
            help_text=f"Starts a new run with {', '.join(map(in_a_sentence, bench.changed))} as on "
            "the left. The run on the bench is saved and stays among the runs.",
        )  # fmt: skip
    if run and bench.live and bench.ours:
        deed_button(
            "Pause", "pause", lambda: the_service().pause(run.id), key="train_pause",
            primary=not restart, shortcut="P",
        )  # fmt: skip
    elif bench.resumable:
        deed_button(
            "Resume", "play_arrow", lambda: _resume(bench), key="train_resume",
            primary=not restart, shortcut="P",
        )  # fmt: skip
    elif not bench.live:
        deed_button(
            "Start", "play_arrow", lambda: start(bench), key="train_start", shortcut="P",
            help_text="A run with the settings on the left",
        )  # fmt: skip


def _render_ends(bench: Bench, run: RunRecord) -> None:
    """Another end for a run: a branch, or the end now."""
    deed_button(
        "Branch", "call_split", lambda: ask_for_branch(_fork(run)), key="train_branch",
        primary=False, help_text="Go back to a step, change one thing, and go on. A click on the "
        "curve picks the step.",
    )  # fmt: skip
    if bench.resumable or (bench.live and bench.ours):
        deed_button(
            "Finish", "stop", lambda: the_service().stop(run.id), key="train_stop", primary=False,
            help_text="Measures the whole validation split, saves, and ends the run here",
        )  # fmt: skip


def _fork(run: RunRecord) -> int:
    """Where to branch off unless the reader says: here, or half-way of a run that is over."""
    return run.iter if run.iter < run.max_iters else run.max_iters // 2


def start(bench: Bench, *, paused: bool = False) -> str:
    """Start a run with what the controls say, and put it on the bench."""
    run_id = the_service().start(bench.config, bench.corpus, paused=paused)
    choose_run(run_id)
    draft_is_of(run_id)
    return run_id


def _resume(bench: Bench) -> None:
    """Go on, at the learning rate that the controls say."""
    assert bench.run
    rate = bench.config.train.learning_rate
    if bench.run.config.train.learning_rate != rate and "model" not in bench.changed:
        the_service().set_learning_rate(bench.run.id, rate)
    the_service().resume(bench.run.id)


def _step(bench: Bench) -> None:
    """One step of the run on the bench, which then waits; of a new one where there is none."""
    run = bench.run
    if run is None or not bench.under_way:
        the_service().step(start(bench, paused=True))
        return
    if bench.live:
        the_service().pause(run.id)
    the_service().step(run.id)


def _set_aside(bench: Bench) -> None:
    """Save what is on the bench and clear it."""
    if bench.run and bench.live and bench.ours:
        the_service().pause(bench.run.id)
        st.toast(f"{plain(bench.run.name)} is saved, and waits among the runs.")
    clear_bench()


def _restart(bench: Bench) -> None:
    """A new run with the new settings; the one on the bench is saved and stays."""
    if bench.run and bench.live and bench.ours:
        the_service().pause(bench.run.id)
    start(bench)
