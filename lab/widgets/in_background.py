"""Runs that are trained one after the other: how they stand, and what can be done with them.

A sweep and a ladder are both such a series: a row in the registry and its runs. Which of them is
being trained the service knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from core.errors import LabError
from core.experiments.sweep import HasRun, SweepProgress, seconds_left
from core.records.records import RunRecord
from lab.session.state import the_calibration, the_service
from lab.widgets.action_buttons import deed_button, one_of
from lab.wording import words
from lab.wording.plain import plain

NEXT_PX = 112
"""Wide enough for Pause, Resume and Start."""


@dataclass(frozen=True)
class SeriesStanding:
    """What decides which buttons there are and whether the picture keeps up by itself."""

    id: str
    training: bool
    """Whether this lab trains its runs one after the other."""
    can_resume: bool
    alone: tuple[str, ...]
    """Names of its runs that are in hand by themselves: resumed so, or on their way out after a
    pause."""
    ticks: bool
    failed: tuple[str, ...]
    """Ids of the runs that failed, once no more is being trained."""


def series_standing(series_id: str, members: Sequence[HasRun]) -> SeriesStanding:
    """Whether the series goes on, could go on, or is over."""
    training = the_service().is_sweeping(series_id)
    runs = runs_in(members)
    running = [run for run in runs if run.status == "running"]
    waits = any(run.status not in ("finished", "failed", "running") for run in runs)
    failed = tuple(run.id for run in runs if run.status == "failed")
    in_hand = {run.id for run in runs if run.id in the_service().in_hand}
    held_up = training and any(run.status == "paused" and run.id in in_hand for run in runs)
    return SeriesStanding(
        series_id, training, can_resume=waits and (held_up or not (training or running)),
        alone=() if training else tuple(run.name for run in running if run.id in in_hand),
        ticks=training or bool(running), failed=() if training or running else failed,
    )  # fmt: skip


def runs_in(members: Sequence[HasRun]) -> list[RunRecord]:
    """The runs of those that have one."""
    return [member.run for member in members if member.run]


def progress_text(
    progress: SweepProgress, members: Sequence[HasRun], standing: SeriesStanding
) -> str:
    """How far it is, in one line."""
    said = f"{progress.n_done} of {progress.n_cells} runs done"
    if progress.n_failed:
        said += f", {progress.n_failed} of them failed"
    if progress.done:
        return said
    runs = runs_in(members)
    if standing.can_resume:
        cut_short = [run for run in runs if run.status == "interrupted"]
        if not cut_short:
            return said + ", paused: every run is saved"
        kept = ", ".join(f"{plain(r.name)} up to step {words.count(r.checkpoint_step)}"
                         for r in cut_short)  # fmt: skip
        return f"{said}, interrupted: saved is {kept}"
    if not standing.training:
        if standing.alone:  # resumed as a single run, so that no other is taken up after it
            return f"{said}; trained by itself: {', '.join(map(plain, standing.alone))}"
        said += "; another process trains it"
    left_s = seconds_left(members, calibration) if (calibration := the_calibration()) else 0.0
    return said + (f", about {words.duration(left_s)} left" if left_s else "")


def render_series_buttons(
    name: str,
    icon: str,
    start: Callable[[], object],
    standing: SeriesStanding | None,
    *,
    can_start: bool = True,
) -> None:
    """Pause, resume or start, whichever is next, in one place; then whatever else can be done.

    Args:
        name: what the keys of the buttons begin with.
        start: begins another series.
        standing: of the one on the screen; None: there is none.
    """
    service = the_service()
    series_id = standing.id if standing else ""
    can_resume = standing is not None and standing.can_resume
    can_pause = standing is not None and standing.training
    is_held = can_pause or (standing is not None and bool(standing.alone))
    pause = partial(
        deed_button, "Pause", "pause", partial(service.pause_sweep, series_id),
        key=f"{name}_pause", primary=not can_resume, disabled=not can_pause,
    )  # fmt: skip
    resume = partial(
        deed_button, "Resume", "play_arrow", partial(service.start_sweep, series_id),
        key=f"{name}_resume",
    )  # fmt: skip
    begin = partial(
        deed_button, "Start another" if is_held or can_resume else "Start", icon, start,
        key=f"{name}_start",
        primary=not (is_held or can_resume),
        disabled=not can_start,  # no help: it would stay over Pause, which comes in its place
    )  # fmt: skip
    # One that waits for a run that is paused can itself be paused, and resumed.
    first, *others = (
        [pause, begin, resume] if is_held and can_resume
        else [pause, begin] if is_held
        else [resume, begin] if can_resume
        else [begin]
    )  # fmt: skip
    with one_of(f"{name}_next", NEXT_PX):
        first()
    for other in others:
        other()
    if standing and standing.failed:
        deed_button("Try failed again", "replay", partial(_try_again, standing),
                    key=f"{name}_retry", primary=False, help="Each from where it was saved last. A "
                    "run that diverged will do so again: it wants a smaller learning "
                    "rate.")  # fmt: skip


def _try_again(standing: SeriesStanding) -> None:
    """Take one step of each run that failed; the series then takes them up, one after the other.

    Raises LabError when none of them can be taken up.
    """
    refused = []
    for run_id in standing.failed:
        try:
            the_service().step(run_id)
        except LabError as error:  # its checkpoints cannot be read, say
            refused.append(error)
    if len(refused) == len(standing.failed):
        raise refused[0]
    the_service().start_sweep(standing.id)
