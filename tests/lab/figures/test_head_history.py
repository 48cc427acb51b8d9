"""A head's history as lines, and all heads as a map: names, places on the axes, numbers."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import plotly.graph_objects as go
import pytest

from core.interpretability.habits import HABITS, HeadHabits, Name
from core.interpretability.history import HeadHistory, head_histories
from lab.attention_page.head_words import HABIT_WORDS
from lab.figures.head_history import (
    MAX_DOUBLINGS,
    head_history_figure,
    histories_figure,
    histories_height_px,
)
from lab.figures.palette import DARK, LIGHT, Palette, contrast

STEPS = (0, 1, 4, 16, 64, 256, 1000)
NAMES: tuple[Name, ...] = ("even", "even", "even", "even", "none", "spaces", "spaces")
WORDS = {name: short for name, (short, _) in HABIT_WORDS.items()}
EVEN_NATS = 3.0


def measured(layer: int, head: int, name: Name, share: float, times: float) -> HeadHabits:
    return HeadHabits(
        layer=layer, head=head, name=name, score=share, times_even=times, entropy_nats=3 - share,
        shares={h: share if h == "spaces" else 0.1 for h in HABITS},
        even_shares=dict.fromkeys(HABITS, 0.2),
    )  # fmt: skip


def histories(steps: tuple[int, ...] = STEPS) -> list[HeadHistory]:
    n = len(steps)
    rows = [
        [measured(1, 1, NAMES[i], 0.2 + 0.1 * i, 1.0 + 2 * i) for i in range(n)],
        [measured(1, 2, "even", 0.99, 1.0) for _ in range(n)],
    ]
    return head_histories(steps, [list(each) for each in zip(*rows)])


def one(palette: Palette = LIGHT, steps: tuple[int, ...] = STEPS, width_px: int = 500) -> go.Figure:
    return head_history_figure(
        histories(steps)[0], EVEN_NATS, WORDS, "transformer", palette, width_px
    )


def all_heads(palette: Palette = LIGHT, width_px: int = 700) -> go.Figure:
    return histories_figure(histories(), WORDS, (1, 2), "transformer", palette, width_px)


def said(figure: go.Figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


def test_share_and_entropy_stand_at_their_steps_beside_even_spreading() -> None:
    figure = one()
    share, entropy = figure.data
    np.testing.assert_allclose(share.x, np.log2(1 + np.array(STEPS)), rtol=1e-6)
    np.testing.assert_allclose(share.y, [0.2 + 0.1 * i for i in range(7)], rtol=1e-6)
    np.testing.assert_allclose(entropy.y, [2.8 - 0.1 * i for i in range(7)], rtol=1e-6)
    lines = {shape.yref: shape.y0 for shape in figure.layout.shapes if shape.type == "line"}
    assert lines == {"y": 0.2, "y2": EVEN_NATS}
    ticks = dict(zip(figure.layout.xaxis.ticktext, figure.layout.xaxis.tickvals))
    assert ticks["0"] == 0 and ticks["256"] == math.log2(257) and ticks["1,000"] == math.log2(1001)


def test_each_name_has_a_band_with_the_name_where_it_fits() -> None:
    figure = one()
    bands = [(s.x0, s.x1) for s in figure.layout.shapes if s.type == "rect"]
    assert len(bands) == 3  # even, no habit, spaces
    assert bands[0][1] == bands[1][0] == (math.log2(17) + math.log2(65)) / 2
    assert said(figure) == ["even", "no habit", "spaces"]
    assert said(one(width_px=150)) == ["even"]


def test_what_is_downloaded_has_the_steps_and_not_their_places() -> None:
    (share, entropy) = one().data
    assert [row[0] for row in share.customdata] == list(STEPS)
    assert [row[1] for row in share.customdata] == [WORDS[name] for name in NAMES]
    assert share.meta["columns"][0] == "step" and entropy.meta == {"rows": False}
    assert one().layout.meta["x"]["name"] is None


@pytest.mark.parametrize("steps", [(0,), (7,), (0, 1)])
def test_a_history_may_have_just_begun(steps: tuple[int, ...]) -> None:
    figure = one(steps=steps)
    low, high = figure.layout.xaxis.range
    assert low < high and len(figure.data[0].x) == len(steps)


def test_the_map_has_a_row_for_each_head_and_a_column_for_each_snapshot() -> None:
    figure = all_heads()
    (cells,) = figure.data
    times = [1.0 + 2 * i for i in range(7)]
    np.testing.assert_allclose(cells.z[0], np.minimum(np.log2(times), MAX_DOUBLINGS), rtol=1e-6)
    assert not cells.z[1].any()  # what spreads evenly has no colour
    assert [cell[2] for cell in cells.customdata[0]] == times
    assert list(figure.layout.yaxis.ticktext) == ["1.1", "1.2"]
    (frame,) = figure.layout.shapes
    assert (frame.y0, frame.y1) == (0.5, 1.5)
    assert histories_height_px(16) > histories_height_px(2) > 0


def test_names_stand_where_they_begin_if_they_fit() -> None:
    placed: Any = [(a.x, a.y, a.text) for a in all_heads().layout.annotations]
    assert placed == [
        (-0.5, 0, "even"), (3.5, 0, "no habit"), (4.5, 0, "spaces"), (-0.5, 1, "even"),
    ]  # fmt: skip
    assert "no habit" not in said(all_heads(width_px=400))


def test_no_two_steps_cover_each_other_on_a_narrow_map() -> None:
    wide, narrow = (len(all_heads(width_px=w).layout.xaxis.ticktext) for w in (700, 300))
    assert wide == len(STEPS) and narrow < wide


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_names_can_be_read_on_every_colour_of_the_map(palette: Palette) -> None:
    for kind in ("attention", "transformer"):
        figure = histories_figure(histories(), WORDS, (1, 1), kind, palette, 700)
        assert all(contrast(color, palette.text) >= 4.5 for _, color in figure.data[0].colorscale)


def test_nothing_yet_says_what_will_be_there() -> None:
    assert "will be here" in said(
        head_history_figure(None, EVEN_NATS, WORDS, "attention", LIGHT, 500)
    )[0]  # fmt: skip
    assert "each snapshot" in said(histories_figure([], WORDS, (1, 1), "attention", LIGHT, 700))[0]


def test_every_name_has_words() -> None:
    every = {name for each in get_args(Name) for name in (get_args(each) or (each,))}
    assert set(WORDS) == every
