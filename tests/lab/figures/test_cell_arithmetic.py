"""The numbers of a cell arrive as they are, number under number, and the mask is seen."""

from __future__ import annotations

import numpy as np
import pytest

from lab.figures.cell_arithmetic import (
    Vector,
    number_text,
    scores_figure,
    vectors_figure,
    vectors_height_px,
)
from lab.figures.map_axes import Matrix
from lab.figures.palette import DARK, LIGHT

TEXT = "to <b"


def numbers(seed: int, n: int = 4) -> Matrix:
    return np.random.default_rng(seed).normal(size=n).astype(np.float32)


def test_vectors_stand_below_each_other_to_one_scale() -> None:
    vectors = [Vector("query", numbers(1)), Vector("key", 3 * numbers(2), is_strong=False)]
    figure = vectors_figure(vectors, "attention", LIGHT)
    for bars, vector in zip(figure.data, vectors, strict=True):
        np.testing.assert_array_equal(bars.y, vector.numbers)
        assert list(bars.x) == [1, 2, 3, 4]
        assert bars.hovertext[2] == f"{vector.name}, number 3: {number_text(vector.numbers[2])}"
    axes = figure.layout.yaxis, figure.layout.yaxis2
    assert axes[0].range == axes[1].range
    assert axes[0].domain[0] > axes[1].domain[1]
    assert figure.data[0].marker.color == LIGHT.model("attention") != figure.data[1].marker.color
    assert [note.text for note in figure.layout.annotations] == ["query", "key"]
    assert "of 4" in figure.layout.xaxis.title.text
    assert vectors_height_px(2) > vectors_height_px(1)


def test_a_vector_of_zeros_is_drawn() -> None:
    figure = vectors_figure([Vector("output", np.zeros(4, np.float32))], "transformer", DARK)
    assert figure.layout.yaxis.range[1] > 0


def test_masked_scores_are_hollow_and_said_and_the_cell_is_framed() -> None:
    scores, weights = numbers(3, 5), np.asarray([0.2, 0.5, 0.3, 0, 0], np.float32)
    figure = scores_figure(scores, weights, TEXT, (2, 1), "attention", LIGHT)
    above, below = figure.data
    np.testing.assert_array_equal(above.y, scores)
    np.testing.assert_array_equal(below.y, weights)
    assert list(above.marker.color) == [LIGHT.model("attention")] * 3 + [LIGHT.ground] * 2
    assert list(above.marker.line.color)[3:] == [LIGHT.muted] * 2
    assert ["−∞" in text for text in above.hovertext] == [False] * 3 + [True] * 2
    assert "‘&lt;’ (4)" in above.hovertext[3]
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0.5, 1.5)] * 2


def test_nothing_gives_figures_that_say_so() -> None:
    none = np.zeros(0, np.float32)
    assert not vectors_figure([], "attention", LIGHT).data
    assert not scores_figure(none, none, "", (0, 0), "attention", LIGHT).data


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.1234, "0.123"), (-1.234, "−1.23"), (12.34, "12.3"), (1234.5, "1234"),
     (0.00004, "0.000040"), (0.0677, "0.0677")],
)  # fmt: skip
def test_three_digits_that_count(number: float, text: str) -> None:
    assert number_text(number) == text
