"""Charts of health: every reading arrives, every line can be named, every axis says what it is."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from core.settings.config import MODEL_KINDS
from core.training.health import KINDS, Kind
from lab.figures.health import MAX_LABELS, health_figure, spread
from lab.figures.palette import DARK, LIGHT, Palette

STEPS = [0, 100, 200]
Series = dict[str, tuple[list[int], list[float]]]


def layers(n: int, start: float = 0.5) -> Series:
    """A falling line for each layer, all of them apart."""
    return {
        f"layer {i}": (STEPS, [start * i, start * i / 2, start * i / 4]) for i in range(1, n + 1)
    }


def heads(n_layers: int, n_heads: int) -> Series:
    return {
        f"layer {layer} head {head}": (STEPS, [1.0, 0.9, 0.1 * layer + 0.01 * head])
        for layer in range(1, n_layers + 1)
        for head in range(1, n_heads + 1)
    }


def labels(figure: go.Figure) -> dict[str, Any]:
    return {annotation.text: annotation for annotation in figure.layout.annotations}


@pytest.mark.parametrize("kind", KINDS)
def test_every_reading_arrives(kind: Kind) -> None:
    figure = health_figure(kind, layers(3), LIGHT, "transformer")
    assert [trace.name for trace in figure.data] == ["layer 1", "layer 2", "layer 3"]
    for trace, (steps, values) in zip(figure.data, layers(3).values()):
        assert trace.x.dtype == trace.y.dtype == np.float32
        np.testing.assert_array_equal(trace.x, steps)
        np.testing.assert_array_equal(trace.y, values)
        assert trace.mode == "lines" and trace.line.width < 2


@pytest.mark.parametrize(
    ("kind", "title", "scale"),
    [
        ("grad_norm", "gradient norm", "log"),
        ("update_ratio", "change / weights", "log"),
        ("dead_units", "dead units (share)", "linear"),
        ("attention_entropy", "1 = even", "linear"),
    ],
)
def test_axes_say_what_they_are(kind: Kind, title: str, scale: str) -> None:
    figure = health_figure(kind, layers(2), LIGHT, "transformer")
    assert title in figure.layout.yaxis.title.text
    assert figure.layout.yaxis.type == scale
    assert figure.layout.xaxis.title.text == "steps"
    assert figure.layout.height is None  # the caller's


def test_hover_names_the_line_the_step_and_the_value() -> None:
    figure = health_figure("attention_entropy", heads(2, 2), LIGHT, "transformer")
    template = figure.data[3].hovertemplate
    assert template.startswith("<b>layer 2 head 2</b>")
    assert "step %{x" in template and "%{y:.2f}" in template
    dead = health_figure("dead_units", layers(1), LIGHT, "transformer")
    assert "%{y:.1%}" in dead.data[0].hovertemplate


# --- axes -----------------------------------------------------------------------------------------


def test_the_healthy_ratio_is_a_dotted_line_always_in_sight() -> None:
    for start in (1e-6, 1e-1):
        figure = health_figure("update_ratio", layers(2, start), LIGHT, "transformer")
        (line,) = figure.layout.shapes
        assert line.y0 == line.y1 == 1e-3
        assert (line.line.dash, line.line.color) == ("dot", LIGHT.reference)
        low, high = figure.layout.yaxis.range  # in powers of ten
        assert low < -3 < high
        assert "about 1e-3" in labels(figure)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "update_ratio"])
def test_other_kinds_have_no_reference(kind: Kind) -> None:
    assert not health_figure(kind, layers(2), LIGHT, "transformer").layout.shapes


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_drawn_lies_on_the_axes(kind: Kind) -> None:
    for series in (layers(1), layers(3, 1e-4), layers(2, 0.5)):
        figure = health_figure(kind, series, LIGHT, "transformer")
        low, high = figure.layout.yaxis.range
        assert tuple(figure.layout.xaxis.range) == (0, 200)
        for trace in figure.data:
            places = np.log10(trace.y) if figure.layout.yaxis.type == "log" else trace.y
            assert (low < places).all() and (places < high).all()


def test_shares_start_at_nothing_and_entropy_reaches_one() -> None:
    low, high = health_figure("dead_units", {"layer 1": (STEPS, [0, 0, 0])}, LIGHT, "transformer"
                              ).layout.yaxis.range  # fmt: skip
    assert low < 0 < high < 0.2  # 0 is a line that can be seen
    assert health_figure("dead_units", layers(2), LIGHT, "transformer").layout.yaxis.range[1] > 1
    low, high = health_figure("attention_entropy", heads(1, 1), LIGHT, "transformer"
                              ).layout.yaxis.range  # fmt: skip
    assert low < 0 and 1 < high < 1.2


def test_what_has_no_logarithm_is_a_gap() -> None:
    values = [0.0, 2e-3, math.nan, 1e-3, 0.0]
    figure = health_figure("update_ratio", {"table": ([1, 2, 3, 4, 5], values)}, LIGHT, "bigram")
    np.testing.assert_array_equal(
        figure.data[0].y, np.float32([np.nan, 2e-3, np.nan, 1e-3, np.nan])
    )
    assert all(math.isfinite(end) for end in figure.layout.yaxis.range)
    share = health_figure("dead_units", {"layer 1": ([1], [0.0])}, LIGHT, "transformer")
    assert share.data[0].y[0] == 0


def test_a_single_reading_can_be_seen() -> None:
    figure = health_figure("grad_norm", {"": ([0], [3.0])}, LIGHT, "transformer")
    assert figure.data[0].mode == "markers"


# --- colours and names ----------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("model", MODEL_KINDS)
def test_layers_go_from_pale_to_the_model_s_colour(palette: Palette, model: str) -> None:
    figure = health_figure("update_ratio", layers(4), palette, model)
    colors = [trace.line.color for trace in figure.data]
    scale = [color for _, color in palette.attention_scale(model)]
    places = [scale.index(color) for color in colors]  # none is invented here
    assert places == sorted(places) and len(set(places)) == 4
    assert places[0] >= len(scale) // 2 and colors[-1] == palette.model(model)


def test_the_number_of_a_layer_counts_and_not_its_place_in_the_list() -> None:
    series = {name: layers(11)[name] for name in sorted(layers(11))}
    figure = health_figure("update_ratio", series, LIGHT, "transformer")
    by_name = {trace.name: trace.line.color for trace in figure.data}
    assert by_name["layer 11"] == LIGHT.model("transformer")
    scale = [color for _, color in LIGHT.attention_scale("transformer")]
    assert scale.index(by_name["layer 2"]) < scale.index(by_name["layer 10"])


def test_heads_have_the_colour_of_their_layer() -> None:
    colors = [t.line.color for t in health_figure(
        "attention_entropy", heads(2, 3), LIGHT, "transformer").data]  # fmt: skip
    assert len(set(colors[:3])) == len(set(colors[3:])) == 1 and colors[0] != colors[3]


def test_layers_are_told_apart_by_their_dashes_too() -> None:
    figure = health_figure("update_ratio", layers(4), LIGHT, "transformer")
    assert len({trace.line.dash for trace in figure.data}) == 4
    assert figure.data[-1].line.dash == "solid"


def test_what_belongs_to_no_layer_is_dashed() -> None:
    series = {"token embedding": (STEPS, [1e-3] * 3)} | layers(1)
    figure = health_figure("update_ratio", series, LIGHT, "transformer")
    assert [trace.line.dash for trace in figure.data] == ["longdash", "solid"]
    alone = health_figure("update_ratio", {"table": (STEPS, [1e-3] * 3)}, LIGHT, "bigram")
    assert alone.data[0].line.dash == "solid"


def test_few_lines_are_named_at_their_right_end() -> None:
    ends = {"layer 1": 0.9, "layer 2": 0.1, "layer 3": 0.5}
    series = {name: (STEPS, [1.0, 1.0, end]) for name, end in ends.items()}
    figure = health_figure("attention_entropy", series, LIGHT, "transformer")
    assert {text: label.y for text, label in labels(figure).items()} == pytest.approx(ends)
    for label in figure.layout.annotations:
        assert (label.x, label.xanchor, label.ay) == (STEPS[-1], "left", pytest.approx(label.y))
        assert label.font.size >= 12
        assert label.font.color == LIGHT.muted  # words need more contrast than lines


def test_on_a_logarithmic_axis_labels_stand_at_powers() -> None:
    figure = health_figure("grad_norm", {"layer 1": (STEPS, [5, 5, 0.1])}, LIGHT, "transformer")
    assert labels(figure)["layer 1"].y == pytest.approx(-1)


def test_labels_that_would_cover_each_other_are_moved_apart() -> None:
    series = {f"layer {i}": (STEPS, [1e-3, 1e-3, 1e-3 + i * 1e-6]) for i in range(1, 5)}
    figure = health_figure("update_ratio", series, LIGHT, "transformer")
    low, high = figure.layout.yaxis.range
    places = [label.ay for label in figure.layout.annotations]
    assert all(b - a > 0.08 * (high - low) for a, b in pairwise(places))
    assert list(labels(figure))[1:] == list(series)


def test_names_stay_beside_the_chart_where_all_lines_end_at_its_edge() -> None:
    flat = {name: (STEPS, [0, 0, 0]) for name in layers(3)}
    figure = health_figure("dead_units", flat, LIGHT, "transformer")
    low, high = figure.layout.yaxis.range
    assert len(figure.layout.annotations) == 3
    for label in figure.layout.annotations:
        assert low < label.ay < high and label.y == 0, "led from where it has room to its line"


def test_of_many_heads_each_layer_is_named_once() -> None:
    heads = {
        f"layer {n} head {h}": (STEPS, [1, 1, n / 10]) for n in range(1, 4) for h in range(1, 5)
    }
    figure = health_figure("attention_entropy", heads, LIGHT, "transformer")
    assert {text: label.y for text, label in labels(figure).items()} == pytest.approx(
        {"layer 1": 0.1, "layer 2": 0.2, "layer 3": 0.3}
    )


def test_many_layers_are_named_in_the_hover_only() -> None:
    few = health_figure("dead_units", layers(MAX_LABELS), LIGHT, "transformer")
    many = health_figure("dead_units", layers(MAX_LABELS + 1), LIGHT, "transformer")
    assert len(few.layout.annotations) == MAX_LABELS and not many.layout.annotations
    assert few.layout.margin.r > many.layout.margin.r
    assert "layer 9" in many.data[8].hovertemplate


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([0.5, 5.0], ["0.5", "1", "2", "5"]),
        ([2e-4, 2e-2], ["3e-4", "1e-3", "3e-3", "0.01"]),
        ([1e-4, 1.0], ["1e-4", "1e-3", "0.01", "0.1", "1"]),
    ],
)
def test_ticks_of_a_logarithmic_axis_are_round_numbers_written_out(
    ends: list[float], said: list[str]
) -> None:
    figure = health_figure("grad_norm", {"": (STEPS[:2], ends)}, LIGHT, "transformer")
    shown = list(figure.layout.yaxis.ticktext)
    assert [text for text in shown if text in said] == said
    assert len(shown) <= 7


def test_a_line_without_a_part_is_called_by_its_kind() -> None:
    figure = health_figure("grad_norm", {"": (STEPS, [1, 2, 3])}, LIGHT, "transformer")
    assert not figure.layout.annotations
    assert "<b>gradient norm" in figure.data[0].hovertemplate


def test_names_never_reach_plotly_as_html() -> None:
    figure = health_figure("dead_units", {"<img> & co": (STEPS, [0, 0, 0])}, LIGHT, "transformer")
    said = json.dumps(json.loads(pio.to_json(figure)), ensure_ascii=False)
    assert "<img>" not in said and "&lt;img&gt; &amp; co" in said


def test_places_are_moved_as_little_as_can_be() -> None:
    assert spread([], 1) == []
    assert spread([0, 5, 9], 1) == [0, 5, 9]
    assert spread([2, 2], 1) == pytest.approx([1.5, 2.5])
    assert spread([0, 2, 2.2, 9], 1) == pytest.approx([0, 1.6, 2.6, 9])
    assert spread([1, 1, 1], 2) == pytest.approx([-1, 1, 3])
    assert spread([1, 1, 1], 2, low=0) == pytest.approx([0, 2, 4])
    assert spread([1, 1, 1], 2, high=2) == pytest.approx([-2, 0, 2])


# --- nothing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("series", [{}, {"layer 1": ([], [])}, {"layer 1": ([1], [math.nan])}])
def test_without_readings_it_says_what_there_will_be(kind: Kind, series: Series) -> None:
    figure = health_figure(kind, series, DARK, "transformer")
    assert not figure.data
    assert len(figure.layout.annotations[0].text) > 20


def test_what_a_model_lacks_is_said() -> None:
    said = [
        health_figure(kind, {}, LIGHT, model).layout.annotations[0].text
        for kind, model in (
            ("dead_units", "attention"), ("attention_entropy", "bigram"), ("grad_norm", "bigram")
        )
    ]  # fmt: skip
    assert said[:2] == [
        "The attention model has no hidden units",
        "The bigram model has no attention",
    ]
    assert "no" not in said[2].split()
