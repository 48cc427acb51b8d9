"""Five questions that a learner has while a model trains, each answered with a number.

Is this loss good, is it still learning, is it overfitting, what changed since the last run, and
when will it be done. Pure: records and rows in, sentences out; every number is the registry's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.course import Course
from core.differences import Difference, settings_diff
from core.notes import verdict
from core.records import Change, Estimate, RunRecord, StepRecord
from core.reference import ReferenceLine
from lab import words
from lab.labels import say_change
from lab.training.units import loss_in, said_in

MAX_DIFFERENCES = 3


@dataclass(frozen=True)
class Measured:
    """A run with what it has measured so far, and what was changed on its way."""

    run: RunRecord
    estimates: Sequence[Estimate]
    steps: Sequence[StepRecord] = ()
    changes: Sequence[Change] = ()


def answers(
    now: Measured,
    before: Measured | None,
    references: Sequence[ReferenceLine],
    in_bits: bool = False,
) -> list[tuple[str, str]]:
    """Question and answer, five times. `before` is the run to compare with, if there is one."""
    run = now.run
    said = verdict(now.estimates, now.steps, references, run.max_iters)
    three = (said.is_good, said.still_learning, said.overfitting)
    known = [line.loss_nats for line in references]
    known += [answer.value for answer in three if answer.value is not None]
    if said.is_good.value is not None:  # how far the last estimate lies above the best
        known.append(now.estimates[-1].val_loss_nats - said.is_good.value)
    is_good, still_learning, overfitting = (said_in(a.text, in_bits, known) for a in three)
    return [
        ("Is it good?", is_good),
        ("Still learning?", still_learning),
        ("Overfitting?", overfitting),
        ("Since the last run?", since(now, before, in_bits)),
        ("Done when?", words.progress(run)),
    ]


# --- since the last run ---------------------------------------------------------------------------


def since(now: Measured, before: Measured | None, in_bits: bool = False) -> str:
    """What was set differently from another run, and what came of it at the same step."""
    if before is None:
        return "there is no earlier run"
    at = _last_step_of_both(now, before)
    named = _differences(now, before, at)
    what, name = ", ".join(named) or "nothing", before.run.name
    if at is None:  # an imported run was measured at its last step only
        return f"{what} (against {name})"
    (here, measured_here), (there, measured_there) = _loss_at(now, at), _loss_at(before, at)
    by = here - there
    if not named and not by:
        return f"nothing: the same numbers as {name}"
    where = f"step {at:,}"
    if not (measured_here and measured_there):
        where += " (interpolated)"
    difference = loss_in(abs(by), in_bits)
    if difference.startswith("0.000"):
        return f"{what}: the same loss as {name} at {where}"
    return f"{what}: {difference} {'lower' if by < 0 else 'higher'} than {name} at {where}"


def _last_step_of_both(now: Measured, before: Measured) -> int | None:
    """The last step up to which both are known; None where they have none in common."""
    if not now.estimates or not before.estimates:
        return None
    begins = max(each.estimates[0].iter for each in (now, before))
    ends = min(each.estimates[-1].iter for each in (now, before))
    return ends if begins <= ends else None


def _loss_at(measured: Measured, step: int) -> tuple[float, bool]:
    """The loss at a step in nats, at the height of the curve there, and whether it was measured."""
    steps = [e.iter for e in measured.estimates]
    losses = [e.val_loss_nats for e in measured.estimates]
    return float(np.interp(step, steps, losses)), step in steps


def _differences(now: Measured, before: Measured, at: int | None) -> list[str]:
    """What the two were started with, and what was changed on the way of one of them up to `at`."""
    said = _changed(now, before, at)
    said += [f"there {each}" for each in _changed(before, now, at)]
    first = [Course(each.run.config, each.changes).at(0) for each in (before, now)]
    said += [say_change(difference) for difference in settings_diff(*first)]
    if len(said) > MAX_DIFFERENCES:
        said = [*said[:MAX_DIFFERENCES], f"{len(said) - MAX_DIFFERENCES} more"]
    if now.run.fingerprint != before.run.fingerprint:
        said.insert(0, f"corpus {before.run.corpus} -> {now.run.corpus}")
    return said


def _changed(one: Measured, other: Measured, at: int | None) -> list[str]:
    """What was changed in one run after its first step, up to `at`, and not in the other."""
    theirs = [change for change in one.changes if change not in other.changes]
    theirs = [c for c in theirs if c.iter > 0 and (at is None or c.iter <= at)]
    if not theirs:
        return []
    last = theirs[-1]
    # What follows the learning rate is not worth a word of its own.
    name = "learning_rate" if "learning_rate" in last.settings else next(iter(last.settings))
    said = f"{say_change(Difference(name, *last.settings[name]))} at step {last.iter:,}"
    return [said if len(theirs) == 1 else f"{said} (the last of {len(theirs)} changes)"]
