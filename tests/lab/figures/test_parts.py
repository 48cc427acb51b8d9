"""What parts are worth: every number arrives, and what is off is marked."""

from __future__ import annotations

import numpy as np

from core.interpretability.habits import HeadWorth
from lab.figures.palette import DARK, LIGHT
from lab.figures.parts import guesses_figure, worth_figure

WORTHS = [
    HeadWorth(layer=2, head=1, val_loss_nats=2.5, delta_nats=0.5),
    HeadWorth(layer=1, head=2, val_loss_nats=1.9, delta_nats=-0.1),
]


def test_heads_stand_in_their_order_and_what_is_off_is_marked() -> None:
    figure = worth_figure(WORTHS, ["2.1 vowels", "1.2"], [(1, 2)], "attention", LIGHT)
    (bars,) = figure.data
    assert list(bars.x) == [0.5, -0.1] and list(bars.y) == [0, 1]
    assert list(figure.layout.yaxis.ticktext) == ["2.1 vowels", "1.2 (off)"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the costliest on top
    assert list(bars.marker.color) == [LIGHT.model("attention"), LIGHT.muted]
    assert bars.hovertext[1] == "1.2: the loss goes to 1.900 nats without it (-0.100)"
    assert "nats" in figure.layout.xaxis.title.text


def test_without_heads_there_is_a_word_in_place_of_bars() -> None:
    assert not worth_figure([], [], [], "bigram", DARK).data


def test_two_guesses_stand_side_by_side() -> None:
    full, rest = np.array([0.75, 0.25]), np.array([0.5, 0.5])
    figure = guesses_figure(full, rest, " e", "transformer", DARK)
    assert [list(bars.y) for bars in figure.data] == [full.tolist(), rest.tolist()]
    assert list(figure.layout.xaxis.ticktext) == ["␣", "e"]
    assert figure.data[1].hovertext[0].startswith("with parts off: ‘␣’")
