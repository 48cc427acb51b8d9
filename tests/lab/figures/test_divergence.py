"""The way to the counts: every snapshot is drawn, and the shown step is marked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.interpretability.divergence import Divergence
from lab.figures.divergence import divergence_figure
from lab.figures.palette import DARK, LIGHT


def left(total_nats: float) -> Divergence:
    return Divergence(
        total_nats=total_nats, rare_nats=total_nats / 4, n_rare=3, rare_share=0.1,
        unseen_nats=total_nats / 2,
    )  # fmt: skip


def test_all_of_it_and_its_parts_are_drawn_by_step() -> None:
    figure = divergence_figure({100: left(0.5), 0: left(1.6), 8: left(1.2)}, 100, "bigram", LIGHT)
    whole, unseen, rare = figure.data
    assert list(whole.x) == [1, 9, 101]  # from 1 more, as 0 has no logarithm
    np.testing.assert_allclose(whole.y, [1.6, 1.2, 0.5], rtol=1e-6)
    np.testing.assert_allclose(unseen.y, whole.y / 2)
    np.testing.assert_allclose(rare.y, whole.y / 4)
    assert len({trace.line.dash for trace in figure.data}) == 3, "told apart without colour"
    assert "step 8, all of it: 1.2000 nats" in whole.hovertext[1]
    assert whole.line.color == LIGHT.model("bigram")
    assert "nats" in figure.layout.yaxis.title.text and figure.layout.xaxis.title.text == "step"
    assert list(figure.layout.xaxis.ticktext) == ["0", "1", "10", "100"]


def test_the_shown_step_is_marked() -> None:
    figure = divergence_figure({0: left(1.6), 1000: left(0.02)}, 1000, "attention", DARK)
    assert figure.layout.shapes[0].x0 == 1001
    (note,) = figure.layout.annotations
    assert note.text == "shown: step 1,000" and note.x == pytest.approx(math.log10(1001))


def test_nothing_left_can_be_drawn_and_no_steps_say_what_will_be_there() -> None:
    assert divergence_figure({0: left(0.0)}, 0, "bigram", LIGHT).data[0].y[0] > 0
    nothing = divergence_figure({}, 0, "bigram", LIGHT)
    assert not nothing.data and nothing.layout.annotations[0].text
