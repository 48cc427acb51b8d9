"""A step in numbers: losses, gradient and update arrive as they are, each with its name."""

from __future__ import annotations

import numpy as np
import pytest

from core.interpretability.training_step import PartStep
from lab.figures.palette import DARK, LIGHT
from lab.figures.told_step import gradient_figure, losses_figure, update_figure

CHARACTERS = "\n <abc"
PARTS = [
    PartStep(part="token embedding", layer=0, n_params=60, grad_norm=0.5, weight_norm=2.0,
             update_norm=0.001),
    PartStep(part="MLP", layer=1, n_params=800, grad_norm=0.25, weight_norm=0.0, update_norm=0.02),
]  # fmt: skip


def test_losses_of_a_window_have_the_mean_and_the_chosen_one_named() -> None:
    losses = np.array([1.0, 2.5, 0.25], np.float32)
    figure = losses_figure(losses, "a\n<", 1, 1.75, "bigram", LIGHT)
    (bars,) = figure.data
    assert list(bars.y) == [1.0, 2.5, 0.25]
    assert list(bars.marker.color) == [
        LIGHT.model_faded("bigram"), LIGHT.model("bigram"), LIGHT.model_faded("bigram"),
    ]  # fmt: skip
    assert [a.text for a in figure.layout.annotations] == ["batch mean<br>1.750", "2.500"]
    assert figure.layout.shapes[0].y0 == 1.75
    assert "place 2: 2.500 nats, it got 8.2" in bars.hovertext[1]
    assert list(figure.layout.xaxis.ticktext) == ["a", "↵", "&lt;"]
    assert "nats" in figure.layout.yaxis.title.text


def test_the_gradient_stands_beside_its_length_in_each_part() -> None:
    grad = np.array([0.1, 0.2, 0.3, 0.05, -0.7, 0.05], np.float32)
    figure = gradient_figure(grad, 4, CHARACTERS, PARTS, "transformer", LIGHT)
    logits, parts = figure.data
    assert list(logits.y[:4]) == pytest.approx([-0.7, 0.3, 0.2, 0.1])
    assert logits.text[:2] == ("\N{MINUS SIGN}0.700", "+0.300")
    assert logits.marker.color[0] != logits.marker.color[1]
    assert figure.layout.xaxis.ticktext[:3] == ("b<br>comes", "&lt;", "␣")
    assert list(parts.x) == [0.5, 0.25]
    assert list(figure.layout.yaxis2.ticktext) == ["token embedding", "layer 1 MLP"]
    assert "norm" in figure.layout.xaxis2.title.text


def test_what_comes_is_shown_even_where_its_gradient_is_small() -> None:
    grad = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, -0.001], np.float32)
    (logits, _) = gradient_figure(grad, 8, "abcdefghi", PARTS, "attention", DARK).data
    assert float(logits.y[-1]) == pytest.approx(-0.001) and len(logits.y) == 7


def test_an_update_is_how_far_and_which_share() -> None:
    moved, shares = update_figure(PARTS, "transformer", DARK).data
    assert list(moved.x) == pytest.approx([0.001, 0.02])
    assert list(shares.x) == pytest.approx([0.0005, 0.0])  # what was all zero has no share
    assert shares.text[0] == "0.05\N{NO-BREAK SPACE}%"
    assert "800 numbers: gradient 0.25, size 0, moved 0.02" in moved.hovertext[1]


def test_where_nothing_moved_that_is_said() -> None:
    still = [
        PartStep(part="table", layer=0, n_params=9, grad_norm=1.0, weight_norm=1.0, update_norm=0.0)
    ]
    figure = update_figure(still, "bigram", LIGHT)
    assert not figure.data and figure.layout.annotations[0].text == "Nothing moved"
