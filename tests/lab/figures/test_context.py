"""What context buys: every place counts once, and sentences say what the numbers say."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from lab.figures.context import (
    ContextLoss,
    context_figure,
    context_sentence,
    gains_up_to,
    groups_of,
)
from lab.figures.palette import DARK, LIGHT

NANOGPT = [2.54, 2.14, 2.02, 1.97, 1.96, 1.9, 1.89, 1.89, *[1.89] * 56]
COUNTED = [2.48, 2.05, 1.77, 1.67]


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 12, 13, 16, 64, 100, 256])
def test_every_place_is_in_one_group(length: int) -> None:
    losses = [float(i) for i in range(length)]
    groups = groups_of(losses)
    assert groups[0].first == 1 and groups[-1].last == length
    for one, following in pairwise(groups):
        assert following.first == one.last + 1
    assert all(g.first == g.last for g in groups[:8] if g.first <= 8 and length > 12)
    total = sum(g.loss_nats * (g.last - g.first + 1) for g in groups)
    assert total == pytest.approx(sum(losses))
    assert len(groups) < 18


def test_what_is_gained_ends_where_nothing_more_is() -> None:
    assert gains_up_to(NANOGPT) == 6
    assert gains_up_to([2.5] * 64) == 1
    falling = [3 - 0.05 * i for i in range(8)]
    assert gains_up_to(falling) == 8
    assert gains_up_to([2.0]) == 1


def test_every_number_arrives_and_each_line_has_its_name() -> None:
    figure = context_figure([ContextLoss("owl", "transformer", NANOGPT)], COUNTED, LIGHT)
    owl, counted = figure.data
    assert list(owl.y[:8]) == pytest.approx(NANOGPT[:8], abs=1e-6)
    assert list(owl.x[:8]) == pytest.approx(list(range(1, 9)))
    assert owl.hovertext[0] == "owl: 2.540 nats with 1 character of context"
    assert " to " in owl.hovertext[-1] and owl.line.color == LIGHT.model("transformer")
    assert list(counted.y) == pytest.approx(COUNTED, abs=1e-6) and counted.line.dash == "dash"
    assert figure.layout.xaxis.type == "log"
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "4", "8", "16", "32", "64"]
    assert not context_figure([], COUNTED, DARK).data


def test_in_bits_all_of_it_is() -> None:
    curve = ContextLoss("owl", "transformer", NANOGPT)
    owl, counted = (figure := context_figure([curve], COUNTED, LIGHT, in_bits=True)).data
    assert owl.y[0] == pytest.approx(2.54 / math.log(2), abs=1e-5)
    assert counted.y[0] == pytest.approx(2.48 / math.log(2), abs=1e-5)
    assert owl.hovertext[0] == "owl: 3.664 bits with 1 character of context"
    assert figure.layout.yaxis.title.text == "loss (bits per character)"
    assert "2.727 bits" in context_sentence(curve, COUNTED, in_bits=True)


def test_sentences_say_where_it_ends_and_what_counting_does() -> None:
    owl = ContextLoss("owl", "transformer", NANOGPT)
    assert context_sentence(owl, COUNTED) == (
        "**owl** gains next to nothing from more than 6 characters; it gets to 1.890 nats. "
        "Counting gets below that with 3 characters of context."
    )
    assert "Counting" not in context_sentence(owl, [2.48, 2.05])
    table = ContextLoss("table", "bigram", [2.5] * 8)
    assert context_sentence(table, COUNTED).endswith("more buys nothing.")
