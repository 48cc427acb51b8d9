"""Five questions that a learner has while a model trains, each answered with a number.

Is this loss good, is it still learning, is it overfitting, what changed since the last run, and
when will it be done. Pure: records and rows in, sentences out; every number is the registry's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.differences import say_difference, settings_diff
from core.notes import verdict
from core.records import RunRecord
from core.reference import ReferenceLine
from core.trainer import Estimate, StepRecord
from lab import words

MAX_DIFFERENCES = 3


@dataclass(frozen=True)
class Measured:
    """A run with what it has measured so far."""

    run: RunRecord
    estimates: Sequence[Estimate]
    steps: Sequence[StepRecord] = ()


def answers(
    now: Measured, before: Measured | None, references: Sequence[ReferenceLine]
) -> list[tuple[str, str]]:
    """Question and answer, five times. `before` is the run to compare with, if there is one."""
    run = now.run
    said = verdict(now.estimates, now.steps, references, run.max_iters)
    return [
        ("Is it good?", said.is_good.text),
        ("Still learning?", said.still_learning.text),
        ("Overfitting?", said.overfitting.text),
        ("Since the last run?", since(now, before)),
        ("Done when?", words.progress(run)),
    ]


def since(now: Measured, before: Measured | None) -> str:
    """What was set differently from another run, and what came of it."""
    if before is None:
        return "there is no earlier run"
    differences = settings_diff(before.run.config, now.run.config)
    named = [say_difference(d) for d in differences[:MAX_DIFFERENCES]]
    if len(differences) > MAX_DIFFERENCES:
        named.append(f"{len(differences) - MAX_DIFFERENCES} more")
    if now.run.fingerprint != before.run.fingerprint:
        named.insert(0, f"corpus {before.run.corpus} -> {now.run.corpus}")
    what = ", ".join(named) or "nothing"
    here = now.estimates[-1] if now.estimates else None
    theirs = [e for e in before.estimates if here and e.iter <= here.iter]
    if not here or not theirs:  # an imported run was measured at its last step only
        return f"{what} (against {before.run.name})"
    there = theirs[-1]
    by = here.val_loss_nats - there.val_loss_nats
    if not named and not by:
        return f"nothing: the same numbers as {before.run.name}"
    at = f"step {here.iter:,}" if there.iter == here.iter else f"its step {there.iter:,}"
    if f"{abs(by):.3f}" == "0.000":
        return f"{what}: the same loss as {before.run.name} at {at}"
    how = "lower" if by < 0 else "higher"
    return f"{what}: {abs(by):.3f} nats {how} than {before.run.name} at {at}"
