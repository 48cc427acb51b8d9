"""Six pictures of a step: numbers arrive, characters are signs, the chosen guess stands out."""

from __future__ import annotations

import numpy as np
import pytest

from core.interpretability.training_step import PartStep
from lab.figures.palette import DARK, LIGHT
from lab.figures.training_step import (
    MAX_PLACES,
    MAX_WINDOWS,
    after_figure,
    batch_figure,
    gradient_figure,
    layers_figure,
    losses_figure,
    shown_of_batch,
    tenths,
    update_figure,
)

CHARACTERS = "\n <abc"
PARTS = [
    PartStep(part="token embedding", layer=0, n_params=60, grad_norm=0.5, weight_norm=2.0,
             update_norm=0.001),
    PartStep(part="MLP", layer=1, n_params=800, grad_norm=0.25, weight_norm=0.0, update_norm=0.02),
]  # fmt: skip


def test_a_small_batch_is_drawn_whole_with_what_the_guess_sees() -> None:
    figure = batch_figure(["a b<\n", "cabba"], 1, 2, 3, "attention", LIGHT)
    (cells,) = figure.data
    assert [list(row) for row in cells.text] == [["a", "␣", "b", "&lt;", "↵"], list("cabba")]
    assert np.asarray(cells.z).tolist() == [[0, 0, 0, 0, 0], [1, 1, 1, 2, 0]]
    assert cells.colorscale[-1][1] == LIGHT.model("attention")
    assert "window 2, guessed at place 3" in cells.hovertext[1][3]
    assert "nothing before it" in cells.hovertext[0][0]
    assert list(figure.layout.yaxis.ticktext) == ["1", "2"]


def test_a_table_sees_one_character() -> None:
    (cells,) = batch_figure(["abcab"], 0, 2, 1, "bigram", DARK).data
    assert np.asarray(cells.z).tolist() == [[0, 0, 1, 2, 0]]


@pytest.mark.parametrize(("window", "place"), [(0, 0), (5, 100), (63, 255), (20, 63)])
def test_of_a_large_batch_the_chosen_guess_is_always_drawn(window: int, place: int) -> None:
    windows, places = shown_of_batch((64, 256), window, place)
    assert (len(windows), len(places)) == (MAX_WINDOWS, MAX_PLACES)
    assert window in windows and place in places
    assert windows.stop <= 64 and places.stop <= 256
    figure = batch_figure(["ab" * 128 + "a"] * 64, window, place, place + 1, "transformer", LIGHT)
    (cells,) = figure.data
    z = np.asarray(cells.z)
    assert z.shape == (MAX_WINDOWS, MAX_PLACES + 1)
    row, column = (int(i) for i in np.argwhere(z == 2)[0])
    assert (list(cells.y)[row], list(cells.x)[column]) == (window, place + 1)


def test_layers_stand_below_each_other_with_the_right_one_framed() -> None:
    layers = np.array(
        [[0.5, 0.2, 0.1, 0.1, 0.06, 0.04], [0.1, 0.0001, 0.2, 0.1, 0.5, 0.0999]], np.float32
    )
    figure = layers_figure(layers, 4, CHARACTERS, ["layer 1", "layer 2"], LIGHT, n_guesses=3)
    (cells,) = figure.data
    z = np.asarray(cells.z)
    assert z[0, :3].tolist() == pytest.approx([0.5, 0.2, 0.1]) and np.isnan(z[:, 3]).all()
    assert z[:, 4].tolist() == pytest.approx([0.06, 0.5])
    assert cells.text[0][0].startswith("↵") and cells.text[1][4].startswith("b")
    assert cells.text[1][0] == "b  50\N{NO-BREAK SPACE}%"
    (frame,) = figure.layout.shapes  # only the second layer has it among its three
    assert (frame.x0, frame.y0) == (-0.5, 0.5)
    assert list(figure.layout.yaxis.ticktext) == ["layer 1", "layer 2"]
    assert "what comes: b" in figure.layout.xaxis.ticktext
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first on top


def test_a_chance_of_next_to_nothing_is_not_markup() -> None:
    layers = np.array([[0.9999, 0.0001]], np.float32)
    (cells,) = layers_figure(layers, 1, "a<", ["the table"], DARK).data
    assert cells.text[0][1] == "&lt;  &lt; 0.1\N{NO-BREAK SPACE}%"


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


def test_the_guess_after_stands_beside_the_one_before() -> None:
    before = np.array([0.5, 0.3, 0.1, 0.05, 0.03, 0.02], np.float32)
    after = np.array([0.4, 0.4, 0.1, 0.05, 0.03, 0.02], np.float32)
    figure = after_figure(before, after, 1, CHARACTERS, "transformer", LIGHT)
    assert [bars.name for bars in figure.data] == ["before", "after"]
    assert [list(bars.y[:2]) for bars in figure.data] == [
        pytest.approx([0.5, 0.3]), pytest.approx([0.4, 0.4]),
    ]  # fmt: skip
    assert figure.data[1].hovertext[1] == ("after: ‘␣’ U+0020 space gets 40.0\N{NO-BREAK SPACE}%")
    assert figure.layout.xaxis.ticktext[1] == "␣<br>comes"


def test_shares_show_what_one_step_changes() -> None:
    assert tenths(0.123) == "12.3\N{NO-BREAK SPACE}%" and tenths(0.0001).startswith("under 0.1")
