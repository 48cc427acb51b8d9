"""What stands around a loss curve: in its place on every axis, and never HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import plotly.graph_objects as go
import pytest

from core.findings.notes import Note, NoteKind
from core.settings.config import MODEL_KINDS, ModelKind
from lab.figures.base import compact
from lab.figures.curve_marks import (
    Mark,
    MarkKind,
    add_earlier,
    add_marks,
    add_notes,
    add_smoothed,
    running_mean,
)
from lab.figures.losses import LossAxes, LossCurve, XAxis, loss_figure
from lab.figures.palette import DARK, LIGHT, Palette
from lab.figures.spacing import LABEL_PX, pixels

LOG2 = math.log(2)
NASTY = "<b>&%{y}"
PLACES: dict[XAxis, float] = {
    "steps": 6.0, "characters": 60.0, "seconds": 4.0, "waited": 8.0, "FLOPs": 420.0
}  # fmt: skip
"""Where step 6 of the curve below is."""


def curve(
    model: ModelKind = "transformer", name: str = "brave-hamlet", losses: Sequence[float] = ()
) -> LossCurve:
    """Ten characters a step, seven FLOPs a character; the clock runs slower after step 4."""
    return LossCurve(
        name=name, model=model, chars_seen=((0, 0), (8, 80)), flops_per_char=7,
        steps=compact([1, 2, 4, 8]), step_s=compact([0.5, 1, 2, 6]),
        step_wall_s=compact([1, 2, 4, 12]), train_losses=compact(losses or [4, 2, 1, 3]),
        estimate_steps=compact([0, 4, 8]),
        val_losses=compact([4, 3, 2]),
    )  # fmt: skip


def empty_curve() -> LossCurve:
    none = compact([])
    return LossCurve(
        name="empty", model="bigram", chars_seen=((0, 0), (8, 80)), flops_per_char=0,
        steps=none, step_s=none, step_wall_s=none, train_losses=none,
        estimate_steps=none, val_losses=none,
    )  # fmt: skip


def figure_of(axis: XAxis = "steps", **look: Any) -> go.Figure:
    """The curve alone, without counted lines."""
    return loss_figure([curve()], (), LIGHT, LossAxes(x=axis, **look))


# --- earlier runs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("model", MODEL_KINDS)
def test_earlier_runs_are_faded_and_behind_and_named_at_their_end(
    model: ModelKind, palette: Palette
) -> None:
    figure = figure_of()
    add_earlier(figure, [curve(model)], palette, "steps", False)
    *others, earlier = figure.data
    assert earlier.line.color == palette.model_faded(model)
    assert earlier.zorder < min(trace.zorder or 0 for trace in others)
    assert (earlier.mode, earlier.showlegend) == ("lines", False)
    (name,) = figure.layout.annotations
    assert (name.text, name.x, name.y) == ("brave-hamlet", 8, 2)
    assert name.bgcolor == palette.ground  # no line strikes it through


def test_the_parent_of_a_branch_is_not_faded_and_says_that_it_is_one() -> None:
    figure = figure_of()
    add_earlier(figure, [curve(name="owl"), curve()], LIGHT, "steps", False, "owl")
    parent, other = figure.data[-2:]
    assert (parent.line.color, parent.line.dash) == (LIGHT.model("transformer"), "dot")
    assert other.line.color == LIGHT.model_faded("transformer")
    names = [note.text for note in figure.layout.annotations]
    assert names == ["owl, branched from", "brave-hamlet"]


@pytest.mark.parametrize(("x_end", "anchor"), [(10, "right"), (100, "left")])
def test_a_name_is_not_cut_off_at_the_left(x_end: float, anchor: str) -> None:
    figure = figure_of(x_end=x_end)
    add_earlier(figure, [curve()], LIGHT, "steps", False)
    assert figure.layout.annotations[0].xanchor == anchor


def test_a_run_that_goes_on_past_the_chart_is_named_where_it_leaves_it() -> None:
    figure = figure_of(x_end=6)
    add_earlier(figure, [curve()], LIGHT, "steps", False)
    assert (figure.layout.annotations[0].x, figure.layout.annotations[0].y) == (6.0, 2.5)


@pytest.mark.parametrize(("loss", "anchor"), [(2.5, "bottom"), (1.5, "top")])
def test_a_name_leaves_the_curve_on_the_bench_free(loss: float, anchor: str) -> None:
    figure = figure_of()  # ends at 2
    other = replace(curve(), val_losses=compact([4, 3, loss]))
    add_earlier(figure, [other], LIGHT, "steps", False)
    assert figure.layout.annotations[0].yanchor == anchor


@pytest.mark.parametrize("ends", [(2.24, 2.19, 2.09), (2.0, 1.97, 1.95), (2.6, 2.12, 2.08, 2.0)])
def test_names_stand_over_each_other_like_the_ends_of_their_curves(ends: tuple[float, ...]) -> None:
    steps = compact([0, 250, 500, 1000])

    def ending(loss: float, *later: float) -> LossCurve:
        losses, at = compact([4.2, 2.8, 2.5, loss, *later]), compact([*steps, 2000, 3000])
        known = replace(curve(name=f"run {loss}"), val_losses=losses)
        return replace(known, estimate_steps=at[: len(losses)], chars_seen=[(0, 0), (3000, 3000)])

    figure = loss_figure([ending(2.1, 1.95, 1.9)], (), LIGHT, LossAxes(x_end=3300))
    add_earlier(figure, [ending(loss) for loss in ends], LIGHT, "steps", False)
    notes = figure.layout.annotations
    at_px = pixels(figure, compact([n.x for n in notes]), compact([n.y for n in notes]))[:, 1]
    above = [n.yanchor == "bottom" for n in notes]
    top_px = [y + n.ay - LABEL_PX * up for y, n, up in zip(at_px, notes, above)]
    names = [name for _, name in sorted(zip(top_px, (n.text for n in notes)))]
    assert names == [f"run {loss}" for loss in sorted(ends, reverse=True)]


def test_a_name_is_at_the_end_of_its_curve_on_log_axes_too() -> None:
    figure = figure_of(scale="log steps")
    add_earlier(figure, [curve()], LIGHT, "steps", False)
    assert figure.layout.annotations[0].x == pytest.approx(math.log10(8))
    figure = figure_of(scale="log loss")
    add_earlier(figure, [curve()], LIGHT, "steps", False)
    assert figure.layout.annotations[0].y == pytest.approx(math.log10(2))


@pytest.mark.parametrize("axis", get_args(XAxis))
def test_earlier_runs_are_on_the_axis_of_the_chart(axis: XAxis) -> None:
    figure = go.Figure()
    add_earlier(figure, [curve()], LIGHT, axis, False)
    np.testing.assert_allclose(figure.data[0].x, figure_of(axis).data[1].x)
    assert figure.data[0].x[1] > 0


@pytest.mark.parametrize("axis", get_args(XAxis))
def test_what_was_measured_at_the_start_has_no_place_on_a_log_axis(axis: XAxis) -> None:
    figure = figure_of(axis, scale="log steps")
    add_earlier(figure, [curve()], LIGHT, axis, False)
    assert list(figure.data[-1].y) == [3, 2] and min(figure.data[-1].x) > 0
    assert list(figure.data[-1].hovertext) == ["step 4, 3.000 nats", "step 8, 2.000 nats"]


def test_earlier_runs_are_in_the_unit_of_the_chart_and_say_nats() -> None:
    for in_bits, factor in ((False, 1.0), (True, 1 / LOG2)):
        figure = go.Figure()
        add_earlier(figure, [curve()], LIGHT, "steps", in_bits)
        np.testing.assert_allclose(figure.data[0].y, np.array([4, 3, 2]) * factor, rtol=1e-6)
        said = ["step 0, 4.000 nats", "step 4, 3.000 nats", "step 8, 2.000 nats"]
        assert list(figure.data[0].hovertext) == said
        assert "%{hovertext}" in figure.data[0].hovertemplate


def test_every_earlier_run_is_there_and_none_adds_nothing() -> None:
    figure = figure_of()
    add_earlier(figure, [], LIGHT, "steps", False)
    assert len(figure.data) == 2
    add_earlier(
        figure, [curve(name="one"), curve(name="two"), empty_curve()], LIGHT, "steps", False
    )
    assert [trace.name for trace in figure.data[2:]] == ["one", "two", "empty"]


def test_an_earlier_run_s_name_is_never_html_nor_a_template() -> None:
    figure = go.Figure()
    add_earlier(figure, [curve(name=NASTY)], LIGHT, "steps", False)
    assert figure.data[0].name == "&lt;b&gt;&amp;%&#123;y}"
    assert figure.data[0].hovertemplate.startswith("&lt;b&gt;&amp;%&#123;y} (transformer)<br>")


# --- a smoothed line ------------------------------------------------------------------------------


@pytest.mark.parametrize(("in_bits", "factor"), [(False, 1.0), (True, 1 / LOG2)])
def test_the_smoothed_line_is_added_and_the_raw_one_stays(in_bits: bool, factor: float) -> None:
    figure = figure_of("seconds", in_bits=in_bits)
    before = [trace.to_plotly_json() for trace in figure.data]
    add_smoothed(figure, curve(), LIGHT, "seconds", in_bits, 0.5)
    for trace, was in zip(figure.data, before):
        np.testing.assert_equal(trace.to_plotly_json(), was)
    assert len(figure.data) == 3
    smoothed = figure.data[-1]
    np.testing.assert_array_equal(smoothed.x, figure.data[0].x)
    means = running_mean(curve().steps, curve().train_losses, 0.5)
    np.testing.assert_allclose(smoothed.y, means * factor, rtol=1e-6)
    assert (smoothed.name, smoothed.showlegend) == ("training, smoothed", True)
    assert smoothed.hoverinfo == "skip"  # the raw line answers


def test_no_weight_and_no_steps_add_nothing() -> None:
    figure = figure_of()
    add_smoothed(figure, curve(), LIGHT, "steps", False, 0.0)
    add_smoothed(figure, empty_curve(), LIGHT, "steps", False, 0.9)
    assert len(figure.data) == 2


def test_a_running_mean_weighs_what_is_older_less() -> None:
    means = running_mean(compact([1, 2, 3]), compact([4, 2, 1]), 0.5)
    assert means.dtype == np.float32
    second = (0.5 * 4 + 1 * 2) / (0.5 + 1)
    third = (0.25 * 4 + 0.5 * 2 + 1 * 1) / (0.25 + 0.5 + 1)
    np.testing.assert_allclose(means, [4, second, third], rtol=1e-6)


def test_a_step_that_stands_for_several_counts_as_so_many() -> None:
    """As if the steps that were left out had had the same loss."""
    thinned = running_mean(compact([1, 2, 4, 8]), compact([4, 2, 1, 3]), 0.9)
    every = running_mean(compact(range(1, 9)), compact([4, 2, 1, 1, 3, 3, 3, 3]), 0.9)
    np.testing.assert_allclose(thinned, every[[0, 1, 3, 7]], rtol=1e-6)
    by_hand = (0.5**3 * 4 + 0.5**2 * 2 + (0.5 + 1) * 1) / (0.5**3 + 0.5**2 + 0.5 + 1)
    uneven = running_mean(compact([1, 2, 4]), compact([4, 2, 1]), 0.5)
    assert uneven[-1] == pytest.approx(by_hand)


@pytest.mark.parametrize("weight", [0.1, 0.9, 0.98, 0.999])
def test_a_constant_stays_what_it_is(weight: float) -> None:
    steps = compact([1, 2, 5, 700, 701, 5000])
    np.testing.assert_allclose(running_mean(steps, compact([2.5] * 6), weight), 2.5, rtol=1e-6)


def test_a_mean_starts_at_the_first_value_wherever_that_is() -> None:
    steps, values = compact([501, 502, 504]), compact([4, 2, 1])
    np.testing.assert_allclose(
        running_mean(steps, values, 0.5), running_mean(compact([1, 2, 4]), values, 0.5), rtol=1e-6
    )
    assert len(running_mean(compact([]), compact([]), 0.5)) == 0


# --- marks ----------------------------------------------------------------------------------------


def marked(
    axis: XAxis, *marks: Mark, scale: Any = "linear", of: LossCurve | None = None
) -> go.Figure:
    figure = figure_of(axis, scale=scale)
    add_marks(figure, of or curve(), marks, LIGHT, axis)
    return figure


def mark(step: int, kind: MarkKind = "changed", label: str = "rate", detail: str = "all") -> Mark:
    return Mark(step, kind, label, detail)


@pytest.mark.parametrize("axis", get_args(XAxis))
@pytest.mark.parametrize("scale", ["linear", "log loss", "log steps"])
def test_a_mark_is_where_its_step_is_on_every_axis(axis: XAxis, scale: str) -> None:
    figure = marked(axis, mark(6), scale=scale)
    (line,), (label,) = figure.layout.shapes, figure.layout.annotations
    assert line.x0 == line.x1 == pytest.approx(PLACES[axis])
    assert (line.yref, line.y0, line.y1) == ("paper", 0, 1)  # from the bottom to the top
    # Of a log axis Plotly wants a shape's value and a label's place.
    place = math.log10(PLACES[axis]) if scale == "log steps" else PLACES[axis]
    assert label.x == pytest.approx(place)
    assert label.yref == "paper" and 0.9 < label.y <= 1


@pytest.mark.parametrize("axis", get_args(XAxis))
def test_what_happened_at_the_start_has_no_place_on_a_log_axis(axis: XAxis) -> None:
    """A label far to the left would stretch an axis that fits itself over many empty decades."""
    figure = marked(axis, mark(0), mark(6), scale="log steps")
    assert [line.x0 for line in figure.layout.shapes] == pytest.approx([PLACES[axis]])
    assert len(figure.layout.annotations) == 1
    assert [line.x0 for line in marked(axis, mark(0)).layout.shapes] == [0]


def test_a_bigram_s_marks_have_no_place_on_a_log_axis_of_flops() -> None:
    figure = figure_of("FLOPs", scale="log steps")
    table = LossCurve(**(vars(curve("bigram")) | {"flops_per_char": 0}))
    add_marks(figure, table, [mark(6)], LIGHT, "FLOPs")
    assert not figure.layout.shapes and not figure.layout.annotations


def test_kinds_of_marks_can_be_told_apart_and_none_is_as_loud_as_a_curve() -> None:
    kinds = get_args(MarkKind)
    figure = marked("steps", *(mark(1 + i, kind) for i, kind in enumerate(kinds)))
    assert len({line.line.dash for line in figure.layout.shapes}) == len(kinds) == 3
    for line in figure.layout.shapes:
        assert (line.line.color, line.line.width, line.layer) == (LIGHT.muted, 1, "below")


def test_a_mark_says_little_and_pointed_at_all_but_never_html() -> None:
    figure = marked("steps", mark(4, label="<i>a & b", detail="<u>all & more"), mark(8))
    label, other = figure.layout.annotations
    assert (label.text, label.hovertext) == ("&lt;i&gt;a &amp; b", "&lt;u&gt;all &amp; more")
    assert (other.text, other.hovertext) == ("rate", "all")


def test_no_marks_add_nothing() -> None:
    figure = marked("steps")
    assert not figure.layout.shapes and not figure.layout.annotations


# --- notes ----------------------------------------------------------------------------------------


def note(step: int, kind: NoteKind = "best", text: str = "best", rule: str = "The lowest.") -> Note:
    return Note(kind, step, text, rule, ())


def noted(*notes: Note, axis: XAxis = "steps", in_bits: bool = False) -> Any:
    """The numbers and what is said beside the pointer; the dots under them are at their places."""
    figure = figure_of(axis, in_bits=in_bits)
    add_notes(figure, curve(), notes, LIGHT, axis, in_bits)
    *_, dots, numbers = figure.data
    assert len(figure.data) == 4
    assert list(dots.x) == list(numbers.x) and list(dots.y) == list(numbers.y)
    return numbers


def test_notes_are_numbered_in_their_order() -> None:
    dots = noted(note(0), note(4), note(6))
    assert list(dots.text) == ["1", "2", "3"]
    assert list(dots.x) == [0, 4, 6]
    assert (dots.mode, dots.showlegend) == ("markers+text", False)
    assert dots.zorder > 0  # over the curves


def test_the_dot_under_a_number_is_silent() -> None:
    """Of points in one place Plotly hears of the smallest, and of equals of the last."""
    figure = figure_of()
    add_notes(figure, curve(), [note(4)], LIGHT, "steps", False)
    *_, dots, numbers = figure.data
    assert (dots.mode, dots.hoverinfo, dots.showlegend) == ("markers", "skip", False)
    assert numbers.hoverinfo is None and numbers.zorder == dots.zorder
    assert numbers.marker.size == figure.data[1].marker.size < dots.marker.size[0]


@pytest.mark.parametrize(("in_bits", "factor"), [(False, 1.0), (True, 1 / LOG2)])
def test_a_note_lies_on_the_validation_curve_also_between_estimates(
    in_bits: bool, factor: float
) -> None:
    dots = noted(note(4), note(6), note(7), in_bits=in_bits)
    np.testing.assert_allclose(dots.y, np.array([3.0, 2.5, 2.25]) * factor, rtol=1e-6)


@pytest.mark.parametrize("axis", get_args(XAxis))
def test_a_note_is_where_its_step_is_on_every_axis(axis: XAxis) -> None:
    dots = noted(note(6), axis=axis)
    assert list(dots.x) == pytest.approx([PLACES[axis]])
    assert list(dots.y) == [2.5]


def test_a_note_pointed_at_says_its_text_and_its_rule_and_brings_its_step() -> None:
    dots = noted(note(6, text="best < 2 & fine", rule="Lower < & first."))
    ((step, said),) = dots.customdata
    assert step == 6  # first, as a click on a curve brings it
    assert said == "<b>best &lt; 2 &amp; fine</b><br>Rule: Lower &lt; &amp; first."
    assert dots.hovertemplate == "%{customdata[1]}<extra></extra>"


def test_notes_at_one_step_share_a_dot_that_says_all_of_them() -> None:
    """None is under another, where no pointer would find it."""
    notes = note(4, text="one"), note(4, text="two"), note(8, text="three"), note(4, text="four")
    dots = noted(*notes)
    assert list(dots.text) == ["1,2,4", "3"] and list(dots.x) == [4, 8]
    (step, together), (_, alone) = dots.customdata
    assert step == 4
    assert [together.count(f"<b>{text}</b>") for text in ("one", "two", "four")] == [1, 1, 1]
    assert "three" not in together and alone.startswith("<b>three</b>")


def test_more_numbers_have_a_larger_dot() -> None:
    figure = figure_of()
    add_notes(figure, curve(), [note(4), note(4), note(8)], LIGHT, "steps", False)
    two, one = figure.data[-2].marker.size
    assert two > one


def test_notes_at_the_start_have_no_place_on_a_log_axis_and_the_others_keep_their_numbers() -> None:
    figure = figure_of(scale="log steps")
    add_notes(figure, curve(), [note(0), note(4)], LIGHT, "steps", False)
    assert list(figure.data[-1].text) == ["2"] and list(figure.data[-1].x) == [4]


def rule_of(dots: Any) -> str:
    """The rule of the first note of the first dot, as it stands beside the pointer."""
    return str(dots.customdata[0][1].split("Rule: ")[1])


def test_a_long_rule_is_wrapped_and_loses_no_word() -> None:
    words = [letter * (3 + i % 9) for i, letter in enumerate("abcdefghijklmnopqrstuvwxyz")]
    lines = rule_of(noted(note(4, rule=" ".join(words)))).split("<br>")
    assert " ".join(lines).split() == words
    assert len(lines) > 2 and all(0 < len(line) <= 60 for line in lines)
    for line, following in pairwise(lines):
        assert len(f"{line} {following.split()[0]}") > 60  # no line ends too soon


def test_a_line_break_of_a_wrapped_rule_is_the_only_html_in_it() -> None:
    rule = rule_of(noted(note(4, rule="<br>&" + " and on" * 20)))
    assert rule.startswith("&lt;br&gt;&amp; and on")
    assert "<" not in rule.replace("<br>", "") and "<br>" in rule


def test_no_notes_and_no_estimates_add_nothing() -> None:
    figure = figure_of()
    add_notes(figure, curve(), [], LIGHT, "steps", False)
    add_notes(figure, empty_curve(), [note(3)], LIGHT, "steps", False)
    assert len(figure.data) == 2
