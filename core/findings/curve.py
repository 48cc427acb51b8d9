"""What a loss curve shows, by rules that a learner can check against the numbers on the screen.

Pure: estimates, steps and counted lines in, findings out, which hold numbers and no sentence; how
they are said is `core.findings.notes`'s. Knows no disk, no screen, no thread.

Noise: an estimate always looks at the same sample windows, so that estimates compare well with each
other and less well with the counted lines, which are measured on the whole validation split.
Batches differ from step to step, so medians of step losses are compared, never single ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import median

from core.findings.thresholds import (
    CROSSED,
    DIVERGING_NATS,
    DIVERGING_SHARE,
    DIVERGING_STEPS,
    FLAT_NATS,
    JUST_BEGUN_SHARE,
    NOISE_NATS,
    OVERFITTING_ESTIMATES,
    OVERFITTING_NATS,
    STRETCH_ESTIMATES,
    STRETCH_SHARE,
)
from core.records.records import Estimate, RunRecord, StepRecord
from core.text.reference import ReferenceLine

Estimates = Sequence[Estimate]
Steps = Sequence[StepRecord]
Lines = Sequence[ReferenceLine]


# --- what can be found ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Crossed:
    """The curve has passed a counted line, and the next estimate did not undo it."""

    line: ReferenceLine
    first: Estimate
    """The first estimate below the line."""
    is_last: bool
    """Whether there is no next one yet that could undo it."""


@dataclass(frozen=True, slots=True)
class Best:
    """The lowest validation estimate so far, the first of them where several are the same."""

    best: Estimate


@dataclass(frozen=True, slots=True)
class Broken:
    """A loss that is no finite number, of a step or an estimate; or that of a step that failed."""

    step: int
    loss_nats: float | None
    """None of a step that failed: it is not recorded, and it may be its gradient that broke."""


@dataclass(frozen=True, slots=True)
class StepsRose:
    """The losses of the last steps lie clearly above the lowest stretch before them."""

    n_steps: int
    """Recorded steps in either stretch."""
    since: int
    """The last step whose own loss was no higher than the median of the lowest stretch."""
    lowest_until: int
    """The last step of the lowest stretch."""
    lowest_nats: float
    """The median loss of the lowest stretch."""
    highest_nats: float
    """The highest single loss in the lowest stretch."""
    now_nats: float
    """The median loss of the last stretch."""

    @property
    def rise_nats(self) -> float:
        return self.now_nats - self.lowest_nats


@dataclass(frozen=True, slots=True)
class Diverged:
    """Both estimates went up and away from the best, and have not come back."""

    since: int
    """The last step known to be as good as the best estimate: that one's own or a later one, up to
    the first estimate away, whose loss was no higher than the best one's training estimate."""
    best: Estimate
    peak: Estimate
    """The highest validation estimate since the best."""
    now: Estimate
    is_coming_back: bool
    """Whether the estimates since the peak fall, by the rule of `Trend`."""


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Validation has turned up while training went on falling."""

    best: Estimate
    now: Estimate

    @property
    def rise_nats(self) -> float:
        return rise_nats(self.best, self.now)


@dataclass(frozen=True, slots=True)
class Trend:
    """The best validation estimate of the last stretch beside the best before it."""

    n_estimates: int
    """Estimates in the stretch."""
    since: int
    """The step of the last estimate before the stretch."""
    before: Estimate
    after: Estimate

    @property
    def rise_nats(self) -> float:
        """How much higher the best of the stretch is; below 0 where it is lower."""
        return rise_nats(self.before, self.after)

    @property
    def is_learning(self) -> bool:
        return self.rise_nats <= -FLAT_NATS


State = Broken | StepsRose | Diverged | Overfitting | Trend
"""Which way a run is going."""
OUT_OF_HAND = (Broken, StepsRose, Diverged)
"""States of a run whose loss went up and away, or is no number."""
Finding = Crossed | Best | State


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands: its last estimate and its best, which may be the same."""

    now: Estimate
    best: Estimate

    @property
    def is_at_its_best(self) -> bool:
        """Whether the last estimate is the best, but for noise."""
        return rise_nats(self.best, self.now) < NOISE_NATS


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a run stands, which way it goes, and how far apart its two losses are."""

    standing: Standing | None
    """None before the first estimate."""
    state: State | None
    """None where it is too early to say."""


def findings(
    estimates: Estimates,
    steps: Steps,
    references: Lines,
    max_iters: int,
    broke_at: int | None = None,
) -> list[Finding]:
    """All that there is to say of a curve.

    Of "diverging", "overfitting" and "flat" or "learning" only the first that is true is found.

    Args:
        estimates: in the order of their steps.
        steps: in order; a thinned selection will do.
        max_iters: the steps of the whole run.
        broke_at: the step at which it failed by diverging (`core.records.records.broke_at`).
    """
    known = _finite(estimates)
    found: list[Finding | None] = [_crossed(known, x) for x in references if x.name in CROSSED]
    found.append(Best(_best(known)) if len(known) > 1 else None)  # the only one is always the best
    found.append(_state(estimates, steps, references, max_iters, broke_at))
    return [finding for finding in found if finding]


def verdict(
    estimates: Estimates,
    steps: Steps,
    references: Lines,
    max_iters: int,
    broke_at: int | None = None,
) -> Verdict:
    """What three questions about a curve are answered from; the arguments of `findings`."""
    known = _finite(estimates)
    standing = Standing(known[-1], _best(known)) if known else None
    return Verdict(standing, _state(estimates, steps, references, max_iters, broke_at))


def rise_nats(before: Estimate, after: Estimate) -> float:
    """How much higher the second validation estimate is."""
    return after.val_loss_nats - before.val_loss_nats


def lines_beside(run: RunRecord, references: Lines) -> Lines:
    """The counted lines that the loss of a run can be held against.

    Of a run that sees what it is to guess the uniform line alone: who knows nothing stands there.
    """
    return [x for x in references if x.name == "uniform" or not run.looks_ahead]


# --- rules ----------------------------------------------------------------------------------------


def _crossed(known: Estimates, line: ReferenceLine) -> Crossed | None:
    for e, following in zip_longest(known, known[1:]):
        is_undone = following is not None and following.val_loss_nats >= line.loss_nats
        if e.val_loss_nats < line.loss_nats and not is_undone:
            return Crossed(line, e, is_last=following is None)
    return None


def _state(
    estimates: Estimates, steps: Steps, references: Lines, max_iters: int, broke_at: int | None
) -> State | None:
    if broke_at is not None:
        return Broken(broke_at, None)
    known = _finite(estimates)
    uniform_nats = next((x.loss_nats for x in references if x.name == "uniform"), math.inf)
    return (
        _broken(estimates, steps)
        or _diverged(known, steps, uniform_nats)
        or _steps_rose(steps, uniform_nats)
        or _overfitting(known)
        or _trend(known, max_iters)
    )


def _broken(estimates: Estimates, steps: Steps) -> Broken | None:
    losses = [(step.step, step.loss_nats) for step in steps]
    losses += [(e.step, nats) for e in estimates for nats in (e.train_loss_nats, e.val_loss_nats)]
    broken = [Broken(step, nats) for step, nats in losses if not math.isfinite(nats)]
    return min(broken, key=lambda each: each.step, default=None)


def _diverged(known: Estimates, steps: Steps, uniform_nats: float) -> Diverged | None:
    if not known:
        return None
    best, now = _best(known), known[-1]
    after = [e for e in known if e.step > best.step]

    def is_away(e: Estimate) -> bool:
        rise = min(rise_nats(best, e), e.train_loss_nats - best.train_loss_nats)
        return rise >= DIVERGING_NATS or (rise >= NOISE_NATS and e.val_loss_nats > uniform_nats)

    # That it is flat up there does not undo it; that it has come back does.
    away = next(filter(is_away, after), None)
    if away is None or rise_nats(best, now) < NOISE_NATS:
        return None
    between = (x for x in steps if best.step < x.step <= away.step)
    good = [x.step for x in between if x.loss_nats <= best.train_loss_nats]
    peak = max(after, key=lambda e: e.val_loss_nats)
    trend = _trend([e for e in after if e.step >= peak.step], 0)
    is_coming_back = trend is not None and trend.is_learning
    return Diverged(max(good, default=best.step), best, peak, now, is_coming_back)


def _steps_rose(steps: Steps, uniform_nats: float) -> StepsRose | None:
    n = max(DIVERGING_STEPS, round(DIVERGING_SHARE * len(steps)))
    # Counted back from the end, so that the last stretch is whole.
    stretches = [steps[end - n : end] for end in range(len(steps), n - 1, -n)]
    if len(stretches) < 2:
        return None
    last, lowest = stretches[0], min(stretches[1:], key=_median_nats)
    highest_nats = max(step.loss_nats for step in lowest)
    lowest_nats = _median_nats(lowest)
    since = max(step.step for step in steps if step.loss_nats <= lowest_nats)
    rose = StepsRose(n, since, lowest[-1].step, lowest_nats, highest_nats, _median_nats(last))
    is_clear = rose.rise_nats >= DIVERGING_NATS or rose.now_nats > uniform_nats
    # Where batches are small, even medians are noisy; the steps' own spread says how much.
    return rose if is_clear and rose.now_nats > highest_nats else None


def _overfitting(known: Estimates) -> Overfitting | None:
    if len(known) <= OVERFITTING_ESTIMATES:
        return None
    best, last = _best(known), known[-OVERFITTING_ESTIMATES:]
    rises = [rise_nats(best, e) for e in last]
    falls = [best.train_loss_nats - e.train_loss_nats for e in last]
    # The best one's own rise is 0.
    return Overfitting(best, last[-1]) if min(*rises, *falls) >= OVERFITTING_NATS else None


def _trend(known: Estimates, max_iters: int) -> Trend | None:
    n = max(STRETCH_ESTIMATES, math.ceil(STRETCH_SHARE * len(known)))
    if len(known) <= n or known[-1].step < JUST_BEGUN_SHARE * max_iters:
        return None
    # Bests and not ends, so that one high estimate at either end decides nothing.
    return Trend(n, known[-n - 1].step, _best(known[:-n]), _best(known[-n:]))


# --- small things ---------------------------------------------------------------------------------


def _finite(estimates: Estimates) -> Estimates:
    return [e for e in estimates if math.isfinite(e.train_loss_nats + e.val_loss_nats)]


def _best(known: Estimates) -> Estimate:
    return min(known, key=lambda e: e.val_loss_nats)


def _median_nats(steps: Steps) -> float:
    return median(step.loss_nats for step in steps)
