"""Train longer: how far a run that is over would go on, at which rate, and what that is called.

It is the same run, taken further from its last checkpoint. Only a run of a race or a sweep stays as
it is, since others are held against it: there a branch goes on, which has the same past.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.errors import ConfigError
from core.findings.curve import verdict
from core.records.course import Course
from core.records.records import RunRecord, broke_at
from core.settings.config import RunConfig
from core.settings.differences import FOLLOWING
from core.training.optim import learning_rate_at
from lab.session.state import choose_run, draft_is_of, the_lab, the_service
from lab.train_page.run.more_steps import more_steps_help
from lab.wording import words
from lab.wording.plain import plain

STEPS, RATE = "max_iters", "learning_rate"
"""What the controls may say of a run that goes on: how far, and at which rate."""
MORE = 2
"""So many times its steps a run takes in all, where the controls do not say how many."""


@dataclass(frozen=True)
class Longer:
    """How a run that is over would go on."""

    end: int
    """The step that it goes on to."""
    learning_rate: float | None
    """The rate that the controls say, where it is another than the run's."""
    rates: tuple[float, float]
    """The rates of the first and of the last new step."""
    has_decayed: bool
    """Whether its schedule has ended, so that the rate is the low one that it ended at."""
    beside: str
    """What the run belongs to, `race` or `sweep`, so that a branch goes on; empty where it does."""


def longer_of(run: RunRecord, config: RunConfig, differences: Collection[str]) -> Longer | None:
    """How the run would go on; None where it is not over, or has diverged.

    Args:
        config: what the controls say.
        differences: the names of the settings in which that is another than in the run. Where they
            name more than steps, rate and what follows them, the controls describe another run.
    """
    over = run.status == "finished" or (
        run.status == "failed" and broke_at(run, the_lab().store.events(run.id)) is None
    )
    if not over:
        return None
    of_this_run = set(differences) <= {STEPS, RATE, *FOLLOWING}
    end = run.max_iters if run.step < run.max_iters else MORE * run.step
    if of_this_run and STEPS in differences and config.train.max_iters > run.step:
        end = config.train.max_iters
    course = Course(run.config, the_lab().store.changes(run.id))
    rate = config.train.learning_rate if of_this_run and RATE in differences else None
    if rate is not None:
        try:
            course.change(run.step, {RATE: rate})
        except ConfigError:  # a rate that follows it, Muon's say, would be out of bounds
            return None
    first, last = (learning_rate_at(at, course.at(at).train) for at in (run.step, end - 1))
    has_decayed = rate is None and course.at(run.step).train.has_decayed(run.step)
    return Longer(end, rate, (first, last), has_decayed, _belongs_to(run))


def would_help(run: RunRecord) -> bool:
    """Whether the validation loss was still falling, by the rule of the answers, when it ended."""
    return more_steps_help(verdict(the_lab().store.estimates(run.id), (), (), run.max_iters).state)


def _belongs_to(run: RunRecord) -> str:
    if run.sweep:
        return "sweep"
    return "race" if run.id in {run_id for run_id, _ in the_lab().store.races()} else ""


def longer_text(longer: Longer, run: RunRecord) -> str:
    """What Train longer does, in a sentence. Markdown."""
    first, last = (f"{rate:.3g}" for rate in longer.rates)
    rates = f"rate {first}" if first == last else f"rates from {first} to {last}"
    goes_on = f"to step {words.count(longer.end)}, at {rates}"
    if longer.has_decayed:
        goes_on += ", where its schedule ended"
    if longer.beside:
        return f"Train longer branches off from {plain(run.name)} and goes on {goes_on}."
    return f"Train longer takes {plain(run.name)} on {goes_on}."


def train_longer(longer: Longer, run: RunRecord) -> None:
    """Let it go on, and put it on the bench. Raises LabError when that cannot be."""
    rate = longer.learning_rate
    if longer.beside:
        changes = {STEPS: longer.end} | ({} if rate is None else {RATE: rate})
        choose_run(the_service().branch(run.id, run.step, changes))
        return
    the_service().resume(run.id, max_iters=longer.end, learning_rate=rate)
    draft_is_of(None)  # so that the controls take its new end over
