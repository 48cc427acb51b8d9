"""What is said of a race beside its chart, and where its axis ends. Pure: records in, words out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

import numpy as np

from core.findings.meaning import apart_in
from core.records.events import Race
from core.records.records import RunRecord
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig
from core.text.reference import ReferenceLine
from core.training.preflight import Calibration, flops_per_token
from lab.figures.base import compact
from lab.figures.losses import TIME_AXES, LossCurve, XAxis
from lab.wording import words
from lab.wording.labels import MODEL_NAMES

PARTS_SOONER = (
    "Measured on Tiny Shakespeare with a batch of 16, as here: from step 200 to step 500 the two "
    "stay within 0.11 nats of each other, while the heads' weight on the last character grows from "
    "10 % to 29 %. What parts them sooner, at step 300: a batch of 64 for both (0.15 nats), full "
    "steps from the first on for attention, without warm-up (0.12), 256 numbers for each character "
    "with a learning rate of 0.01 (0.10). The bigram gains from its learning rate too: at 0.1 it "
    "is ahead until about step 500."
)
"""On request: when attention alone leaves the bigram behind, and what lets it do so sooner."""
NEAR_NATS = 0.1
"""Two curves that lie no further apart lie on each other, to the eye."""
NEAR_ESTIMATES = 3
"""So many estimates in a row, before which nobody asks why."""
PACE_SHARE = 0.05
"""How long a run takes is told from this share of its steps, the first ones."""
WAITED_SHARE = 1.2
"""A race takes about so many times what its runs train."""
_ROUND_ENDS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def race_end(
    race: Race | None,
    configs: Sequence[RunConfig],
    curves: Sequence[LossCurve],
    axis: XAxis,
    calibration: Calibration | None,
    *,
    is_over: bool = False,
) -> float | None:
    """Where the horizontal axis of a race ends, in its own unit: known before it begins.

    By its terms or, where they say nothing of this axis, by the settings of its runs; seconds by
    the pace of their first steps, before those by the calibration, and on to a round number. Those
    of a race that is over end where it did. None where nothing is known yet.
    """
    if axis in TIME_AXES:
        reached = [float(curve.x(curve.steps, axis)[-1]) for curve in curves if len(curve.steps)]
        if is_over and reached:
            return max(reached)
        if race and race.by == axis:
            return max([float(race.budget), *reached])
        pairs = zip_longest(configs, curves)
        expected = [*filter(None, (_expected_s(*each, calibration) for each in pairs))]
        if axis == "waited":  # while one takes its turn, the others wait
            expected = [WAITED_SHARE * sum(expected)] if expected else []
        known = [*expected, *reached]
        return _rounded_up(max(known)) if known else None
    ends = [_amount(config, axis) for config in configs]
    if race and race.by == axis:
        ends.append(float(race.budget))
    return max(ends, default=None)


def _expected_s(
    config: RunConfig | None, curve: LossCurve | None, calibration: Calibration | None
) -> float | None:
    """How long a run takes, by what never changes again, so that the axis stays where it is."""
    if not config:
        return None
    first = PACE_SHARE * config.train.max_iters
    if curve and len(curve.steps) and curve.steps[-1] >= first:
        return float(curve.x(compact([first]), "seconds")[0]) / PACE_SHARE
    return calibration.train_s(config) if calibration else None


def _amount(config: RunConfig, axis: XAxis) -> float:
    steps = config.train.max_iters
    if axis == "steps":
        return float(steps)
    characters = steps * config.train.batch_size * config.model.block_size
    return float(characters * (flops_per_token(config.model) if axis == "FLOPs" else 1))


def _rounded_up(number: float) -> float:
    power = 1.0
    while power > number:
        power /= 10
    while 10 * power < number:
        power *= 10
    return next(power * end for end in _ROUND_ENDS if power * end >= number)


def time_left_s(runs: Collection[RunRecord]) -> float | None:
    """How long the live ones among `runs` still take; None where one has no pace yet."""
    live = [run for run in runs if run.status in ("running", "queued")]
    if not live or not all(run.steps_per_s > 0 for run in live):
        return None
    return max((run.max_iters - run.step) / run.steps_per_s for run in live)


def missing_text(runs: Mapping[ModelKind, RunRecord]) -> str:
    """Which runs of a race are not there any more; nothing where all are."""
    missing = [MODEL_NAMES[kind].lower() for kind in MODEL_KINDS if kind not in runs]
    if not missing:
        return ""
    noun = "run" if len(missing) == 1 else "runs"
    return f"The {words.listed(missing)} {noun} of this race: deleted."


@dataclass(frozen=True, slots=True)
class Near:
    """Where attention alone lay on the bigram longest, on one axis and in its unit."""

    axis: XAxis
    begin: float
    end: float

    @property
    def in_words(self) -> str:
        """From where to where: "From step 200 to 500"."""
        if self.axis in TIME_AXES:
            return f"From {self.begin:.1f} to {self.end:.1f} s"
        begin, end = words.short_count(self.begin), words.short_count(self.end)
        if self.axis == "steps":
            return f"From step {words.count(self.begin)} to {words.count(self.end)}"
        return f"From {begin} to {end} {self.axis}"


def near_the_bigram(curves: Sequence[LossCurve], axis: XAxis) -> Near | None:
    """The longest stretch where attention alone lies on the bigram as the axis shows them.

    None where it does not, or hardly, and where the axis gives the bigram no width at all.
    """
    by_model = {curve.model: curve for curve in curves}
    attention, bigram = by_model.get("attention"), by_model.get("bigram")
    if not attention or not bigram or not len(bigram.val_losses):
        return None
    theirs, ours = (c.x(c.estimate_steps, axis) for c in (bigram, attention))
    if theirs[-1] <= 0:
        return None
    height = np.interp(ours, theirs, bigram.val_losses)
    is_near = (np.abs(attention.val_losses - height) < NEAR_NATS) & (ours <= theirs[-1])
    is_near &= attention.estimate_steps > 0  # where both have learned nothing
    longest: list[float] = []
    for near, stretch in groupby(zip(is_near, ours), key=lambda pair: bool(pair[0])):
        places = [float(x) for _, x in stretch]
        if near and len(places) >= max(NEAR_ESTIMATES, len(longest) + 1):
            longest = places
    return Near(axis, longest[0], longest[-1]) if longest else None


def why_near_the_bigram(window: int, near: Near) -> str:
    """Why attention alone is for a while no better than a bigram table, in one sentence."""
    return (
        f"{near.in_words} attention alone lies on the bigram, within {NEAR_NATS:g} nats: its heads "
        f"begin by taking the same from each of the {window} characters in view, the last one no "
        "more than any other, and until they have learned where to look, seeing more is of little "
        "use."
    )


def against_the_counts(curves: Sequence[LossCurve], references: Sequence[ReferenceLine]) -> str:
    """Whether a model has beaten the best that counting does; nothing where neither is known.

    Of a run that has ended it is the loss over the whole validation split, as of the counts.
    """
    reached = {
        c.model: float(c.val_losses.min()) if c.best_loss is None else c.best_loss
        for c in curves
        if len(c.val_losses)
    }
    if not reached or not references:
        return ""
    counts = min(references, key=lambda line: line.loss_nats)
    best = min(reached, key=lambda model: reached[model])
    if reached[best] < counts.loss_nats:
        return f"The {best} is below the best counts ({counts.name}, {counts.loss_nats:.3f})."
    return (
        f"No model has reached the counted {counts.name} ({counts.loss_nats:.3f}) yet: that is "
        f"hard to beat. The {best} is nearest, by {apart_in(reached[best], counts.loss_nats)}."
    )
