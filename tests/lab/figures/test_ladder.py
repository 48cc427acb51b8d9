"""The staircase: treads at their losses, steps between them, what has no loss yet, and clicks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from core.experiments.ladder import RungStanding, plan_ladder, planned_standings
from core.runs.lab import Lab
from core.text.corpus import Corpus
from core.text.reference import ReferenceLine
from lab.figures.ladder import NAME, NUMBER, bought_nats, ladder_figure
from lab.figures.palette import DARK, LIGHT, Palette
from tests.helpers import run_of

LOSSES = {
    "bigram table": 2.5, "embeddings": 2.49, "one head": 2.6, "4 heads": 2.5, "positions": 2.3,
    "MLP": 2.29, "residual stream": 2.05, "LayerNorm": 2.0, "tied head": 2.01, "2 blocks": 2.02,
    "3 blocks": 2.005, "no attention": 2.5, "one head a layer": 2.0, "no positions": 2.3,
    "no MLP": 2.2, "no residual stream": 3.3, "no LayerNorm": 2.1, "untied head": 2.0,
    "average of the past": 3.0, "no 1/√D": 2.02, "no causal mask": 0.1,
}  # fmt: skip


FAR_OFF = ("no residual stream", "no causal mask")


@pytest.fixture
def planned(lab: Lab, corpus: Corpus) -> list[RungStanding]:
    return planned_standings(plan_ladder(lab.configure, corpus, "steps", 500))


@pytest.fixture
def rungs(planned: list[RungStanding]) -> list[RungStanding]:
    return [measured(rung, LOSSES[rung.name]) for rung in planned]


def measured(rung: RungStanding, loss_nats: float) -> RungStanding:
    assert rung.config
    run = run_of(f"owl {rung.name}", rung.config.model.model, config=rung.config,
                 val_loss_nats=loss_nats, status="finished", step=500)  # fmt: skip
    return replace(rung, run=run)


def drawn(
    rungs: list[RungStanding], chosen: str = "MLP", palette: Palette = LIGHT
) -> tuple[list[go.Scatter], go.Scatter, go.Figure]:
    """The treads, what the pointer finds, and the figure."""
    lines = [ReferenceLine("bigram", 2.48), ReferenceLine("5-gram", 1.2)]
    written = {"owl MLP": "ROMEO:\nthe <b>"}
    figure = ladder_figure(rungs, lines, written, chosen, palette)
    treads = [trace for trace in figure.data if trace.mode == "lines"]
    (targets,) = [trace for trace in figure.data if trace.mode == "markers"]
    return treads, targets, figure


def labels(figure: go.Figure, which: str) -> dict[str, str]:
    """The labels of one kind, by the name of their rung."""
    said = [note.text for note in figure.layout.annotations if note.name == which]
    return dict(zip(LOSSES, said, strict=True))


def test_each_rung_is_a_tread_at_its_loss(rungs: list[RungStanding]) -> None:
    treads, targets, _ = drawn(rungs)
    heights = dict(zip(targets.customdata, np.asarray(targets.y).tolist()))
    assert list(heights) == list(LOSSES)
    for name, loss in LOSSES.items():
        if name not in FAR_OFF:
            assert heights[name] == pytest.approx(loss, abs=1e-6)
    places = np.asarray(targets.x)
    assert (np.diff(places) > 0.9).all() and len(treads) == len(LOSSES)


def test_losses_that_lie_far_off_stand_at_the_edge_with_their_numbers(
    rungs: list[RungStanding],
) -> None:
    _, targets, figure = drawn(rungs)
    low, high = figure.layout.yaxis.range
    assert 1.5 < low < min(np.asarray(targets.y)) < 2.0 < 3.0 < max(targets.y) < high
    assert labels(figure, NUMBER)["no causal mask"].startswith("▼ 0.100")
    assert labels(figure, NUMBER)["no residual stream"].startswith("▲ 3.300")


def test_no_counted_line_is_drawn_past_a_rung_that_stands_at_the_edge(
    rungs: list[RungStanding],
) -> None:
    edge = max(drawn(rungs)[1].y)  # of a rung at 3.3
    lines = [ReferenceLine("unigram", edge + 0.01), ReferenceLine("bigram", 2.48)]
    figure = ladder_figure(rungs, lines, {}, "MLP", LIGHT)
    said = " ".join(note.text for note in figure.layout.annotations)
    assert "bigram 2.480" in said and "unigram" not in said


def test_a_step_is_written_against_the_rung_below_or_the_whole(rungs: list[RungStanding]) -> None:
    _, _, figure = drawn(rungs)
    numbers = labels(figure, NUMBER)
    assert numbers["bigram table"] == "2.500"
    assert numbers["positions"] == "2.300<br>−0.200"
    assert numbers["no positions"] == "2.300<br>+0.295"
    assert numbers["average of the past"] == "3.000<br>+0.510<br>against<br>embeddings"


def test_only_models_of_their_own_have_their_colour_and_a_bold_name(
    rungs: list[RungStanding],
) -> None:
    for palette in (LIGHT, DARK):
        treads, _, figure = drawn(rungs, palette=palette)
        colors = dict(zip(LOSSES, [tread.line.color for tread in treads]))
        names = labels(figure, NAME)
        own = {"bigram table": "bigram", "positions": "attention", "tied head": "transformer",
               "2 blocks": "transformer", "3 blocks": "transformer"}  # fmt: skip
        for name in LOSSES:
            expected = palette.model(own[name]) if name in own else palette.accent
            assert colors[name] == expected and names[name].startswith("<b>") == (name in own)


def test_counted_lines_are_drawn_where_they_are_in_sight(rungs: list[RungStanding]) -> None:
    _, _, figure = drawn(rungs)
    said = [annotation.text for annotation in figure.layout.annotations]
    assert "bigram 2.480" in said and not any("5-gram" in text for text in said)


def test_the_pointer_finds_all_that_is_known_and_nothing_is_markup(
    rungs: list[RungStanding],
) -> None:
    _, targets, _ = drawn(rungs)
    hover = dict(zip(targets.customdata, targets.text))["MLP"]
    for known in ("2.290 nats", "−0.010 nats against positions", "500 steps", "1 parameters",
                  "ROMEO: the &lt;b&gt;"):  # fmt: skip
        assert known in hover


def test_the_empty_staircase_goes_down_in_equal_steps(planned: list[RungStanding]) -> None:
    treads, targets, figure = drawn(planned)
    up = np.asarray(targets.y)[:11]
    assert np.allclose(np.diff(up), up[1] - up[0]) and up[1] < up[0]
    assert {tread.line.dash for tread in treads} == {"dot"}
    assert not figure.layout.yaxis.showticklabels
    assert "vector for each place" in dict(zip(targets.customdata, targets.text))["positions"]


def test_a_ladder_under_way_shows_what_is_measured(
    rungs: list[RungStanding], planned: list[RungStanding]
) -> None:
    treads, _, _ = drawn([*rungs[:3], *planned[3:]])
    assert [tread.line.dash for tread in treads[:5]] == ["solid"] * 3 + ["dot"] * 2


def test_what_a_rung_bought_needs_both_runs(
    rungs: list[RungStanding], planned: list[RungStanding]
) -> None:
    assert bought_nats(rungs[0], rungs) is None
    assert bought_nats(rungs[4], rungs) == pytest.approx(0.2)
    assert bought_nats(rungs[4], [*planned[:4], *rungs[4:]]) is None


def test_what_a_rung_bought_is_the_difference_of_the_numbers_on_the_chart(
    planned: list[RungStanding],
) -> None:
    rungs = [measured(planned[0], 2.19349), measured(planned[1], 2.17251)]
    assert bought_nats(rungs[1], rungs) == 0.02  # 2.193 - 2.173, and not 0.02098
