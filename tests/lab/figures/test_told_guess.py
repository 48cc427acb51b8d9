"""One guess of a step in pictures: characters are signs, the chosen one stands out."""

from __future__ import annotations

import numpy as np
import pytest

from lab.figures.palette import DARK, LIGHT, contrast, ink_on
from lab.figures.told_guess import (
    MAX_PLACES,
    MAX_WINDOWS,
    after_figure,
    batch_figure,
    layers_figure,
    shown_of_batch,
    tenths,
)

CHARACTERS = "\n <abc"


def test_a_small_batch_is_drawn_whole_with_what_the_guess_sees() -> None:
    figure = batch_figure(["a b<\n", "cabba"], 1, 2, 3, "attention", LIGHT)
    cells, signs = figure.data
    assert list(signs.text) == ["a", "␣", "b", "&lt;", "↵", *"cabba"]
    assert list(zip(signs.x, signs.y)) == [(x, y) for y in range(2) for x in range(5)]
    assert signs.textfont.color[8] == ink_on(LIGHT.model("attention")) and signs.text[8] == "b"
    assert signs.textfont.color[0] == LIGHT.text and signs.hoverinfo == "skip"
    assert np.asarray(cells.z).tolist() == [[0, 0, 0, 0, 0], [1, 1, 1, 2, 0]]
    assert cells.colorscale[-1][1] == LIGHT.model("attention")
    assert "window 2, guessed at place 3" in cells.hovertext[1][3]
    assert "nothing before it" in cells.hovertext[0][0]
    assert list(figure.layout.yaxis.ticktext) == ["1", "2"]


def test_a_table_sees_one_character() -> None:
    cells, _ = batch_figure(["abcab"], 0, 2, 1, "bigram", DARK).data
    assert np.asarray(cells.z).tolist() == [[0, 0, 1, 2, 0]]


@pytest.mark.parametrize(("window", "place"), [(0, 0), (5, 100), (63, 255), (20, 63)])
def test_of_a_large_batch_the_chosen_guess_is_always_drawn(window: int, place: int) -> None:
    windows, places = shown_of_batch((64, 256), window, place)
    assert (len(windows), len(places)) == (MAX_WINDOWS, MAX_PLACES)
    assert window in windows and place in places
    assert windows.stop <= 64 and places.stop <= 256
    figure = batch_figure(["ab" * 128 + "a"] * 64, window, place, place + 1, "transformer", LIGHT)
    cells, _ = figure.data
    z = np.asarray(cells.z)
    assert z.shape == (MAX_WINDOWS, MAX_PLACES + 1)
    row, column = (int(i) for i in np.argwhere(z == 2)[0])
    assert (list(cells.y)[row], list(cells.x)[column]) == (window, place + 1)


def test_layers_stand_below_each_other_with_the_right_one_framed() -> None:
    layers = np.array(
        [[0.5, 0.2, 0.1, 0.1, 0.06, 0.04], [0.1, 0.0001, 0.2, 0.1, 0.5, 0.0999]], np.float32
    )
    figure = layers_figure(layers, 4, CHARACTERS, ["layer 1", "layer 2"], LIGHT, n_guesses=3)
    cells, texts = figure.data
    z = np.asarray(cells.z)
    assert z[0, :3].tolist() == pytest.approx([0.5, 0.2, 0.1]) and np.isnan(z[:, 3]).all()
    assert z[:, 4].tolist() == pytest.approx([0.06, 0.5])
    placed = {(x, y): text for x, y, text in zip(texts.x, texts.y, texts.text)}
    assert placed[0, 0].startswith("↵") and placed[4, 1].startswith("b")
    assert placed[0, 1] == "b  50\N{NO-BREAK SPACE}%" and (3, 0) not in placed
    assert cells.hovertext[1][0] == "layer 2 gives ‘b’ 50\N{NO-BREAK SPACE}%"
    assert contrast(texts.textfont.color[0], LIGHT.probability_scale[10][1]) >= 4.5
    (frame,) = figure.layout.shapes  # only the second layer has it among its three
    assert (frame.x0, frame.y0) == (-0.5, 0.5)
    assert list(figure.layout.yaxis.ticktext) == ["layer 1", "layer 2"]
    assert "what comes: b" in figure.layout.xaxis.ticktext
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first on top


def test_a_chance_of_next_to_nothing_is_not_markup() -> None:
    layers = np.array([[0.9999, 0.0001]], np.float32)
    _, texts = layers_figure(layers, 1, "a<", ["the table"], DARK).data
    assert texts.text[1] == "&lt;  &lt; 0.1\N{NO-BREAK SPACE}%"


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
