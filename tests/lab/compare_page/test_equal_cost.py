"""Who is lowest for the same cost: at the largest that all have reached, level within noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.settings.config import ModelKind
from lab.compare_page.equal_cost import equal_cost_text
from lab.figures.base import compact
from lab.figures.losses import LossCurve
from tests.lab.figures.test_curve_marks import curve


def learned(name: str, model: ModelKind, losses: Sequence[float], step_s: float) -> LossCurve:
    """Estimated each 50 steps, each step as long as the others, of 10 characters."""
    at = compact([50 * i for i in range(len(losses))])
    return replace(
        curve(model, name), chars_seen=((0, 0), (1000, 10_000)), steps=at[1:],
        flops_per_char=0 if model == "bigram" else 10**6, step_s=at[1:] * step_s,
        train_losses=compact(losses[1:]), estimate_steps=at, val_losses=compact(losses),
    )  # fmt: skip


QUICK = learned("owl", "bigram", [4.2, 3.0, 2.6, 2.5], 0.01)
"""Over after 1.5 s."""
SLOW = learned("fox", "transformer", [4.2, 3.4, 2.9, 2.0], 0.06)
"""At 1.5 s half-way between its first two estimates: at 3.8."""


def test_the_lowest_at_equal_seconds_is_that_of_the_time_which_all_have_had() -> None:
    assert equal_cost_text([SLOW, QUICK], "seconds") == (
        "At 1.5 s of training, the most that all have reached: **owl** is lowest with 2.500 nats; "
        "**fox** 3.800 (estimates)."
    )
    assert "3.607 bits; **fox** 5.482 (" in equal_cost_text([SLOW, QUICK], "seconds", in_bits=True)


def test_a_table_costs_no_flops_and_stands_apart() -> None:
    other = learned("elk", "attention", [4.2, 3.2, 2.91], 0.02)
    said = equal_cost_text([SLOW, other, QUICK], "FLOPs")
    assert said == (
        "At 1 billion FLOPs, the most that all have reached: **fox** 2.900 and **elk** 2.910 are "
        "level (estimates). **owl** has no matrix products, so it stands at 0 FLOPs, with 2.500 "
        "nats at its end."
    )


def test_nothing_is_said_where_nothing_can_be_compared() -> None:
    assert equal_cost_text([SLOW, QUICK], "steps") == ""
    assert equal_cost_text([SLOW], "seconds") == equal_cost_text([], "FLOPs") == ""
    unmeasured = replace(QUICK, estimate_steps=compact([]), val_losses=compact([]))
    assert equal_cost_text([SLOW, unmeasured], "seconds") == ""
