"""Who is lowest for the same cost: at the largest that all have reached, level within noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.settings.config import ModelKind
from lab.compare_page.equal_cost import bought_text, chart_alt, equal_cost_text
from lab.figures.base import compact
from lab.figures.losses import LossCurve
from lab.figures.palette import in_model_color
from tests.lab.figures.test_curve_marks import curve


def learned(name: str, model: ModelKind, losses: Sequence[float], step_s: float) -> LossCurve:
    """Estimated each 50 steps, each step as long as the others, of 10 characters."""
    at = compact([50 * i for i in range(len(losses))])
    return replace(
        curve(model, name), chars_seen=((0, 0), (1000, 10_000)), steps=at[1:],
        flops_per_char=0 if model == "bigram" else 10**6, step_s=at[1:] * step_s,
        step_wall_s=at[1:] * step_s, train_losses=compact(losses[1:]),
        estimate_steps=at, val_losses=compact(losses),
    )  # fmt: skip


QUICK = learned("owl", "bigram", [4.2, 3.0, 2.6, 2.5], 0.01)
"""Over after 1.5 s."""
SLOW = learned("fox", "transformer", [4.2, 3.4, 2.9, 2.0], 0.06)
"""At 1.5 s half-way between its first two estimates: at 3.8."""


def test_the_lowest_at_equal_seconds_is_that_of_the_time_which_all_have_had() -> None:
    assert equal_cost_text([SLOW, QUICK], "seconds") == (
        "After the same 1.5 s of training, as far as all have come: **owl** (bigram) leads with "
        "**2.500** nats; **fox** (transformer) 3.800 (estimated on a part of the validation split)."
    )
    assert "**3.607** bits; **fox** (transformer) 5.482 (" in equal_cost_text(
        [SLOW, QUICK], "seconds", in_bits=True
    )


def test_a_table_costs_no_flops_and_stands_apart() -> None:
    other = learned("elk", "attention", [4.2, 3.2, 2.91], 0.02)
    said = equal_cost_text([SLOW, other, QUICK], "FLOPs")
    assert said == (
        "After the same 1 billion FLOPs, as far as all have come: **fox** (transformer) 2.900 and "
        "**elk** (attention) 2.910 nats are level, less than 0.030 nats apart (estimated on a part "
        "of the validation split). **owl** (bigram) has no matrix products, so it stands at 0 "
        "FLOPs, with 2.500 nats at its end."
    )
    ended = replace(QUICK, end_loss=2.512)  # over the whole validation split
    assert "at 0 FLOPs, with 2.512 nats at its end." in equal_cost_text([ended], "FLOPs")


def test_on_steps_and_characters_too_they_are_compared_where_all_have_been() -> None:
    other = learned("elk", "attention", [4.2, 3.2, 2.91], 0.02)
    said = equal_cost_text([SLOW, other], "steps")
    assert said.startswith(
        "After the same 100 steps, as far as all have come: **fox** (transformer)"
    )
    assert "same 1,000 characters, as far" in equal_cost_text([SLOW, other], "characters")
    ended = [replace(SLOW, end_loss=2.1), replace(QUICK, end_loss=2.6)]
    assert equal_cost_text(ended, "steps") == (
        "After the same 150 steps: **fox** (transformer) leads with **2.100** nats; **owl** "
        "(bigram) 2.600 (over the whole validation split)."
    )


def test_what_an_idea_bought_names_the_runs() -> None:
    ended = [replace(SLOW, end_loss=2.0), replace(QUICK, end_loss=2.5, name="*owl*")]
    assert bought_text(ended) == (
        f"After 150 steps each, {in_model_color('transformer', '**the transformer**')} (fox) is "
        f"**0.500 nats** better than {in_model_color('bigram', '**the bigram table**')} "
        r"(\*owl\*): as unsure as among 7.4 characters instead of 12."
    )


def test_nothing_is_said_where_nothing_can_be_compared() -> None:
    assert equal_cost_text([SLOW], "seconds") == equal_cost_text([], "FLOPs") == ""
    assert bought_text([SLOW, QUICK]) == ""  # neither has ended
    unmeasured = replace(QUICK, estimate_steps=compact([]), val_losses=compact([]))
    assert equal_cost_text([SLOW, unmeasured], "seconds") == ""


def test_the_text_for_those_who_do_not_see_the_chart_says_who_leads() -> None:
    curves = [replace(SLOW, name="fox-1"), QUICK]
    said = chart_alt(curves, "waited", equal_cost_text(curves, "waited"))
    assert said.startswith(
        "Validation losses of fox-1 and owl over seconds waited. After the same 1.5 s of waiting, "
        "as far as all have come: owl (bigram) leads with 2.500 nats; fox-1 (transformer) 3.800"
    )
    assert chart_alt([], "steps", "") == "Validation losses of no run over steps."
