"""The command `ladder`: train the ladder of ideas to its end, go on with one, look at one."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from core.commands.background import train_together
from core.commands.common import Fields, say
from core.commands.training import Failed, Interrupted
from core.experiments.ladder import (
    Ladder,
    RungStanding,
    enter_ladder,
    load_ladder,
    load_ladders,
    plan_ladder,
    rung_standings,
)
from core.experiments.ladder import delete_ladder as remove_ladder
from core.experiments.sweep import sweep_progress
from core.experiments.terms import BUDGETS
from core.runs.lab import Lab
from core.runs.timing import calibration_of

_SHAPE = ("block_size", "n_layer", "n_head", "n_embd", "batch_size", "seed")


def ladder(lab: Lab, args: Namespace) -> Fields:
    corpus = lab.library.load(args.corpus)
    budget = BUDGETS[args.by] if args.budget is None else args.budget
    calibration = calibration_of(lab.home) if args.by == "seconds" else None
    given = {name: value for name in _SHAPE if (value := getattr(args, name)) is not None}
    rungs = plan_ladder(lab.configure, corpus, args.by, budget, calibration, **given)
    return _train_rungs(lab, enter_ladder(lab, rungs, corpus, args.by, budget, args.name))


def resume_ladder(lab: Lab, args: Namespace) -> Fields:
    return _train_rungs(lab, load_ladder(lab, args.ladder))


def show_ladder(lab: Lab, args: Namespace) -> Fields:
    return _fields(lab, load_ladder(lab, args.ladder))


def list_ladders(lab: Lab, args: Namespace) -> Fields:
    return {"ladders": [_summary(lab, each) for each in load_ladders(lab)]}


def delete_ladder(lab: Lab, args: Namespace) -> Fields:
    gone = load_ladder(lab, args.ladder)
    summary = _summary(lab, gone)
    remove_ladder(lab, gone)
    return {"ladders": [summary]}


def _train_rungs(lab: Lab, chosen: Ladder) -> Fields:
    """Train what is left of a ladder until its end or a signal, with a progress bar."""
    progress = sweep_progress(rung_standings(lab, chosen))
    say(
        f"{chosen.name}: {progress.n_cells} rungs of {chosen.budget:,} {chosen.by} each, "
        f"{progress.n_done} of them done"
    )
    signals = train_together(
        lab, chosen.id, lambda: sweep_progress(rung_standings(lab, chosen)), "rungs"
    )
    fields = _fields(lab, chosen)
    if signals:
        raise Interrupted(signals[0], fields)
    failed = [rung for rung in fields["rungs"] if rung["status"] == "failed"]
    for rung in failed:
        say(f"{rung['name']}: {rung['message']}")
    if failed and len(failed) == len(fields["rungs"]):
        raise Failed(f"All rungs of {chosen.name} failed.", fields)
    return fields


def _fields(lab: Lab, chosen: Ladder) -> Fields:
    if chosen.damage:
        say(chosen.damage)
    return {
        "ladder": chosen.id, "name": chosen.name, "corpus": chosen.corpus, "by": chosen.by,
        "budget": chosen.budget,
        "rungs": [_rung_fields(rung) for rung in rung_standings(lab, chosen)],
    }  # fmt: skip


def _rung_fields(rung: RungStanding) -> dict[str, Any]:
    said = {"name": rung.name, "changes": rung.changes, "side": rung.side, "base": rung.base}
    run = rung.run
    if run is None:
        return said | {
            "n_params": None, "val_loss": None, "train_seconds": 0.0, "run": None,
            "status": "deleted", "iter": 0, "learning_rate": None, "message": "",
        }  # fmt: skip
    return said | {
        "n_params": run.n_params, "val_loss": run.val_loss_nats, "train_seconds": run.train_s,
        "run": run.id, "status": run.status, "iter": run.step,
        "learning_rate": run.config.train.learning_rate, "message": run.message,
    }  # fmt: skip


def _summary(lab: Lab, chosen: Ladder) -> dict[str, Any]:
    progress = sweep_progress(rung_standings(lab, chosen))
    return {
        "ladder": chosen.id, "name": chosen.name, "corpus": chosen.corpus, "by": chosen.by,
        "budget": chosen.budget, "n_rungs": progress.n_cells, "n_done": progress.n_done,
        "n_failed": progress.n_failed,
    }  # fmt: skip
