"""The command `race`: the three models in turn, in the foreground and on equal terms."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping

from tqdm import tqdm

from core.commands.common import BAR, Fields, run_fields, say
from core.commands.training import Failed, Interrupted, caught_signals
from core.experiments.race import BUDGETS, race_configs
from core.runs.lab import Lab
from core.runs.timing import calibration_of
from core.service.racing import fit_to_seconds, start_race
from core.service.service import TrainingService
from core.settings.config import ModelKind, RunConfig

POLL_S = 0.1


def race(lab: Lab, args: Namespace) -> Fields:
    corpus = lab.library.load(args.corpus)
    budget = BUDGETS[args.by] if args.budget is None else args.budget
    calibration = calibration_of(lab.home) if args.by == "seconds" else None
    configs = race_configs(lab.configure, corpus, args.by, budget, calibration, args.seed)
    if args.by == "seconds":
        configs = fit_to_seconds(configs, corpus, budget)
    service = TrainingService(lab)
    try:
        with caught_signals() as signals:
            ids = start_race(service, configs, corpus, args.by, budget)
            _say_terms(configs, args.by, budget)
            _watch(service, ids, signals)
    finally:
        service.close()  # what is not finished is saved
    runs = [lab.run(run_id) for run_id in ids]
    fields_: Fields = {
        "by": args.by,
        "budget": budget,
        "runs": [run_fields(lab, run) | {"model": run.model} for run in runs],
    }
    if signals:
        raise Interrupted(signals[0], fields_)
    if failed := [
        f"{run.name} ({run.model}): {run.message}" for run in runs if run.status == "failed"
    ]:
        raise Failed(" ".join(failed), fields_)
    return fields_


def _say_terms(configs: Mapping[ModelKind, RunConfig], by: str, budget: int) -> None:
    steps = ", ".join(f"{kind} {c.train.max_iters:,}" for kind, c in configs.items())
    say(f"{budget:,} {by} for each model, in turn; steps: {steps}")


def _watch(service: TrainingService, ids: list[str], signals: list[int]) -> None:
    """Show how far all three are together, until they are through or a signal arrives."""
    with tqdm(total=100, unit=" %", **BAR) as bar:
        while not signals and any(run_id in service.in_hand for run_id in ids):
            time.sleep(POLL_S)
            runs = [service.lab.store.run(run_id) for run_id in ids]
            done = sum(run.step / run.max_iters for run in runs) / len(runs)
            bar.update(int(100 * done) - bar.n)
