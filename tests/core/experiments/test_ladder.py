"""The ladder of ideas: its plan, what is entered, how far it is, and what a deleted one leaves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from core.errors import ConfigError, RunError
from core.experiments.ladder import (
    Ladder,
    Rung,
    delete_ladder,
    enter_ladder,
    load_ladder,
    load_ladders,
    model_of,
    plan_ladder,
    planned_standings,
    rung_standings,
)
from core.experiments.sweep import SweepCells, load_sweep, load_sweeps, sweep_progress
from core.experiments.terms import EqualIn
from core.models import build_model
from core.runs.lab import Lab
from core.settings.config import RunConfig
from core.settings.ideas import IDEAS, OF_ATTENTION, OF_TRANSFORMER, ideas_in
from core.text.corpus import Corpus
from core.training.preflight import flops_per_token
from tests.helpers import train
from tests.pages import MACHINE

TINY: dict[str, Any] = dict(
    block_size=8, n_layer=2, n_head=2, n_embd=8, batch_size=4, device="cpu", seed=5
)


def plan(lab: Lab, corpus: Corpus, **changes: Any) -> list[Rung]:
    return plan_ladder(lab.configure, corpus, "steps", 6, **TINY | changes)


@pytest.fixture
def ladder(lab: Lab, corpus: Corpus) -> Ladder:
    return enter_ladder(lab, plan(lab, corpus), corpus, "steps", 6, "owl")


def ideas_of(config: RunConfig) -> set[str]:
    """What a rung has, whichever kind of model it is: ideas, and whether it is no table."""
    model = config.model
    if model.model == "bigram":
        return set()
    if model.block == "ladder":
        return {"vectors", *ideas_in(model.ideas)}
    return {"vectors", *(OF_ATTENTION if model.model == "attention" else OF_TRANSFORMER)}


# --- the plan -------------------------------------------------------------------------------------


def test_each_rung_has_one_idea_more_than_the_one_below(lab: Lab, corpus: Corpus) -> None:
    up = [rung for rung in plan(lab, corpus) if rung.side == "up"]
    assert [rung.base for rung in up] == ["", *(rung.name for rung in up[:-1])]
    together = {"attention", "mask", "scale"}  # which are one idea, and its two guards
    for below, above in pairwise(up):
        before, after = ideas_of(below.config), ideas_of(above.config)
        gained = after - before
        assert before <= after
        more = [
            after_ > before_
            for after_, before_ in zip(
                (above.config.model.n_layer, above.config.model.n_head),
                (below.config.model.n_layer, below.config.model.n_head),
            )
        ]
        assert gained == together or len(gained) + any(more) == 1 or gained == {"vectors"}
    assert [rung.key for rung in up] == [
        "bigram table", "embeddings", "one head", "heads", "positions", "MLP", "residual stream",
        "LayerNorm", "tied head", "blocks",
    ]  # fmt: skip


def test_the_ladder_meets_all_three_models(lab: Lab, corpus: Corpus) -> None:
    rungs = plan(lab, corpus)
    models = {rung.name: model_of(rung) for rung in rungs if model_of(rung) and rung.side == "up"}
    assert models == {
        "bigram table": "bigram", "positions": "attention", "tied head": "transformer",
        "2 blocks": "transformer",
    }  # fmt: skip
    whole = next(rung for rung in rungs if rung.name == "2 blocks").config
    assert whole.model == lab.configure("transformer", corpus, "quick", **TINY).model


def test_what_is_left_out_is_left_out_of_the_whole(lab: Lab, corpus: Corpus) -> None:
    rungs = plan(lab, corpus)
    out = {rung.key: rung for rung in rungs if rung.side == "out"}
    assert {rung.base for rung in out.values()} == {"2 blocks"}
    lacks = {key: set(OF_TRANSFORMER) - ideas_of(rung.config) for key, rung in out.items()}
    assert lacks == {
        "no attention": {"attention", "mask", "scale"}, "one head a layer": set(),
        "no positions": {"positions"}, "no MLP": {"mlp"}, "no residual stream": {"residual"},
        "no LayerNorm": {"norm"}, "untied head": {"tied"},
    }  # fmt: skip
    assert out["one head a layer"].config.model.n_head == 1
    assert all(rung.config.model.n_layer == 2 for rung in out.values())


def test_every_idea_is_on_some_rung(lab: Lab, corpus: Corpus) -> None:
    assert set(IDEAS) == set().union(*(ideas_of(r.config) for r in plan(lab, corpus))) - {"vectors"}


def test_all_rungs_read_as_much_and_begin_alike(lab: Lab, corpus: Corpus) -> None:
    trains = [rung.config.train for rung in plan(lab, corpus)]
    assert {(t.batch_size, t.max_iters, t.seed, t.device) for t in trains} == {(4, 6, 5, "cpu")}
    assert {rung.config.model.block_size for rung in plan(lab, corpus)} == {8}
    assert len({t.learning_rate for t in trains}) > 1
    assert all(t.min_lr == t.learning_rate / 10 and t.lr_decay_iters == 6 for t in trains)


def test_a_long_budget_takes_smaller_rates_for_stacks(lab: Lab, corpus: Corpus) -> None:
    short, long = (
        {r.name: r.config.train.learning_rate for r in rungs}
        for rungs in (plan(lab, corpus), plan_ladder(lab.configure, corpus, "steps", 3000, **TINY))
    )
    assert long["2 blocks"] < short["2 blocks"] and long["positions"] == short["positions"]


def test_with_one_head_and_one_layer_there_are_fewer_rungs(lab: Lab, corpus: Corpus) -> None:
    names = [rung.name for rung in plan(lab, corpus, n_head=1, n_layer=1)]
    assert "1 heads" not in names and "1 blocks" not in names and "one head a layer" not in names
    assert names[8 - 1] == "tied head"
    assert all(r.base == "tied head" for r in plan(lab, corpus, n_layer=1) if r.side == "out")


def test_by_seconds_a_dearer_rung_takes_fewer_steps(lab: Lab, corpus: Corpus) -> None:
    rungs = plan_ladder(lab.configure, corpus, "seconds", 2, MACHINE, **TINY)
    steps = {rung.name: rung.config.train.max_iters for rung in rungs}
    assert steps["bigram table"] > steps["MLP"] > steps["2 blocks"] >= 20


def lengths(rungs: list[Rung]) -> dict[str, int]:
    return {rung.name: rung.config.train.max_iters for rung in rungs}


def test_equal_characters_are_equal_steps_since_all_read_the_same_batch(
    lab: Lab, corpus: Corpus
) -> None:
    rungs = plan_ladder(lab.configure, corpus, "characters", 10 * 4 * 8 + 5, **TINY)
    assert set(lengths(rungs).values()) == {10}
    assert {r.name: r.config for r in rungs} == {
        r.name: r.config for r in plan_ladder(lab.configure, corpus, "steps", 10, **TINY)
    }


def test_by_flops_each_rung_takes_the_steps_that_the_budget_pays_for(
    lab: Lab, corpus: Corpus
) -> None:
    budget = 30_000_000
    rungs = plan_ladder(lab.configure, corpus, "flops", budget, **TINY)
    steps = lengths(rungs)
    for rung in rungs:
        cost = flops_per_token(rung.config.model) * 4 * 8
        if cost:
            assert steps[rung.name] * cost <= budget < (steps[rung.name] + 1) * cost
    assert steps["bigram table"] == max(steps.values()) == steps["embeddings"]
    assert steps["embeddings"] > steps["MLP"] > steps["2 blocks"] > 1


@pytest.mark.parametrize(("by", "budget"), [("flops", 30_000_000), ("characters", 3_200)])
def test_whatever_is_equal_the_schedules_have_one_shape(
    lab: Lab, corpus: Corpus, by: EqualIn, budget: int
) -> None:
    for rung in plan_ladder(lab.configure, corpus, by, budget, **TINY):
        train = rung.config.train
        assert train.schedule == "cosine" and train.lr_decay_iters == train.max_iters
        assert train.warmup_iters == train.max_iters // 20
        assert train.min_lr == pytest.approx(train.learning_rate / 10)


@pytest.mark.parametrize(
    ("by", "budget", "message"),
    [("flops", 1000, "pay for no step"), ("characters", 31, "pay for no step"),
     ("flops", 10**15, "steps of the cheapest rung")],
)  # fmt: skip
def test_a_budget_that_pays_for_nothing_or_for_too_much_is_refused(
    lab: Lab, corpus: Corpus, by: EqualIn, budget: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_ladder(lab.configure, corpus, by, budget, **TINY)


@pytest.mark.parametrize("budget", [0, -1, 10**9, True])
def test_a_budget_that_cannot_be_is_refused(lab: Lab, corpus: Corpus, budget: int) -> None:
    with pytest.raises(ConfigError, match="takes from 1 to"):
        plan_ladder(lab.configure, corpus, "steps", budget)


def test_arithmetic_is_counted_for_each_rung(lab: Lab, corpus: Corpus) -> None:
    """6 for each number of a matrix that is multiplied, and attention's T-fold sums."""
    C, T = 8, 8
    for rung in plan(lab, corpus):
        model = rung.config.model
        weights = build_model(model, 1).state_dict()
        multiplied = sum(
            w.numel() for n, w in weights.items() if w.dim() == 2 and "embedding" not in n
        )
        if model.model == "bigram":
            assert flops_per_token(model) == 0
            continue
        if not any("head." in name for name in weights):
            multiplied += weights["token_embedding.weight"].numel()  # tied
        ideas = ideas_of(rung.config)
        sums = 12 if "attention" in ideas else 6 * ("average" in ideas)
        expected = 6 * multiplied + sums * model.n_layer * C * T
        assert flops_per_token(model) == expected, rung.name


# --- entered --------------------------------------------------------------------------------------


def test_a_ladder_is_kept_whole_and_its_runs_are_its_rungs(
    lab: Lab, corpus: Corpus, ladder: Ladder
) -> None:
    assert load_ladders(lab) == [load_ladder(lab, "owl")] == [load_ladder(lab, ladder.id)]
    assert load_ladder(lab, "owl").spec() == ladder.spec()
    planned = planned_standings(plan(lab, corpus))
    for rung, plan_ in zip(rung_standings(lab, ladder), planned, strict=True):
        assert rung.run is not None and rung.run.status == "queued"
        assert (rung.key, rung.name, rung.changes, rung.base) == (
            plan_.key, plan_.name, plan_.changes, plan_.base,
        )  # fmt: skip
        assert rung.run.name == f"owl {rung.name}" and rung.config == plan_.config


def test_a_ladder_is_no_sweep(lab: Lab, ladder: Ladder) -> None:
    assert load_sweeps(lab) == []
    with pytest.raises(RunError, match="a ladder of ideas, not a sweep"):
        load_sweep(lab, "owl")
    with pytest.raises(RunError, match="no ladder 'fox'"):
        load_ladder(lab, "fox")


@pytest.mark.parametrize(
    ("damage", "said", "n_rungs"),
    [
        (lambda spec: spec["places"][2].pop("base"), "1 of its 20 rungs", 19),
        (lambda spec: spec["places"][2].update(side="down"), "1 of its 20 rungs", 19),
        (lambda spec: spec["places"].__setitem__(0, None), "1 of its 20 rungs", 19),
        (lambda spec: spec.pop("budget"), "its budget", 20),
        (lambda spec: spec.pop("by"), "what it is equal in", 20),
        (lambda spec: spec.pop("corpus"), "its text", 20),
        (lambda spec: spec.pop("places"), "its rungs", 0),
    ],
)  # fmt: skip
def test_what_of_a_stored_ladder_cannot_be_read_is_said_and_the_rest_is_there(
    lab: Lab, ladder: Ladder, damage: Callable[[dict[str, Any]], object], said: str, n_rungs: int
) -> None:
    (record,) = lab.store.sweeps()
    spec = copy.deepcopy(dict(record.spec))
    spec["places"] = [dict(place) for place in spec["places"]]
    damage(spec)
    read = Ladder.of(replace(record, spec=spec))
    assert f"Of the ladder owl {said} cannot be read" in read.damage
    rungs = rung_standings(lab, read)
    assert len(rungs) == n_rungs and all(rung.run for rung in rungs)
    assert load_ladder(lab, "owl").damage == ""


def test_a_rung_with_a_field_of_another_version_is_read(lab: Lab, ladder: Ladder) -> None:
    (record,) = lab.store.sweeps()
    spec = dict(record.spec) | {"places": [dict(p) | {"new": 1} for p in record.spec["places"]]}
    assert len(rung_standings(lab, Ladder.of(replace(record, spec=spec)))) == 20


def test_rungs_are_trained_one_after_the_other(lab: Lab, ladder: Ladder) -> None:
    cells = SweepCells(lab, ladder.id)
    for run in lab.runs_of(ladder.id)[:3]:
        assert cells.next_run_id() == run.id
        train(lab, run.id)
    cells.fail_run(lab.runs_of(ladder.id)[3].id, "The disk is full.")
    progress = sweep_progress(rung_standings(lab, ladder))
    assert (progress.n_done, progress.n_failed, progress.n_steps_done) == (4, 1, 24)
    assert not progress.done


def test_a_deleted_ladder_leaves_its_runs_in_the_bin(lab: Lab, ladder: Ladder) -> None:
    ids = [run.id for run in lab.runs_of(ladder.id)]
    gone = lab.delete_run(ids[0])
    assert rung_standings(lab, ladder)[0].run is None and gone.id == ids[0]
    delete_ladder(lab, ladder)
    assert load_ladders(lab) == [] and lab.runs() == []


def test_a_name_that_is_taken_leaves_nothing_behind(
    lab: Lab, corpus: Corpus, ladder: Ladder
) -> None:
    n_runs = len(lab.runs())
    with pytest.raises(RunError, match="already a sweep 'owl'"):
        enter_ladder(lab, plan(lab, corpus), corpus, "steps", 6, "owl")
    assert len(lab.runs()) == n_runs


def test_every_rung_trains_and_is_measured(lab: Lab, ladder: Ladder) -> None:
    for run in lab.runs_of(ladder.id):
        train(lab, run.id)
    for rung in rung_standings(lab, ladder):
        assert rung.run is not None and rung.run.status == "finished"
        assert rung.run.val_loss_nats and rung.run.train_s > 0
