"""Who leads where all have had the same, and what each idea bought: the numbers, and the words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.settings.config import ModelKind
from lab.figures.base import compact
from lab.figures.equal_terms import IDEAS, cost_text, ideas_text, standings, standings_text
from lab.figures.losses import LossCurve, XAxis
from tests.lab.figures.test_curve_marks import curve

CAN_BE_TOLD = 0.03
"""Losses that lie closer together say the same."""


def learned(
    model: ModelKind,
    losses: Sequence[float],
    step_s: float = 0.01,
    end_loss: float | None = None,
    every: int = 50,
) -> LossCurve:
    """Estimated each 50 steps, each step as long as the others, of 10 characters."""
    at = compact([every * i for i in range(len(losses))])
    return replace(
        curve(model, model), chars_seen=((0, 0), (1000, 10_000)), steps=at[1:],
        flops_per_char=0 if model == "bigram" else 10**6, step_s=at[1:] * step_s,
        step_wall_s=at[1:] * step_s, train_losses=compact(losses[1:]),
        estimate_steps=at, val_losses=compact(losses),
        end_loss=end_loss,
    )  # fmt: skip


def name(curve: LossCurve) -> str:
    return curve.model


def idea(curve: LossCurve) -> str:
    return IDEAS[curve.model]


# --- who leads ------------------------------------------------------------------------------------


def test_the_last_step_that_all_have_reached_counts() -> None:
    bigram = learned("bigram", [4.2, 2.5, 2.4, 1.0])
    table = standings([bigram, learned("transformer", [4.2, 2.6, 2.3])], "steps")
    assert table and table.at == 100 and not table.is_whole
    assert [(c.model, nats) for c, nats in table.losses] == [
        ("transformer", pytest.approx(2.3)), ("bigram", pytest.approx(2.4)),
    ]  # fmt: skip


def test_at_equal_seconds_a_loss_is_read_off_the_line_between_two_estimates() -> None:
    bigram = learned("bigram", [4.0, 3.0, 2.0], 0.1)
    table = standings([bigram, learned("transformer", [4.0, 2.8], 0.15)], "seconds")
    assert table and table.at == pytest.approx(7.5)
    assert {c.model: nats for c, nats in table.losses} == pytest.approx(
        {"bigram": 2.5, "transformer": 2.8}
    )


def test_nobody_leads_where_one_is_at_the_start_or_alone() -> None:
    bigram = learned("bigram", [4.2, 2.0])
    assert standings([bigram], "steps") is standings([], "steps") is None
    assert standings([bigram, learned("attention", [4.2])], "steps") is None
    # Of those that cost something, one is alone.
    assert standings([bigram, learned("attention", [4.2, 2.0])], "FLOPs") is None


ENDED = [
    learned("bigram", [4.2, 2.493], 0.001, end_loss=2.504),
    learned("attention", [4.2, 2.213], 0.003, end_loss=2.224),
    learned("transformer", [4.2, 2.074], 0.012, end_loss=2.087),
]
"""Over after as many steps, and after 0.05, 0.15 and 0.6 s."""


def test_where_all_have_come_to_their_end_the_whole_validation_split_counts() -> None:
    table = standings(ENDED, "steps")
    assert table and table.is_whole
    assert standings_text(table, name) == (
        "After the same 50 steps: transformer leads with **2.087** nats; attention 2.224, bigram "
        "2.504 (over the whole validation split)."
    )
    assert "After the same 500 characters: transformer leads" in standings_text(
        standings(ENDED, "characters") or table, name
    )
    one_is_live = [*ENDED[:2], replace(ENDED[2], end_loss=None)]
    table = standings(one_is_live, "steps")
    assert table and not table.is_whole


def test_on_an_axis_where_they_ended_apart_estimates_count_and_are_called_so() -> None:
    table = standings(ENDED, "seconds")
    assert table and not table.is_whole
    bigram, attention, transformer = (4.2 + (end - 4.2) * share for end, share in
                                      ((2.493, 1), (2.213, 1 / 3), (2.074, 1 / 12)))  # fmt: skip
    assert standings_text(table, name) == (
        "After the same 0.1 s of training, as far as all have come: bigram leads with "
        f"**{bigram:.3f}** nats; attention {attention:.3f}, transformer {transformer:.3f} "
        "(estimated on a part of the validation split)."
    )


def test_what_took_almost_as_long_has_the_same_time() -> None:
    times = {0.010: True, 0.0104: True, 0.0107: False}
    for step_s, is_whole in times.items():
        table = standings([ENDED[0], *(replace(c, step_s=c.steps * s) for c, s in
                           [(ENDED[1], 0.001), (ENDED[2], 0.1 * step_s)])], "seconds")  # fmt: skip
        assert table and table.is_whole == is_whole, step_s


@pytest.mark.parametrize(("apart", "is_level"), [(-1e-3, True), (1e-3, False)])
def test_what_cannot_be_told_apart_is_level_and_no_lead(apart: float, is_level: bool) -> None:
    near = replace(ENDED[1], end_loss=2.087 + CAN_BE_TOLD + apart)
    table = standings([ENDED[0], near, ENDED[2]], "steps")
    assert table
    said = standings_text(table, name)
    if is_level:
        assert said == (
            "After the same 50 steps: transformer 2.087 and attention 2.116 nats are level, less "
            "than 0.030 nats apart; bigram 2.504 (over the whole validation split)."
        )
    else:
        assert "transformer leads with **2.087** nats; attention 2.118, bigram" in said


def test_what_broke_is_last_and_has_bought_nothing() -> None:
    broken = replace(ENDED[1], end_loss=math.nan)
    table = standings([broken, ENDED[0], ENDED[2]], "steps")
    assert table and [c.model for c, _ in table.losses] == ["transformer", "bigram", "attention"]
    assert "attention nan (" in standings_text(table, name)
    only = standings([broken, replace(broken, end_loss=math.inf)], "steps")
    assert only and "leads" in standings_text(only, name)
    assert "better than the bigram table: as unsure as among 8.1" in ideas_text(
        [broken, ENDED[0], ENDED[2]], idea
    )


def test_bits_are_bits() -> None:
    table = standings(ENDED, "steps")
    assert table
    said = standings_text(table, name, in_bits=True)
    assert (
        f"leads with **{2.087 / math.log(2):.3f}** bits; attention {2.224 / math.log(2):.3f}"
        in (said)
    )


@pytest.mark.parametrize(
    ("at", "axis", "said"),
    [
        (1000, "steps", "1,000 steps"),
        (512_000, "characters", "0.51 M characters"),
        (9.96, "seconds", "10.0 s of training"),
        (2e9, "FLOPs", "2 billion FLOPs"),
        (1.5e12, "FLOPs", "1.5 trillion FLOPs"),
    ],
)
def test_a_cost_is_said_in_the_unit_of_its_axis(at: float, axis: XAxis, said: str) -> None:
    assert cost_text(at, axis) == said


# --- what each idea has bought --------------------------------------------------------------------


def test_each_idea_is_held_against_the_one_before_it() -> None:
    assert ideas_text(ENDED[::-1], idea) == (
        "After 50 steps each, one layer of attention is **0.280 nats** better than the bigram "
        "table: as unsure as among 9.2 characters instead of 12; the transformer is **0.137 nats** "
        "better than that: as unsure as among 8.1 characters instead of 9.2."
    )
    in_bits = ideas_text(ENDED, idea, in_bits=True)
    assert f"**{0.280 / math.log(2):.3f} bits** better than the bigram" in in_bits


def test_one_that_is_not_there_is_passed_over_and_one_alone_bought_nothing() -> None:
    bigram, attention, transformer = ENDED
    assert "the transformer is **0.417 nats** better than the bigram table: " in ideas_text(
        [bigram, replace(attention, end_loss=None), transformer], idea
    )
    assert ideas_text([bigram], idea) == ideas_text([], idea) == ""
    assert ideas_text([transformer, replace(transformer, end_loss=2.0)], idea) == ""


def test_of_several_runs_of_a_model_the_lowest_counts() -> None:
    said = ideas_text(
        [*ENDED, replace(ENDED[1], end_loss=2.1), replace(ENDED[1], end_loss=2.3)], idea
    )
    assert "one layer of attention is **0.404 nats** better than the bigram table" in said


def test_what_is_no_better_is_not_said_to_be() -> None:
    bigram, attention, _ = ENDED
    level = ideas_text([bigram, replace(attention, end_loss=2.504 - CAN_BE_TOLD + 1e-3)], idea)
    assert level == (
        "After 50 steps each, one layer of attention is as good as the bigram table, within 0.030 "
        "nats."
    )
    worse = ideas_text([bigram, replace(attention, end_loss=3.0)], idea)
    assert worse.endswith(
        "is **0.496 nats** worse than the bigram table: as unsure as among 20 characters instead "
        "of 12."
    )
    # 12.2 and 11.8 characters are both said as 12.
    hardly = ideas_text([bigram, replace(attention, end_loss=2.504 - 0.031)], idea)
    assert hardly.endswith("than the bigram table: 3 % fewer characters to choose among.")


def test_how_long_they_learned_is_said_as_it_was_fair_or_not() -> None:
    bigram = ENDED[0]
    longer = learned("attention", [4.2, 2.9, 2.5, 2.2], 0.001, end_loss=2.224)
    assert ideas_text([bigram, longer], idea).startswith(
        "After 50 and 150 steps (0.1 s and 0.2 s of training), one layer"
    )
    as_long = learned("attention", [4.2, 2.9, 2.5, 2.2], 0.000_34, end_loss=2.224)
    assert ideas_text([bigram, as_long], idea).startswith("After 0.1 s of training each, one")
