"""The score of the game as bars: as long as the shares, and said in counts."""

from __future__ import annotations

import pytest

from lab.figures.challenges import Score, score_figure
from lab.figures.palette import DARK, LIGHT, Palette

SCORES = [
    Score("you", 3),
    Score("counted bigram", 1, is_counted=True),
    Score("a: <b>", 2, "attention"),
]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_each_bar_is_as_long_as_the_share_and_says_its_count(palette: Palette) -> None:
    (bars,) = score_figure(SCORES, 4, palette).data
    assert dict(zip(bars.y, bars.x.tolist())) == {
        "you": 75.0, "counted bigram": 25.0, "a: &lt;b&gt;": 50.0,
    }  # fmt: skip
    assert bars.y[-1] == "you"  # on top
    assert dict(zip(bars.y, bars.text))["you"] == "3 of 4 · 75 %"
    colors = dict(zip(bars.y, bars.marker.color))
    assert colors["a: &lt;b&gt;"] == palette.model("attention")
    assert colors["counted bigram"] == palette.reference and len(set(colors.values())) == 3


def test_before_the_first_guess_it_says_what_it_will_show() -> None:
    figure = score_figure([], 0, LIGHT)
    assert not figure.data and "after the first guess" in figure.layout.annotations[0].text
