"""The heat map of a sweep: numbers where they belong, readable, and empty where nothing can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from core.experiments.sweep import Cell
from core.records.records import RunRecord
from lab.figures.palette import DARK, LIGHT, Palette, contrast
from lab.figures.sweeps import (
    BAR_TITLES,
    MEASURES,
    SweepMeasure,
    best_cell,
    setting_text,
    sweep_figure,
)
from lab.train_page.sweep.words import best_text, caution_text, effect_of, effects_text
from tests.helpers import small_config

BLUE = LIGHT.model("attention")


def run(name: str, **values: Any) -> RunRecord:
    record = RunRecord(
        id=f"id-{name}", name=name, model="attention", corpus="c", fingerprint="f",
        config=small_config("attention", 5), status="finished", step=40, n_params=1234,
        train_loss_nats=None, val_loss_nats=None, best_val_loss_nats=None, best_step=0, train_s=2.5,
        steps_per_s=20.0, checkpoint_step=40, checkpoint_interval_s=5.0, message="", parent=None,
        parent_step=None, created_at=0.0, sweep="s",
    )  # fmt: skip
    return replace(record, **values)


def measured(losses: dict[tuple[float, float], float]) -> list[Cell]:
    return [Cell(x, y, run(f"{x}x{y}", val_loss_nats=loss)) for (x, y), loss in losses.items()]


SQUARE = measured({(8, 1): 2.5, (32, 1): 2.2, (8, 2): 2.4, (32, 2): 2.0})


def drawn(
    cells: list[Cell], measure: SweepMeasure = "loss", palette: Palette = LIGHT
) -> tuple[go.Heatmap, go.Scatter, go.Figure]:
    """The map of colours, the labels, and the figure, in which the second map is the pointer's."""
    color = palette.model("attention")
    figure = sweep_figure(cells, "block size", "heads", measure, palette, color)
    heat, _, labels = figure.data
    return heat, labels, figure


# --- numbers --------------------------------------------------------------------------------------


def test_numbers_lie_where_their_values_do_and_a_click_finds_the_run() -> None:
    heat, labels, figure = drawn(list(reversed(SQUARE)))
    np.testing.assert_allclose(heat.z, [[2.5, 2.2], [2.4, 2.0]], rtol=1e-6)
    assert heat.z.dtype == np.float32
    assert figure.data[1].customdata == (["id-8x1", "id-32x1"], ["id-8x2", "id-32x2"])
    assert list(figure.layout.xaxis.ticktext) == ["8", "32"]
    assert list(figure.layout.yaxis.ticktext) == ["1", "2"]
    places = {(x, y): text for x, y, text in zip(labels.x, labels.y, labels.text)}
    assert places[0, 0] == "2.500 nats" and places[1, 1].startswith("2.000 nats")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (
        "block size",
        "heads",
    )


@pytest.mark.parametrize("measure", MEASURES)
def test_each_measure_has_numbers_of_its_own_with_their_unit(measure: SweepMeasure) -> None:
    heat, labels, _ = drawn(SQUARE, measure)
    expected = {"loss": ("2.500 nats", 2.5), "time": ("2.5 s", 2.5), "size": ("1,234<br>", 1234)}
    text, number = expected[measure]
    assert labels.text[0].startswith(text) and heat.z[0][0] == number
    assert heat.colorbar.title.text == BAR_TITLES[measure]


def test_the_lowest_loss_is_framed_and_named_only_where_loss_is_shown() -> None:
    _, labels, figure = drawn(SQUARE)
    assert [text for text in labels.text if "lowest" in text] == ["2.000 nats<br><b>lowest</b>"]
    frames = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [(f.x0, f.x1, f.y0, f.y1) for f in frames] == [(0.5, 1.5, 0.5, 1.5)]
    _, labels, figure = drawn(SQUARE, "time")
    assert not any("lowest" in text for text in labels.text)
    assert not any(shape.type == "rect" for shape in figure.layout.shapes)


# --- colours --------------------------------------------------------------------------------------


def test_a_low_loss_is_strong_and_much_time_is() -> None:
    heat, *_ = drawn(SQUARE)
    assert heat.zmin == pytest.approx(2.0) and heat.zmax > 2.5  # the highest is still tinted
    assert (heat.colorscale[0], heat.colorscale[-1]) == ((0.0, BLUE), (1.0, LIGHT.ground))
    heat, *_ = drawn(SQUARE, "time")
    assert (heat.zmin, heat.colorscale[-1]) == (0.0, (1.0, BLUE))


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_number_can_be_read_on_its_cell(palette: Palette) -> None:
    cells = measured({(i, 1): 2.0 + i / 20 for i in range(21)})
    heat, labels, _ = drawn(cells, palette=palette)
    for loss, color in zip(heat.z[0], labels.textfont.color):
        position = (loss - heat.zmin) / (heat.zmax - heat.zmin)
        ground = min(heat.colorscale, key=lambda stop: abs(stop[0] - position))[1]
        assert contrast(color, ground) >= 4.5, loss


def test_equal_losses_and_a_single_cell_have_a_scale() -> None:
    for cells in (SQUARE[:1], measured({(1, 1): 2.0, (2, 1): 2.0})):
        heat, *_ = drawn(cells)
        assert heat.zmax > heat.zmin


def test_losses_that_lie_close_have_a_scale_whose_numbers_differ() -> None:
    for losses, expected in (((2.0, 2.5), ".2f"), ((2.485, 2.504), ".3f")):
        heat, *_ = drawn(measured({(i, 1): loss for i, loss in enumerate(losses)}))
        assert heat.colorbar.tickformat == expected


# --- cells without a number -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "label", "said"),
    [
        (Cell(64, 1, None, "3 heads do not <divide> 8."), "", "3 heads do not &lt;divide&gt; 8."),
        (Cell(64, 1, None), "to be run", "has not been started"),
        (Cell(64, 1, run("a", status="queued", step=0)), "not started yet", "step 0 of 40"),
        (Cell(64, 1, run("a", status="running", step=7)), "step 7<br>of 40", "steps/s"),
        (Cell(64, 1, run("a", status="paused", step=7)), "paused", "step 7 of 40"),
        (Cell(64, 1, run("a", status="failed", message="it has diverged")), "failed", "diverged"),
    ],
)
def test_what_has_no_number_is_empty_and_says_why(cell: Cell, label: str, said: str) -> None:
    heat, labels, figure = drawn([*SQUARE, cell])
    found = figure.data[1]
    assert np.isnan(heat.z[0][2]) and np.isnan(heat.z[1][2])
    assert labels.text[-1] == label and said in found.text[0][2]
    assert found.customdata[0][2] == ("id-a" if cell.run else "")
    assert found.text[1][2] == ""  # not even planned


def test_the_pointer_finds_everything_about_a_run() -> None:
    cells = [Cell(8, 1, run("<b>owl</b>", val_loss_nats=2.0, n_params=12_345))]
    *_, figure = drawn(cells)
    hover = figure.data[1].text[0][0]
    for said in ("block size 8, 1 head", "&lt;b&gt;owl&lt;/b&gt;", "2.000 nats, 2.885 bits",
                 "40 steps in 2.5 s", "12,345 parameters", "click to open"):  # fmt: skip
        assert said in hover


def test_before_any_number_there_is_no_colour_bar_and_before_any_cell_a_sentence() -> None:
    heat, *_ = drawn([Cell(8, 1, None)])
    assert not heat.showscale and drawn(SQUARE)[0].showscale
    empty = sweep_figure([], "block size", "heads", "loss", LIGHT, BLUE)
    assert not empty.data and "Choose two settings" in empty.layout.annotations[0].text


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "value", "said"),
    [("heads", 1, "1 head"), ("heads", 4, "4 heads"), ("layers", 1, "1 layer"),
     ("block size", 4096, "block size 4,096"), ("learning rate", 3e-4, "learning rate 0.0003")],
)  # fmt: skip
def test_settings_are_said_as_people_do(title: str, value: float, said: str) -> None:
    assert setting_text(title, value) == said


def test_the_best_cell_is_said_with_its_numbers() -> None:
    assert best_cell(SQUARE) is SQUARE[3]
    said = best_text(SQUARE, "block size", "heads")
    assert "**block size 32 with 2 heads**, 2.000 nats (2.885 bits)" in said
    assert "40 steps, 2.5 s of training, 1,234 parameters" in said
    assert best_cell([Cell(1, 1, None)]) is None and best_text([], "a", "b") == ""


def test_effects_are_means_over_rows_and_columns() -> None:
    across = effect_of(SQUARE, "block size", True)
    up = effect_of(SQUARE, "heads", False)
    assert across is not None and up is not None
    assert across.nats == pytest.approx(-0.35) and up.nats == pytest.approx(-0.15)
    assert across.span_nats == pytest.approx(0.35)
    said = effects_text(SQUARE, "block size", "heads")
    assert "Block size from 8 to 32: the loss falls by 0.350 nats (mean of 2 rows)." in said
    assert "Heads from 1 to 2: the loss falls by 0.150 nats (mean of 2 columns)." in said
    assert "Block size makes the larger difference here: 0.350 nats" in said


def test_a_line_without_both_its_ends_does_not_count() -> None:
    cells = [*SQUARE, Cell(8, 4, run("one", val_loss_nats=9.0)), Cell(32, 4, None, "why")]
    effect = effect_of(cells, "block size", True)
    assert effect is not None and effect.n_lines == 2
    assert effect.nats == pytest.approx(-0.35)
    assert effect_of(SQUARE[:1], "block size", True) is None
    assert effects_text(SQUARE[:1], "block size", "heads") == ""


def test_a_rate_that_is_best_in_between_and_a_setting_that_does_nothing_are_said() -> None:
    cells = measured({(1, 1): 2.5, (2, 1): 2.0, (3, 1): 2.6, (1, 2): 2.5, (2, 2): 2.0, (3, 2): 2.6})
    said = effects_text(cells, "learning rate", "heads")
    assert "the loss rises by 0.100 nats (mean of 2 rows), but it is lowest in between." in said
    assert "Heads from 1 to 2: the loss stays as it is" in said
    assert "Learning rate makes the larger difference here: 0.600 nats" in said
    hill = measured({(1, 1): 2.5, (2, 1): 2.9, (3, 1): 2.6, (1, 2): 2.5, (2, 2): 2.9, (3, 2): 2.6})
    said = effects_text(hill, "learning rate", "heads")
    assert "the loss rises by 0.100 nats (mean of 2 rows), but it is highest in between." in said
    alike = measured({(1, 1): 2.0, (2, 1): 2.1, (1, 2): 2.1, (2, 2): 2.2})
    assert "Neither makes a clearly larger" in effects_text(alike, "layers", "heads")


def test_a_cell_that_is_not_alone_at_the_top_is_not_said_to_be() -> None:
    cells = measured({(8, 1): 2.5003, (16, 1): 2.5001, (8, 2): 2.6, (16, 2): 2.7})
    said = best_text(cells, "block size", "heads")
    assert said.startswith("Lowest: **block size 16 with 1 head** (1 more cell is as low), 2.500")
    assert "as low" not in best_text(cells[1:], "block size", "heads")


def test_a_mean_over_lines_that_disagree_says_so() -> None:
    cells = measured({(8, 1): 2.550, (32, 1): 2.100, (8, 4): 2.400, (32, 4): 2.102})
    said = effects_text(cells, "block size", "heads")
    assert (
        "Heads from 1 to 4: the loss falls by 0.074 nats (mean of 2 columns, from a fall of 0.150 "
        "to a rise of 0.002)." in said
    )
    assert said.endswith(
        "Block size makes the larger difference here: 0.374 nats between the best and the worst "
        "value, against 0.076 for heads, a fall and a rise counted alike."
    )
    assert "alike" not in effects_text(SQUARE, "block size", "heads")


def test_what_is_not_fair_in_the_comparison_is_said() -> None:
    assert "a longer block sees more" in caution_text(["block_size", "n_head"])
    assert "a longer block or a larger batch" in caution_text(["block_size", "batch_size"])
    assert "sees more" not in caution_text(["n_head"])
