"""Made-up loss curves, and the counted lines of Tiny Shakespeare."""

from __future__ import annotations

import random
from collections.abc import Sequence

from core.findings.thresholds import OVERFITTING_NATS
from core.records.records import Estimate, StepRecord
from core.text.reference import ReferenceLine

LINES = tuple(
    ReferenceLine(name, nats)
    for name, nats in {
        "uniform": 4.1744, "unigram": 3.3474, "bigram": 2.4819,
        "3-gram": 2.0494, "4-gram": 1.7771, "5-gram": 1.6691,
    }.items()
)  # fmt: skip
LITTLE = 1e-4
"""What lies so far beyond a threshold is beyond it, whatever the rounding."""
UP = OVERFITTING_NATS + LITTLE
NOT_QUITE_UP = OVERFITTING_NATS - LITTLE


def curve(val: Sequence[float], train: Sequence[float] | None = None) -> list[Estimate]:
    """An estimate every 100 steps; training 0.05 nats lower than validation unless given."""
    train = train or [nats - 0.05 for nats in val]
    return [Estimate(100 * i, train[i], nats) for i, nats in enumerate(val)]


def taken(losses: Sequence[float], every: int = 1) -> list[StepRecord]:
    return [StepRecord(every * (i + 1), x, 1e-3, 1.0, 0.01 * i) for i, x in enumerate(losses)]


def turning(rises: Sequence[float], falls: Sequence[float]) -> list[Estimate]:
    """Best at step 300; then validation lies `rises` above that, and training `falls` below."""
    val = [4.2, 2.5, 2.1, 2.0, *(2.0 + rise for rise in rises)]
    return curve(val, [4.2, 2.4, 2.0, 1.9, *(1.9 - fall for fall in falls)])


def ending(*last: float) -> list[Estimate]:
    """Falls to 2.0 at step 600, then `last`, which should be three."""
    return curve([4.2, 3.0, 2.6, 2.4, 2.2, 2.1, 2.0, *last])


def random_run(seed: int) -> tuple[list[Estimate], list[StepRecord]]:
    """A curve that falls, and then goes wherever it likes."""
    rng = random.Random(seed)
    val = [4.2 * 0.9**i for i in range(rng.randint(1, 10))]
    slope, apart = rng.choice([-0.05, 0.0, 0.06]), rng.choice([0.0, 0.05])
    for _ in range(rng.randint(0, 12)):
        val.append(val[-1] + slope + rng.gauss(0.0, 0.01))
    train = [nats - 2 * apart * i for i, nats in enumerate(val)]
    drift = rng.choice([-0.01, 0.0, 0.02])
    losses = [3.0 + drift * i + rng.gauss(0.0, 0.1) for i in range(rng.randint(0, 100))]
    return curve(val, train), taken(losses)
