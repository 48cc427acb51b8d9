"""Sweeps: which cells there can be, what is entered, and how far one is."""

from __future__ import annotations

import copy
import json
import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from core.errors import ConfigError, RunError
from core.experiments.grid import (
    ESTIMATES,
    MAX_CELLS,
    PAIRS,
    SWEPT,
    Axis,
    cell_config,
    characters_per_step,
    pairs_for,
    plan_sweep,
    small,
)
from core.experiments.sweep import (
    Sweep,
    SweepCells,
    delete_sweep,
    enter_sweep,
    load_sweep,
    load_sweeps,
    seconds_left,
    sweep_cells,
    sweep_progress,
    unreadable_sweeps,
)
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.settings.config import MODEL_SETTINGS, ModelKind, RunConfig
from core.text.corpus import Corpus
from tests.helpers import play, small_config, train
from tests.pages import MACHINE

BLOCKS, HEADS = Axis.of("block_size", [4, 8]), Axis.of("n_head", [1, 2, 3])


def base_of(corpus: Corpus, kind: ModelKind = "transformer", **changes: Any) -> RunConfig:
    return small_config(kind, len(corpus.vocabulary), **changes)


@pytest.fixture
def sweep(lab: Lab, corpus: Corpus) -> Sweep:
    """Two blocks across, three numbers of heads up; three heads do not divide the width of 8."""
    return enter_sweep(lab, base_of(corpus), corpus, BLOCKS, HEADS, "owl")


def run_at(lab: Lab, sweep: Sweep, x: float, y: float) -> str:
    (run,) = [c.run for c in sweep_cells(lab, sweep) if (c.x, c.y) == (x, y)]
    assert run is not None
    return run.id


# --- the grid -------------------------------------------------------------------------------------


def test_an_axis_has_its_values_in_order_and_once() -> None:
    assert Axis.of("n_head", [4.0, 1, 2, 1]).values == (1, 2, 4)
    assert all(type(v) is int for v in Axis.of("n_head", [4.0, 1]).values)
    assert Axis.of("learning_rate", [1, 0.1]).values == (0.1, 1.0)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("colour", [1], "goes over block_size"),
        ("seed", [1], "goes over block_size"),
        ("n_head", [], "at least one value"),
        ("n_head", [1.5], "a whole number, not 1.5"),
        ("n_head", [math.inf], "a whole number, not inf"),
        ("learning_rate", [math.nan], "a number, not nan"),
    ],
)
def test_an_axis_that_cannot_be_is_refused(name: str, values: list[float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Axis.of(name, values)


def test_only_pairs_that_change_something_in_the_model_are_offered(kind: ModelKind) -> None:
    pairs = pairs_for(kind)
    has = {*MODEL_SETTINGS[kind], "batch_size", "learning_rate"}
    assert pairs and all(has.issuperset(pair) for pair in pairs)
    assert all(set(pair) <= SWEPT.keys() and pair[0] != pair[1] for pair in PAIRS)
    assert (("block_size", "n_head") in pairs) == (kind != "bigram")


def test_a_cell_has_its_two_values_and_all_else_of_the_base(corpus: Corpus) -> None:
    base = base_of(corpus, warmup_iters=3, eval_interval=7)
    config = cell_config(base, {"block_size": 4, "n_head": 1})
    differing = {k for k, v in config.flat().items() if v != base.flat()[k]}
    assert differing == {"block_size", "n_head"}
    assert cell_config(base, {"block_size": 8, "n_head": 2}) == base


@pytest.mark.parametrize(("min_lr", "expected"), [(None, 3e-3), (0.0, 0.0), (5e-3, 1.5e-2)])
def test_another_rate_keeps_the_shape_of_the_schedule(
    corpus: Corpus, min_lr: float | None, expected: float
) -> None:
    named = {} if min_lr is None else {"min_lr": min_lr}
    base = base_of(corpus, learning_rate=1e-2, **named)
    config = cell_config(base, {"learning_rate": 3e-2})
    assert config.train.min_lr == pytest.approx(expected)
    assert cell_config(base_of(corpus, learning_rate=1e-2, min_lr=1e-2),
                       {"learning_rate": 7e-3}).train.min_lr <= 7e-3  # fmt: skip


def test_cells_that_cannot_be_say_why(lab: Lab) -> None:
    short = Corpus("short", play(200))
    blocks = Axis.of("block_size", [4, 64])
    planned = plan_sweep(base_of(short, block_size=4), short, blocks, HEADS)
    assert [(c.x, c.y) for c in planned] == [(x, y) for y in (1, 2, 3) for x in (4, 64)]
    why = {(c.x, c.y): c.why_not for c in planned if c.config is None}
    assert why.keys() == {(64, 1), (64, 2), (4, 3), (64, 3)}
    assert "too short for block_size 64" in why[64, 1]
    assert "3 heads do not divide 8" in why[4, 3]
    assert all(not c.why_not for c in planned if c.config)


@pytest.mark.parametrize(
    ("kind", "x", "y", "message"),
    [
        ("bigram", BLOCKS, HEADS, "bigram model has no n_head"),
        ("transformer", BLOCKS, BLOCKS, "needs two settings"),
        ("transformer", Axis.of("batch_size", range(1, 10)), Axis.of("n_embd", range(8, 16)),
         f"at most {MAX_CELLS} cells; 9 values of batch_size and 8 of n_embd make 72"),
    ],
)  # fmt: skip
def test_a_grid_that_cannot_be_is_refused_and_leaves_nothing(
    lab: Lab, corpus: Corpus, kind: ModelKind, x: Axis, y: Axis, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        enter_sweep(lab, base_of(corpus, kind), corpus, x, y)
    assert lab.runs() == [] and load_sweeps(lab) == []


# --- as many characters in every step ------------------------------------------------------------


HELD = Axis.of("block_size", [4, 8, 16], hold_characters=True)


def test_a_step_reads_as_many_characters_in_every_cell_where_that_is_held(corpus: Corpus) -> None:
    base = base_of(corpus, block_size=8, batch_size=4)
    for axes in ((HELD, Axis.of("n_head", [1, 2])), (Axis.of("n_head", [1, 2]), HELD)):
        configs = [cell.config for cell in plan_sweep(base, corpus, *axes)]
        assert all(config and characters_per_step(config) == 32 for config in configs)
        assert {(c.model.block_size, c.train.batch_size) for c in configs if c} == {
            (4, 8), (8, 4), (16, 2),
        }  # fmt: skip
    free = Axis.of("block_size", [4, 8, 16])
    batches = {c.config.train.batch_size for c in plan_sweep(base, corpus, free, HEADS) if c.config}
    assert batches == {4}


def test_where_characters_cannot_be_held_it_is_said_with_a_batch_size_that_can(
    corpus: Corpus,
) -> None:
    base = base_of(corpus, block_size=8, batch_size=3)
    long = Axis.of("block_size", [4, 16], hold_characters=True)
    fits, other = plan_sweep(base, corpus, long, Axis.of("n_head", [1]))
    assert fits.config and fits.config.train.batch_size == 6
    assert other.config is None and "24 characters" in other.why_not
    assert "A batch_size of 4 would make it one" in other.why_not
    again = plan_sweep(base_of(corpus, block_size=8, batch_size=4), corpus, long,
                       Axis.of("n_head", [1]))  # fmt: skip
    assert all(cell.config for cell in again)


def test_characters_are_held_over_block_sizes_only(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="where block_size is swept over, not n_head"):
        Axis.of("n_head", [1, 2], hold_characters=True)
    with pytest.raises(ConfigError, match="product of the two"):
        plan_sweep(base_of(corpus), corpus, HELD, Axis.of("batch_size", [2, 4]))


def test_a_sweep_remembers_that_characters_are_held(lab: Lab, corpus: Corpus) -> None:
    base = base_of(corpus, block_size=8, batch_size=4)
    sweep = enter_sweep(lab, base, corpus, HELD, HEADS, "held")
    assert load_sweep(lab, "held") == sweep and sweep.held_characters == 32
    spec = sweep.spec()
    del spec["x"]["hold_characters"], spec["y"]["hold_characters"]  # as earlier versions wrote it
    record = replace(lab.store.sweep("held"), spec=spec)
    assert Sweep.of(record).held_characters is None


def test_small_runs_have_few_estimates_and_a_schedule_of_their_length(corpus: Corpus) -> None:
    config = small(base_of(corpus, max_iters=2000, eval_interval=100, warmup_iters=100), 300)
    assert (config.train.max_iters, config.train.lr_decay_iters) == (300, 300)
    assert config.train.warmup_iters == 15
    assert config.train.max_iters // config.train.eval_interval == ESTIMATES
    assert small(config, 2).train.eval_interval == 1


# --- what is entered ------------------------------------------------------------------------------


def test_a_sweep_is_a_queued_run_for_each_cell_that_can_be(
    lab: Lab, corpus: Corpus, sweep: Sweep
) -> None:
    runs = lab.runs_of(sweep.id)
    assert [run.name for run in runs] == ["owl 4x1", "owl 8x1", "owl 4x2", "owl 8x2"]
    assert {(r.status, r.sweep, r.corpus, r.config.train.seed) for r in runs} == {
        ("queued", sweep.id, "tiny", 1337)
    }
    cells = sweep_cells(lab, sweep)
    for cell in cells:
        if cell.run:
            assert cell.run.config == cell_config(
                sweep.base, {"block_size": cell.x, "n_head": cell.y}
            )
        else:
            assert cell.y == 3 and "do not divide" in cell.why_not
    assert sum(cell.run is None for cell in cells) == 2


def test_a_sweep_comes_back_as_it_was_entered(lab: Lab, corpus: Corpus, sweep: Sweep) -> None:
    newer = enter_sweep(lab, base_of(corpus), corpus, BLOCKS, HEADS)
    assert load_sweep(lab, "owl") == load_sweep(lab, sweep.id) == sweep
    assert [each.name for each in load_sweeps(lab)] == [newer.name, "owl"]
    with pytest.raises(RunError, match="no sweep 'fox'"):
        load_sweep(lab, "fox")


@pytest.mark.parametrize(
    "damage",
    [
        lambda spec: spec.pop("y"),
        lambda spec: spec.update(x=3),
        lambda spec: spec["x"].update(name="shoe_size"),
        lambda spec: spec["x"].update(values=["wide"]),
        lambda spec: spec["x"].update(values=[float("inf")]),
        lambda spec: spec["base"].update(batch_size=-1),
        lambda spec: spec["base"].pop("model"),
        lambda spec: spec.update(corpus=None),
        lambda spec: spec.update(places=7),
        lambda spec: spec["places"].append(None),
        lambda spec: spec["places"][0].update(x="left"),
        lambda spec: spec["places"][0].update(y=float("nan")),
        lambda spec: spec["places"][0].update(run_id=5),
    ],
)
def test_a_stored_sweep_that_cannot_be_one_is_said_and_the_others_are_there(
    lab: Lab, corpus: Corpus, sweep: Sweep, damage: Callable[[dict[str, Any]], object]
) -> None:
    newer = enter_sweep(lab, base_of(corpus), corpus, BLOCKS, HEADS)
    spec = copy.deepcopy(dict(lab.store.sweep("owl").spec))
    damage(spec)
    with closing(sqlite3.connect(lab.home.database)) as db, db:
        db.execute("UPDATE sweeps SET spec = ? WHERE name = 'owl'", (json.dumps(spec),))
    assert load_sweeps(lab) == [newer]
    (said,) = unreadable_sweeps(lab)
    assert said.startswith("What the registry holds of the sweep owl cannot be read.")
    with pytest.raises(RunError, match="the sweep owl cannot be read"):
        load_sweep(lab, "owl")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("owl", "already a sweep 'owl'"),
        ("hen", "already a run 'hen 4x1'"),
        ("x" * 61, "1 to 60 printable characters"),
        ("", "1 to 60 printable characters"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_leaves_nothing(
    lab: Lab, corpus: Corpus, sweep: Sweep, name: str, message: str
) -> None:
    lab.create_run(base_of(corpus), corpus, "hen 4x1")
    before = lab.store.names(), load_sweeps(lab)
    with pytest.raises(RunError, match=message):
        enter_sweep(lab, base_of(corpus), corpus, BLOCKS, HEADS, name)
    assert (lab.store.names(), load_sweeps(lab)) == before


def test_every_name_of_a_sweep_leaves_room_for_the_values_in_its_runs_names(
    lab: Lab, corpus: Corpus
) -> None:
    for name in ("x" * 60, "y" * 54 + " and z"):
        sweep = enter_sweep(lab, base_of(corpus), corpus, BLOCKS, HEADS, name)
        names = [run.name for run in lab.runs_of(sweep.id)]
        assert len(set(names)) == 4 and all(len(each) <= 60 for each in names)
        assert names[0] == f"{name[:56].rstrip()} 4x1"


def test_values_that_differ_late_give_runs_of_different_names(lab: Lab, corpus: Corpus) -> None:
    rates = Axis.of("learning_rate", [0.00123456, 0.001234561])
    sweep = enter_sweep(lab, base_of(corpus), corpus, rates, Axis.of("batch_size", [4]), "owl")
    names = [run.name for run in lab.runs_of(sweep.id)]
    assert names == ["owl 0.00123456x4", "owl 0.001234561x4"]


def test_a_sweep_without_any_cell_is_refused(lab: Lab, corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match=r"No cell of this sweep can be.*do not divide"):
        enter_sweep(lab, base_of(corpus), corpus, BLOCKS, Axis.of("n_head", [3, 5]))
    assert load_sweeps(lab) == []


def test_a_cell_waits_for_its_sweep_where_another_run_would_be_interrupted(
    lab: Lab, corpus: Corpus, sweep: Sweep
) -> None:
    alone = lab.create_run(base_of(corpus), corpus)
    assert lab.run(alone).status == "interrupted"
    cell = run_at(lab, sweep, 4, 1)
    assert lab.run(cell).status == "queued"
    lab.store.update_run(cell, status="running")
    assert lab.run(cell).status == "interrupted"


def test_a_deleted_sweep_leaves_its_runs_in_the_bin(lab: Lab, corpus: Corpus, sweep: Sweep) -> None:
    other = lab.create_run(base_of(corpus), corpus)
    held = ActiveRun.open(lab.home, lab.store, run_at(lab, sweep, 4, 1))
    with pytest.raises(RunError, match="pause the sweep first"):
        delete_sweep(lab, sweep)
    held.close()
    assert len(lab.runs()) == 5
    delete_sweep(lab, sweep)
    assert load_sweeps(lab) == [] and [run.id for run in lab.runs()] == [other]
    assert {run.sweep for run in lab.deleted_runs()} == {None}
    assert enter_sweep(lab, base_of(corpus), corpus, BLOCKS, HEADS, "owl").name == "owl"


# --- how a sweep stands ---------------------------------------------------------------------------


def test_progress_counts_runs_and_steps(lab: Lab, sweep: Sweep) -> None:
    train(lab, run_at(lab, sweep, 4, 1))
    train(lab, run_at(lab, sweep, 8, 1), until=10)
    SweepCells(lab, sweep.id).fail_run(run_at(lab, sweep, 4, 2), "why")
    progress = sweep_progress(sweep_cells(lab, sweep))
    assert (progress.n_cells, progress.n_done, progress.n_failed) == (4, 2, 1)
    assert (progress.n_steps, progress.n_steps_done) == (160, 90)
    assert not progress.done
    lab.bin_run(run_at(lab, sweep, 8, 1))
    SweepCells(lab, sweep.id).fail_run(run_at(lab, sweep, 8, 2), "why")
    cells = sweep_cells(lab, sweep)
    assert sweep_progress(cells).done
    assert [c.why_not for c in cells if (c.x, c.y) == (8, 1)] == ["Its run was deleted."]


def test_queued_cells_go_first_and_what_others_hold_is_passed_over(lab: Lab, sweep: Sweep) -> None:
    order = [cell.run.id for cell in sweep_cells(lab, sweep) if cell.run]
    train(lab, order[0], until=5)
    assert SweepCells(lab, sweep.id).next_run_id() == order[1]
    held = ActiveRun.open(lab.home, lab.store, order[1])
    held.set_status("paused")
    assert SweepCells(lab, sweep.id).next_run_id() == order[2]
    for run_id in order[2:]:
        train(lab, run_id)
    assert SweepCells(lab, sweep.id).next_run_id() == order[0]
    train(lab, order[0])
    assert SweepCells(lab, sweep.id).next_run_id() is None
    assert SweepCells(lab, sweep.id).next_run_id(lambda run_id: run_id == order[1]) == order[1]
    held.close()
    assert SweepCells(lab, sweep.id).next_run_id() == order[1]


def test_a_cell_that_somebody_holds_or_that_is_gone_is_not_failed(lab: Lab, sweep: Sweep) -> None:
    held = ActiveRun.open(lab.home, lab.store, run_at(lab, sweep, 4, 1))
    SweepCells(lab, sweep.id).fail_run(held.id, "busy")
    assert lab.run(held.id).status == "running"
    held.close()
    SweepCells(lab, sweep.id).fail_run(held.id, "why")
    assert (lab.run(held.id).status, lab.run(held.id).message) == ("failed", "why")
    lab.delete_run(held.id)
    SweepCells(lab, sweep.id).fail_run(held.id, "gone")
    assert len(lab.runs_of(sweep.id)) == 3


def test_time_left_is_that_of_what_is_left_at_the_pace_so_far(lab: Lab, sweep: Sweep) -> None:
    cells = sweep_cells(lab, sweep)
    runs = [cell.run for cell in cells if cell.run]
    whole_s = sum(MACHINE.wall_s(run.config) for run in runs)
    assert seconds_left(cells, MACHINE) == pytest.approx(whole_s)
    first_s = MACHINE.wall_s(runs[0].config)
    lab.store.update_run(runs[0].id, status="finished", step=40, steps_per_s=40 / (2 * first_s))
    assert seconds_left(sweep_cells(lab, sweep), MACHINE) == pytest.approx(2 * (whole_s - first_s))
    second_s = MACHINE.wall_s(runs[1].config)
    lab.store.update_run(runs[1].id, status="running", step=20, steps_per_s=0.001)
    left_s = whole_s - first_s - second_s / 2
    assert seconds_left(sweep_cells(lab, sweep), MACHINE) == pytest.approx(
        2 * left_s
    )  # not by its pace yet


def test_a_run_is_estimated_to_take_longer_than_its_steps_alone(corpus: Corpus) -> None:
    config = base_of(corpus, max_iters=100, eval_interval=50)
    often = base_of(corpus, max_iters=100, eval_interval=10)
    assert MACHINE.train_s(config) < MACHINE.wall_s(config) < MACHINE.wall_s(often)
