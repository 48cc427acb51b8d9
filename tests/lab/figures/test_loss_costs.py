"""Losses against what they cost: every run is there, and the front and its names are right."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from core.settings.config import ModelKind
from lab.figures.loss_costs import (
    MAX_NAMED,
    SYMBOLS,
    Cost,
    CountedCost,
    RunCost,
    costs_alt,
    front_of,
    loss_cost_figure,
)
from lab.figures.palette import DARK, LIGHT, Palette

COSTS = get_args(Cost)


def run(
    name: str, n_params: int, waited_s: float | None, loss_nats: float,
    model: ModelKind = "transformer",
) -> RunCost:  # fmt: skip
    return RunCost(name, f"{name}-name", model, n_params, waited_s, loss_nats)


RUNS = [
    run("big", 800_000, 60.0, 1.8),
    run("pairs", 4_225, 2.5, 2.5, "bigram"),
    run("slow", 27_000, 30.0, 2.3, "attention"),
    run("one", 27_000, 6.0, 2.2, "attention"),
    run("unknown", 900_000, None, 1.75),
]
COUNTED = [CountedCost(2, 1_500, 2.48), CountedCost(5, 250_000, 1.67)]


def test_the_front_is_of_those_whose_cost_is_known_the_cheapest_first() -> None:
    assert [r.id for r in front_of(RUNS, "parameters")] == ["pairs", "one", "big", "unknown"]
    assert [r.id for r in front_of(RUNS, "seconds waited")] == ["pairs", "one", "big"]


@pytest.mark.parametrize("by", COSTS)
@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_every_run_stands_where_it_belongs_and_a_click_finds_it(by: Cost, palette: Palette) -> None:
    figure = loss_cost_figure(RUNS, COUNTED, by, palette)
    found = {}
    for trace in figure.data:
        if trace.mode == "markers":
            assert trace.marker.symbol == SYMBOLS[trace.name]
            assert trace.marker.color == palette.model(trace.name)
            for run_id, x, y in zip(trace.customdata, trace.x, trace.y):
                found[run_id] = (x, y)
    known = {r.id: (r.cost(by), r.loss_nats) for r in RUNS if r.cost(by)}
    assert found.keys() == known.keys()
    for run_id, place in known.items():
        assert found[run_id] == pytest.approx(place)
    assert figure.layout.xaxis.type == "log" and by in figure.layout.xaxis.title.text
    assert "nats per character" in figure.layout.yaxis.title.text


def test_the_front_is_a_staircase_in_the_unit_of_the_chart() -> None:
    figure = loss_cost_figure(RUNS, COUNTED, "parameters", LIGHT, in_bits=True)
    line = figure.data[0]
    assert line.line.shape == "hv" and line.meta["rows"] is False
    np.testing.assert_allclose(line.y, np.array([2.5, 2.2, 1.8, 1.75]) / np.log(2), rtol=1e-6)
    assert "bits per character" in figure.layout.yaxis.title.text


def test_counted_n_grams_are_points_by_their_counts_and_lines_beside_seconds() -> None:
    by_size = loss_cost_figure(RUNS, COUNTED, "parameters", LIGHT).data[-1]
    assert list(by_size.text) == ["counted pairs", "5-gram"]
    assert list(by_size.x) == [1_500, 250_000]
    figure = loss_cost_figure(RUNS, COUNTED, "seconds waited", LIGHT)
    assert {shape.y0 for shape in figure.layout.shapes} == {2.48, 1.67}
    said = [note.text for note in figure.layout.annotations]
    assert "counted pairs 2.480" in said and "5-gram 1.670" in said


def test_those_on_the_front_are_named_as_far_as_there_is_room() -> None:
    said = [n.text for n in loss_cost_figure(RUNS, [], "seconds waited", LIGHT).layout.annotations]
    assert set(said) == {"pairs-name", "one-name", "big-name"}
    many = [run(f"<b>{i}", 1_000 * 2**i, 1.0, 4.0 - 0.1 * i) for i in range(20)]
    names = [n.text for n in loss_cost_figure(many, [], "parameters", LIGHT).layout.annotations]
    assert len(names) <= MAX_NAMED and all("&lt;b&gt;" in name for name in names)


def test_chosen_runs_are_larger_and_ringed() -> None:
    chosen = RunCost("a", "a", "bigram", 10, 1.0, 2.0, is_chosen=True)
    (trace,) = [
        t for t in loss_cost_figure([chosen, run("b", 20, 2.0, 2.1, "bigram")], [], "parameters",
                                    LIGHT).data if t.mode == "markers"
    ]  # fmt: skip
    assert trace.marker.size[0] > trace.marker.size[1]
    assert trace.marker.line.width[0] > 0 == trace.marker.line.width[1]


def test_one_run_and_none_can_be_drawn() -> None:
    for by in COSTS:
        assert not loss_cost_figure([], COUNTED, by, LIGHT).data
        assert loss_cost_figure(RUNS[:1], [], by, LIGHT).data


def test_the_text_for_those_who_do_not_see_it_states_the_message() -> None:
    front = front_of(RUNS, "seconds waited")
    assert costs_alt(front, COUNTED, "seconds waited") == (
        "Losses against seconds waited. No run beats, in both, pairs-name at 2.5 s and 2.500 "
        "nats, one-name at 6.0 s and 2.200 nats, big-name at 60.0 s and 1.800 nats; the lowest is "
        "not below the counted 5-gram, 1.670 nats"
    )
    assert "4,225 parameters" in costs_alt(front, [], "parameters")
    assert costs_alt([], COUNTED, "parameters").startswith("An empty plot")
