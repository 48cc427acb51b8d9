"""Labels and dots keep out of each other's way, in the narrowest plot and in wider ones."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.typing import NDArray

from core.findings.notes import Note
from lab.figures.base import compact
from lab.figures.curve_marks import MAX_ROWS, Mark, add_earlier, add_marks, add_notes
from lab.figures.losses import LossAxes, LossCurve, loss_figure
from lab.figures.palette import LIGHT
from lab.figures.spacing import (
    CHARACTER_PX,
    PLOT_PX,
    in_rows,
    pixels,
    spread_apart,
    together,
)
from tests.curves import LINES

SAID = "learning rate 0.003 -> 0.0003"


def long_curve() -> LossCurve:
    """A thousand steps, steep at first and then flat."""
    steps = compact(range(0, 1001, 50))
    return LossCurve(
        name="owl", model="transformer", chars_seen=((0, 0), (1000, 1000)), flops_per_char=1,
        steps=steps[1:], step_s=steps[1:], step_wall_s=steps[1:],
        train_losses=4 / (1 + steps[1:] / 100),
        estimate_steps=steps, val_losses=4 / (1 + steps / 100),
    )  # fmt: skip


def figure() -> go.Figure:
    return loss_figure([long_curve()], (), LIGHT, LossAxes(x_end=1000))


def spans(drawn: go.Figure, width: float) -> list[tuple[int, float, float]]:
    """Row, left and right end of each label in a plot of that width, in pixels."""
    found = []
    for label in drawn.layout.annotations:
        x, wide = label.x / 1000 * width, CHARACTER_PX * len(label.text.replace("&gt;", ">"))
        left = x - wide if label.xanchor == "right" else x
        found.append((label.yshift, left, left + wide))
    return found


@pytest.mark.parametrize("width", [PLOT_PX[0], 600, 1200])
@pytest.mark.parametrize(
    "steps",
    [[200, 200], [0, 10, 20, 30], [950, 960, 1000], range(0, 1001, 50), [0, 500, 1000]],
    ids=str,
)
def test_labels_of_marks_never_lie_on_each_other(steps: list[int], width: float) -> None:
    drawn = figure()
    marks = [Mark(step, "changed", SAID, f"at {step}") for step in steps]
    n_rows = add_marks(drawn, long_curve(), marks, LIGHT, "steps")
    for one, other in combinations(spans(drawn, width), 2):
        assert one[0] != other[0] or one[2] <= other[1] or other[2] <= one[1]
    assert n_rows == len({row for row, *_ in spans(drawn, width)}) <= MAX_ROWS
    hovers = "<br>".join(label.hovertext for label in drawn.layout.annotations).split("<br>")
    assert sorted(hovers) == sorted(mark.detail for mark in marks)  # none is hidden
    assert len(drawn.layout.shapes) == len(marks)


def test_labels_stay_in_the_plot() -> None:
    drawn = figure()
    marks = [Mark(step, "changed", SAID, "") for step in (0, 400, 1000)]
    add_marks(drawn, long_curve(), marks, LIGHT, "steps")
    assert all(left >= 0 and right <= 600 for _, left, right in spans(drawn, 600))


def test_a_label_without_room_joins_the_one_before_it_and_is_counted() -> None:
    placed = in_rows([0, 5, 10, 15, 20], ["a long label"] * 5, 3)
    assert [each.of for each in placed] == [[0], [1], [2, 3, 4]]
    assert [each.row for each in placed] == [0, 1, 2]


@pytest.mark.parametrize("steps", [[0, 5, 10], [35, 50, 60, 990, 1000], list(range(0, 1001, 10))])
def test_dots_of_notes_never_lie_on_each_other(steps: list[int]) -> None:
    drawn = figure()
    notes = [Note("best", step, f"at {step}", "lowest", ()) for step in steps]
    add_notes(drawn, long_curve(), notes, LIGHT, "steps", False)
    dots, numbers = drawn.data[-2:]
    centres = pixels(drawn, dots.x, dots.y)
    for i, j in combinations(range(len(centres)), 2):
        apart = float(np.hypot(*(centres[i] - centres[j])))
        assert apart >= (dots.marker.size[i] + dots.marker.size[j]) / 2
    named = sorted(int(number) for text in numbers.text for number in text.split(","))
    assert named == list(range(1, len(steps) + 1))
    assert all(f"at {step}<" in "".join(said for _, said in numbers.customdata) for step in steps)


def test_dots_apart_stay_apart_also_where_the_curve_is_steep() -> None:
    centres = np.array([[10.0, 0.0], [10.0, 40.0], [14.0, 44.0], [200.0, 44.0]])
    assert together(centres, [1, 1, 1, 1], [15, 23, 31, 39]) == [[0], [1, 2], [3]]


@pytest.mark.parametrize("log", [False, True])
def test_places_are_counted_from_the_left_and_from_the_top(log: bool) -> None:
    drawn = figure()
    drawn.update_xaxes(type="log" if log else None, range=[0, 3] if log else [0, 1000])
    drawn.update_yaxes(range=[0, 4])
    (left, right) = pixels(drawn, compact([1 if log else 0, 1000]), compact([4, 0]))
    assert left.tolist() == pytest.approx([0, 0]) and right.tolist() == pytest.approx(PLOT_PX)


# --- names at the ends of curves ------------------------------------------------------------------


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_run_on_the_bench_that_broke_is_in_nobody_s_way_where_it_has_no_place(
    loss: float,
) -> None:
    broken = timed("bench", 0.0126, np.full(21, loss, dtype=np.float32))
    drawn = loss_figure([broken], LINES, LIGHT, LossAxes(x="seconds", x_end=80))
    add_earlier(drawn, [timed("owl", 0.003, long_curve().val_losses)], LIGHT, "seconds", False)
    (name,) = [a for a in drawn.layout.annotations if a.name == "earlier"]
    assert not name.ay


def timed(name: str, step_s: float, losses: NDArray[np.float32]) -> LossCurve:
    """A run of a thousand steps, each as long as the others."""
    curve = long_curve()
    steps = curve.steps
    return replace(curve, name=name, step_s=steps * step_s, val_losses=losses)


@pytest.mark.parametrize("width", [PLOT_PX[0], 560, 700])
@pytest.mark.parametrize("end_s", [1.0, 3.0, 6.0, 13.0, 40.0, 78.0])
@pytest.mark.parametrize("below_nats", [-0.4, -0.1, 0.0, 0.1, 0.4])
def test_a_name_covers_nothing_of_the_run_on_the_bench(
    end_s: float, below_nats: float, width: float
) -> None:
    steps = long_curve().estimate_steps
    losses = 2.0 + 2.2 * np.exp(-steps / 150)
    bench = timed("bench", 0.0126, losses)
    other = timed("brave-brutus", end_s / 1000, losses - np.float32(below_nats))
    drawn = loss_figure([bench], LINES, LIGHT, LossAxes(x="seconds", x_end=80))
    add_earlier(drawn, [other], LIGHT, "seconds", False)
    (name,) = [a for a in drawn.layout.annotations if a.name == "earlier"]
    scale = np.array([width / PLOT_PX[0], 1.0])
    end = scale * pixels(drawn, compact([name.x]), compact([name.y]))[0]
    wide, high = CHARACTER_PX * len(name.text), 13.0
    left = end[0] - wide * (name.xanchor == "right")
    shift = -name.ay
    top = end[1] - shift - high * (name.yanchor == "bottom")
    places = pixels(drawn, drawn.data[1].x, drawn.data[1].y)
    line = scale * np.stack(
        [np.interp(np.linspace(0, 20, 800), range(21), side) for side in places.T], axis=1
    )
    under = ((line > (left, top)) & (line < (left + wide, top + high))).all(axis=1)
    assert not under.any()
    assert left >= 0 and left + wide <= width and top + high <= PLOT_PX[1]
    assert abs(shift) <= 5 * high


def test_names_of_curves_that_end_together_do_not_cover_each_other() -> None:
    losses = 2.0 + 2.2 * np.exp(-long_curve().estimate_steps / 150)
    bench = timed("bench", 0.0126, losses)
    others = [
        timed(name, s / 1000, losses + np.float32(above))
        for name, s, above in [
            ("clever-benedick", 1.6, 0.7), ("tender-leontes", 2.1, 0.45), ("owl", 2.4, 0.42),
        ]
    ]  # fmt: skip
    drawn = loss_figure([bench], LINES, LIGHT, LossAxes(x="seconds", x_end=14))
    add_earlier(drawn, others, LIGHT, "seconds", False)
    names = [a for a in drawn.layout.annotations if a.name == "earlier"]
    boxes = []
    for name in names:
        x, y = pixels(drawn, compact([name.x]), compact([name.y]))[0]
        top = y + name.ay - 13.0 * (name.yanchor == "bottom")
        boxes.append((x, x + CHARACTER_PX * len(name.text), top, top + 13.0))
        assert name.xanchor == "left"
    for one, other in combinations(boxes, 2):
        apart = one[1] <= other[0] or other[1] <= one[0]
        assert apart or one[3] <= other[2] or other[3] <= one[2]


@pytest.mark.parametrize("seed", range(5))
def test_places_are_moved_apart_and_no_further_than_they_must(seed: int) -> None:
    places = np.sort(np.random.default_rng(seed).uniform(0, 100, size=8)).tolist()
    moved = spread_apart(places, 13.0)
    assert all(b - a >= 13.0 - 1e-9 for a, b in pairwise(moved))
    assert sum(moved) == pytest.approx(sum(places))  # as much up as down
    assert spread_apart(moved, 13.0) == pytest.approx(moved)
    free = [0.0, 20.0, 40.0]
    assert spread_apart(free, 13.0) == free and spread_apart([], 13.0) == []


def test_two_places_that_are_one_move_by_half() -> None:
    assert spread_apart([5.0, 5.0, 50.0], 10.0) == [0.0, 10.0, 50.0]
