"""What a ladder shows, in sentences: each follows from the numbers of its runs."""

from __future__ import annotations

import math

from core.experiments.ladder import RungStanding
from core.text.reference import ReferenceLine
from lab.ladder_page.words import (
    bought_text,
    counted_text,
    depth_text,
    left_out_text,
    unmasked_text,
    way_up_text,
)
from tests.lab.figures.test_ladder import measured, planned, rungs

__all__ = ["planned", "rungs"]


def test_the_way_up_names_what_bought_most_what_nothing_and_what_harmed(
    rungs: list[RungStanding], planned: list[RungStanding]
) -> None:
    said = way_up_text(rungs)
    assert "residual stream** (−0.240 nats) and **positions** (−0.200 nats) bought most" in said
    assert "Embeddings, MLP, tied head, 2 blocks and 3 blocks bought nothing" in said
    assert "one head (+0.110) made it worse" in said
    assert way_up_text(planned) == ""


def test_what_is_left_out_is_ranked_too(rungs: list[RungStanding]) -> None:
    said = left_out_text(rungs)
    assert "**no residual stream** (+1.295 nats) and **no attention** (+0.495 nats)" in said
    assert "one head a layer and untied head" in said


def test_depth_is_said_to_pay_only_where_it_does(rungs: list[RungStanding]) -> None:
    assert "In 500 steps depth does not pay yet; 3,000 steps" in depth_text(rungs, 3000)
    assert depth_text(rungs, 400) == "In 500 steps depth does not pay yet."
    deeper = [measured(r, 1.9) if r.name == "3 blocks" else r for r in rungs]
    assert "3 blocks are 0.110 nats lower than one" in depth_text(deeper, 3000)


def test_what_one_block_bought_and_another_cost_adds_up(rungs: list[RungStanding]) -> None:
    losses = {"2 blocks": 1.9, "3 blocks": 1.93}
    back = [measured(r, losses[r.name]) if r.name in losses else r for r in rungs]
    assert depth_text(back, 3000) == (
        "Depth pays: 3 blocks are 0.080 nats lower than one; 2 blocks bought 0.110, and another "
        "block cost some of that."
    )


def test_a_small_difference_is_said_to_be_none(rungs: list[RungStanding]) -> None:
    by_name = {rung.name: rung for rung in rungs}
    assert "no difference" in bought_text(by_name["MLP"], rungs)
    assert bought_text(by_name["positions"], rungs) == "**0.200 nats lower** than **4 heads**."
    assert "higher" in bought_text(by_name["no MLP"], rungs)
    assert bought_text(by_name["no causal mask"], rungs) == ""


def test_the_lowest_rung_stands_between_counted_lines(rungs: list[RungStanding]) -> None:
    lines = [ReferenceLine("bigram", 2.48), ReferenceLine("5-gram", 1.669)]
    said = counted_text(rungs, lines)
    assert "LayerNorm, ends at 2.000 nats, below counted bigram (2.480), above counted 5" in said


def test_the_contradiction_of_the_missing_mask_is_said_in_its_numbers(
    rungs: list[RungStanding],
) -> None:
    said = unmasked_text(rungs[-1], 0.12, 5.0, 2048, "e\n\n e")
    assert rungs[-1].config
    uniform = math.log(rungs[-1].config.model.vocab_size)
    for number in ("0.100", "0.120", "5.000", "2,048", f"{uniform:.3f}", "“e↵↵␣e …”"):
        assert number in said
    assert "worse than giving" in said
    assert "looks like a very good model, and it is worthless" in said
    assert "worse than giving" not in unmasked_text(rungs[-1], 0.12, 3.0, 2048, "")


def test_a_model_without_a_mask_that_has_not_learned_to_copy_is_not_said_to_copy(
    rungs: list[RungStanding],
) -> None:
    said = unmasked_text(rungs[-1], 3.13, 3.19, 2048, "")
    assert "hardly learned to copy it" in said and "worthless" not in said
    assert "3.130" in said and "3.190" in said
