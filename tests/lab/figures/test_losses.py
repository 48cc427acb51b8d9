"""Loss curves: every loss arrives on every axis, and the counted lines stand where they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Any, Literal, get_args

import numpy as np
import plotly.graph_objects as go
import pytest

from core.records.records import Change, Estimate, RunRecord, StepRecord
from core.settings.config import MODEL_KINDS, ModelKind
from core.text.reference import ReferenceLine
from lab.figures.losses import (
    ALL_REFERENCES,
    LOWEST_IN_LOG,
    SCALES,
    SHOWN_REFERENCES,
    X_TITLES,
    LossAxes,
    LossCurve,
    XAxis,
    loss_figure,
)
from lab.figures.palette import DARK, LIGHT, Palette
from lab.figures.spacing import LABEL_PX
from tests.helpers import small_config

LINES = (
    ReferenceLine("uniform", 4.1744),
    ReferenceLine("bigram", 2.4819),
    ReferenceLine("3-gram", 2.0494),
    ReferenceLine("5-gram", 1.6691),
)
STEPS = [
    StepRecord(step, nats, 1e-3, 1.0, seconds, 2 * seconds)
    for step, nats, seconds in [(1, 4.0, 0.5), (2, 3.5, 1.0), (4, 3.0, 2.0), (8, 2.5, 6.0)]
]
ESTIMATES = [Estimate(0, 4.2, 4.25), Estimate(4, 2.9, 3.125), Estimate(6, 2.6, 2.875)]
CHARS = 4 * 8
"""`batch_size` times `block_size` of the small settings."""
FLOPS = 6 * (2 * 12 * 8**2 + 8 * 9) + 12 * 2 * 8 * 8
"""The small transformer's, for a character: 6 (12 L C² + C V) + 12 L C T."""
LOG2 = math.log(2)


def curve(
    model: ModelKind = "transformer",
    name: str = "brave-hamlet",
    steps: Sequence[StepRecord] = STEPS,
    estimates: Sequence[Estimate] = ESTIMATES,
    changes: Sequence[Change] = (),
) -> LossCurve:
    config = small_config(model, 9)
    record = RunRecord(
        id="1", name=name, model=model, corpus="tiny", fingerprint="f", config=config,
        status="running", step=8, n_params=1, train_loss_nats=None, val_loss_nats=None,
        best_val_loss_nats=None, best_step=0, train_s=6.0, steps_per_s=1.0, checkpoint_step=0,
        checkpoint_interval_s=5.0, message="", parent=None, parent_step=None, created_at=0.0,
    )  # fmt: skip
    return LossCurve.of(record, steps, estimates, changes)


def figure_of(
    *curves: LossCurve, axis: XAxis = "steps", label_by: Literal["model", "name"] = "model",
    **look: Any,
) -> go.Figure:  # fmt: skip
    axes = LossAxes(x=axis, **look)
    return loss_figure(curves or [curve()], LINES, LIGHT, axes, label_by=label_by)


def labels(figure: go.Figure) -> dict[str, Any]:
    """The counted lines' labels by the name of the line."""
    return {note.text.split()[0]: note for note in figure.layout.annotations}


# --- curves ---------------------------------------------------------------------------------------


def test_training_comes_before_validation_for_one_run_after_the_other() -> None:
    figure = figure_of(curve("bigram", "one"), curve("attention", "two"))
    modes = [trace.mode for trace in figure.data]
    assert modes == ["lines", "lines+markers"] * 2
    assert [trace.name for trace in figure.data] == ["bigram"] * 2 + ["attention"] * 2
    assert [trace.legendgroup for trace in figure.data] == ["one"] * 2 + ["two"] * 2
    assert [trace.showlegend for trace in figure.data] == [False, None] * 2  # one entry for a run
    assert figure.layout.showlegend is True


@pytest.mark.parametrize(("in_bits", "factor"), [(False, 1.0), (True, 1 / LOG2)])
def test_every_loss_arrives_in_its_unit(in_bits: bool, factor: float) -> None:
    training, validation = figure_of(in_bits=in_bits).data
    np.testing.assert_allclose(training.y, np.array([4.0, 3.5, 3.0, 2.5]) * factor, rtol=1e-6)
    np.testing.assert_allclose(validation.y, np.array([4.25, 3.125, 2.875]) * factor, rtol=1e-6)


@pytest.mark.parametrize(
    ("axis", "steps", "estimates"),
    [
        ("steps", [1, 2, 4, 8], [0, 4, 6]),
        ("characters", [CHARS * n for n in (1, 2, 4, 8)], [CHARS * n for n in (0, 4, 6)]),
        ("seconds", [0.5, 1.0, 2.0, 6.0], [0.0, 2.0, 4.0]),  # step 6 is between two that are known
        ("waited", [1.0, 2.0, 4.0, 12.0], [0.0, 4.0, 8.0]),
        ("FLOPs", [CHARS * FLOPS * n for n in (1, 2, 4, 8)],
         [CHARS * FLOPS * n for n in (0, 4, 6)]),
    ],
)  # fmt: skip
def test_steps_have_their_place_on_every_axis(
    axis: XAxis, steps: list[float], estimates: list[float]
) -> None:
    training, validation = figure_of(axis=axis).data
    np.testing.assert_allclose(training.x, steps, rtol=1e-6)
    np.testing.assert_allclose(validation.x, estimates, rtol=1e-6)


def test_characters_are_counted_by_the_batch_size_of_each_stretch() -> None:
    halved = curve(changes=[Change(4, {"batch_size": (8, 4)})])
    training, validation = figure_of(halved, axis="characters").data
    np.testing.assert_allclose(training.x, [CHARS * n for n in (2, 4, 8, 12)], rtol=1e-6)
    np.testing.assert_allclose(validation.x, [CHARS * n for n in (0, 8, 10)], rtol=1e-6)
    flops = figure_of(halved, axis="FLOPs").data[0].x
    np.testing.assert_allclose(flops, training.x * FLOPS, rtol=1e-6)


@pytest.mark.parametrize("axis", get_args(XAxis))
def test_numbers_travel_as_float32(axis: XAxis) -> None:
    for trace in figure_of(axis=axis, in_bits=True).data:
        assert trace.x.dtype == trace.y.dtype == trace.customdata.dtype == np.float32


def test_a_bigram_table_is_looked_up_without_arithmetic() -> None:
    training, validation = figure_of(curve("bigram"), axis="FLOPs").data
    assert list(training.x) == [0, 0, 0, 0] and list(validation.x) == [0, 0, 0]
    assert figure_of(curve("attention"), axis="FLOPs").data[0].x[0] > 0


def test_a_run_that_was_only_measured_has_a_point_on_every_axis() -> None:
    """A model that was trained elsewhere and came in: no steps, one estimate."""
    came_in = curve(steps=[], estimates=[Estimate(2000, 1.4, 1.5)])
    for axis in get_args(XAxis):
        training, validation = figure_of(came_in, axis=axis).data
        assert len(training.x) == len(training.customdata) == 0
        assert len(validation.x) == 1 and np.isfinite(validation.x).all()


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("model", MODEL_KINDS)
def test_validation_is_strong_and_training_thin_and_paler(
    palette: Palette, model: ModelKind
) -> None:
    training, validation = loss_figure([curve(model)], (), palette).data
    assert validation.line.color == palette.model(model)
    assert training.line.color == palette.model_pale(model)
    assert training.line.width < validation.line.width


def test_models_can_be_told_apart_without_colour() -> None:
    figure = figure_of(*(curve(model, model) for model in MODEL_KINDS))
    assert len({trace.line.dash for trace in figure.data[1::2]}) == len(MODEL_KINDS)


# --- hover and names ------------------------------------------------------------------------------


@pytest.mark.parametrize("in_bits", [False, True])
def test_a_point_brings_its_step_first_then_nats_then_bits(in_bits: bool) -> None:
    training, validation = figure_of(axis="seconds", in_bits=in_bits).data
    for trace, steps, nats in (
        (training, [1, 2, 4, 8], np.array([4.0, 3.5, 3.0, 2.5])),
        (validation, [0, 4, 6], np.array([4.25, 3.125, 2.875])),
    ):
        wanted = np.stack([steps, nats, nats / LOG2], axis=1)
        np.testing.assert_allclose(trace.customdata, wanted, rtol=1e-6)


def test_a_point_says_what_it_is_and_both_units() -> None:
    templates = [trace.hovertemplate for trace in figure_of().data]
    kinds = ["the batch just learned from", "validation estimate"]
    for template, kind in zip(templates, kinds):
        assert template.startswith(f"<b>transformer</b>, {kind}<br>")
        assert "step %{customdata[0]:,.0f}" in template
        assert "%{customdata[1]:.3f} nats, %{customdata[2]:.3f} bits per character" in template
        assert template.endswith("<extra></extra>")


def test_a_run_is_called_by_its_model_or_by_its_name() -> None:
    by_name = figure_of(curve("bigram", "one"), curve("bigram", "two"), label_by="name")
    assert [t.name for t in by_name.data[1::2]] == ["one (bigram)", "two (bigram)"]
    assert by_name.data[0].hovertemplate.startswith("<b>one (bigram)</b>, the batch")
    assert figure_of(curve("bigram", "one")).data[1].name == "bigram"


def test_a_name_is_never_html_nor_a_template() -> None:
    for trace in figure_of(curve(name="<b>&%{y}"), label_by="name").data:
        assert trace.name == "&lt;b&gt;&amp;%&#123;y} (transformer)"
        assert trace.hovertemplate.startswith(f"<b>{trace.name}</b>")


# --- axes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "title"),
    [
        ("steps", "steps"),
        ("characters", "characters seen"),
        ("seconds", "seconds of training"),
        ("waited", "seconds waited"),
        ("FLOPs", "FLOPs in matrix products"),
    ],
)
def test_axes_say_what_they_are_and_their_unit(axis: XAxis, title: str) -> None:
    layout = figure_of(axis=axis).layout
    assert layout.xaxis.title.text == title == X_TITLES[axis]
    assert layout.yaxis.title.text == "loss (nats per character)"
    in_bits = figure_of(axis=axis, in_bits=True).layout
    assert in_bits.yaxis.title.text == "loss (bits per character)"


def test_the_axis_ends_where_the_run_will_and_else_fits_itself() -> None:
    assert tuple(figure_of(x_end=40).layout.xaxis.range) == (0, 40)
    free = figure_of().layout.xaxis
    assert free.range is None and free.rangemode == "tozero"


def test_log_steps_is_a_log_axis_to_the_same_end_whatever_it_shows() -> None:
    for axis in get_args(XAxis):
        layout = figure_of(axis=axis, scale="log steps", x_end=1000).layout
        assert layout.xaxis.type == "log" and layout.yaxis.type is None
        assert tuple(layout.xaxis.range) == pytest.approx((0, 3))
    assert figure_of(scale="log steps").layout.xaxis.range is None


def test_log_loss_is_a_log_axis_over_the_same_losses() -> None:
    linear, log = figure_of(x_end=40).layout, figure_of(x_end=40, scale="log loss").layout
    assert log.yaxis.type == "log" and log.xaxis.type is None
    assert tuple(log.yaxis.range) == pytest.approx(tuple(np.log10(linear.yaxis.range)))
    assert log.xaxis.range == linear.xaxis.range


def test_a_log_scale_of_losses_changes_no_number_of_a_curve() -> None:
    for here, there in zip(figure_of(scale="log loss").data, figure_of().data):
        assert here == there


@pytest.mark.parametrize("axis", get_args(XAxis))
def test_what_has_no_place_on_a_log_axis_is_left_out_and_nothing_else(axis: XAxis) -> None:
    """Plotly would draw the estimate at step 0 as a level line from the left edge."""
    log, linear = figure_of(axis=axis, scale="log steps").data, figure_of(axis=axis).data
    assert log[0] == linear[0]  # the first step is done
    assert list(log[1].x) == list(linear[1].x)[1:] and min(log[1].x) > 0
    assert list(log[1].y) == list(linear[1].y)[1:]
    np.testing.assert_array_equal(log[1].customdata, linear[1].customdata[1:])


def test_a_table_has_no_place_on_a_log_axis_of_flops() -> None:
    figure = figure_of(curve("bigram"), axis="FLOPs", scale="log steps")
    assert [len(trace.x) for trace in figure.data] == [0, 0]


@pytest.mark.parametrize("in_bits", [False, True])
def test_all_lines_are_in_sight_with_room_around_them(in_bits: bool) -> None:
    factor = 1 / LOG2 if in_bits else 1.0
    low, high = figure_of(in_bits=in_bits).layout.yaxis.range
    assert low < 1.4 * factor  # a model may get below the best of them
    assert high == pytest.approx((4.1744 + 0.15) * factor)
    easy = (ReferenceLine("uniform", 1.0986), ReferenceLine("5-gram", 0.4))
    low = loss_figure([], easy, LIGHT, LossAxes(in_bits=in_bits)).layout.yaxis.range[0]
    assert low == pytest.approx((0.4 - 0.15) * factor)


def test_without_lines_the_losses_make_their_own_room() -> None:
    figure = loss_figure([curve()], (), LIGHT)
    assert figure.layout.yaxis.range is None
    assert not figure.layout.shapes and not figure.layout.annotations


def test_a_zoom_is_kept_until_axis_unit_or_scale_are_others() -> None:
    looks = [
        {"axis": axis, "in_bits": in_bits, "scale": scale}
        for axis, in_bits, scale in product(get_args(XAxis), (False, True), SCALES)
    ]
    revisions = [figure_of(**look).layout.uirevision for look in looks]
    assert len(set(revisions)) == len(looks) == 5 * 2 * 3
    assert figure_of(curve("bigram"), x_end=7, **looks[5]).layout.uirevision == revisions[5]


# --- counted lines --------------------------------------------------------------------------------


@pytest.mark.parametrize("in_bits", [False, True])
@pytest.mark.parametrize("scale", SCALES)
def test_counted_lines_lie_at_their_loss_on_every_scale(scale: Any, in_bits: bool) -> None:
    figure = figure_of(scale=scale, in_bits=in_bits)
    wanted = [4.1744, 2.4819, 1.6691]  # no 3-gram
    if in_bits:
        wanted = [nats / LOG2 for nats in wanted]
    shapes = figure.layout.shapes
    assert [shape.y0 for shape in shapes] == [shape.y1 for shape in shapes]
    assert [shape.y0 for shape in shapes] == pytest.approx(wanted)
    # Of a log axis Plotly wants a shape's value and a label's place.
    places = [math.log10(y) for y in wanted] if scale == "log loss" else wanted
    assert [label.y for label in figure.layout.annotations] == pytest.approx(places)


def test_counted_lines_are_named_at_their_right_end_with_their_value() -> None:
    figure = figure_of()
    texts = [label.text for label in figure.layout.annotations]
    assert texts == ["uniform 4.174", "bigram 2.482", "5-gram 1.669"]
    assert labels(figure_of(in_bits=True))["uniform"].text == f"uniform {4.1744 / LOG2:.3f}"
    assert labels(figure_of(scale="log loss"))["uniform"].text == "uniform 4.174"
    for label in figure.layout.annotations:
        assert (label.xref, label.xanchor, label.showarrow) == ("paper", "left", False)
        assert label.x > 1
    assert figure.layout.margin.r >= 100  # room for them
    for shape in figure.layout.shapes:
        assert (shape.xref, shape.x0, shape.x1, shape.layer) == ("paper", 0, 1, "below")
        assert (shape.line.color, shape.line.dash) == (LIGHT.reference, "dash")


def test_every_line_that_is_to_be_shown_is() -> None:
    lines = [ReferenceLine(name, 4.0 - i) for i, name in enumerate(SHOWN_REFERENCES)]
    assert list(labels(loss_figure([], lines, LIGHT))) == list(SHOWN_REFERENCES)


def test_lines_that_lie_close_together_keep_labels_that_can_be_read() -> None:
    nats = (4.174, 3.347, 2.482, 2.049, 1.774, 1.669)
    lines = [ReferenceLine(name, loss) for name, loss in zip(ALL_REFERENCES, nats)]
    axes = LossAxes(counted=ALL_REFERENCES, height_px=290)
    figure = loss_figure([curve()], lines, LIGHT, axes)
    assert list(labels(figure)) == list(ALL_REFERENCES)
    low, high = figure.layout.yaxis.range
    px_per_nat = (290 - figure.layout.margin.t - figure.layout.margin.b) / (high - low)
    at_px = sorted(label.y * px_per_nat + label.yshift for label in figure.layout.annotations)
    assert all(b - a >= LABEL_PX - 1e-6 for a, b in pairwise(at_px))
    assert [shape.y0 for shape in figure.layout.shapes] == list(nats)  # lines stay
    assert labels(figure)["uniform"].yshift == 0.0
    plain = loss_figure([curve()], lines, LIGHT, LossAxes(counted=ALL_REFERENCES))
    assert labels(plain)["5-gram"].yshift is None


@pytest.mark.parametrize("nats", [0.05, 1e-12, 0.0])
def test_a_text_that_repeats_itself_has_a_log_axis_too(nats: float) -> None:
    """Its best counted line is so near to 0 that the room under it would be below 0."""
    lines = (ReferenceLine("uniform", LOG2), ReferenceLine("5-gram", nats))
    figure = loss_figure([curve()], lines, LIGHT, LossAxes(scale="log loss"))
    assert tuple(figure.layout.yaxis.range) == pytest.approx(
        (math.log10(LOWEST_IN_LOG), math.log10(LOG2 + 0.15))
    )
    on_the_axis = {"uniform", "5-gram"} if nats >= LOWEST_IN_LOG else {"uniform"}
    assert set(labels(figure)) == on_the_axis
    assert len(figure.layout.shapes) == len(on_the_axis)
    linear = loss_figure([curve()], lines, LIGHT)
    assert linear.layout.shapes[1].y0 == nats


# --- nothing yet ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
def test_an_empty_figure_shows_what_curves_will_be_read_against(scale: Any) -> None:
    figure = loss_figure([], LINES, LIGHT, LossAxes(scale=scale))
    assert not figure.data and figure.layout.showlegend is False
    assert list(labels(figure)) == ["uniform", "bigram", "5-gram"]
    assert figure.layout.xaxis.title.text == "steps"
    end = figure.layout.xaxis.range[1]
    assert end == pytest.approx(3 if scale == "log steps" else 1000)
    assert tuple(loss_figure([], LINES, LIGHT, LossAxes(x_end=50)).layout.xaxis.range) == (0, 50)


def test_a_run_without_a_step_is_an_empty_curve() -> None:
    for scale, axis in product(SCALES, get_args(XAxis)):
        figure = figure_of(curve(steps=[], estimates=[]), axis=axis, scale=scale)
        assert [len(trace.x) for trace in figure.data] == [0, 0]
        assert [trace.customdata.shape for trace in figure.data] == [(0, 3)] * 2


def test_a_curve_is_in_the_order_of_its_steps_on_every_axis() -> None:
    longer = replace(curve(), step_s=np.float32([0.5, 0.5, 0.5, 6.0]))  # a coarse clock
    for axis in get_args(XAxis):
        for trace in figure_of(longer, axis=axis).data:
            assert all(before <= after for before, after in pairwise(trace.x))
