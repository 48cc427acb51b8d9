"""Starting a race, and finding it again: which runs belong to it stands in the registry.

Each run of a race begins with an event that names the race, so that any window and any process
sees the same one. What the terms of a race are is `core.experiments.race`'s.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from core.errors import RunError
from core.experiments.race import steps_in
from core.records.events import Fairness, Race
from core.records.records import RunRecord
from core.runs.lab import Lab
from core.service.service import TrainingService
from core.service.worker import SLICE_S
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig
from core.settings.presets import adapt
from core.text.corpus import Corpus
from core.training.trainer import Trainer

TIMED_SHARE, TIMED_LEAST_S, TIMED_MOST_S = 0.03, 0.3, 1.0
"""Each model is timed for this share of its seconds, within these bounds."""


def fit_to_seconds(
    configs: Mapping[ModelKind, RunConfig], corpus: Corpus, budget_s: int
) -> dict[ModelKind, RunConfig]:
    """The same settings, each with as many steps as this machine takes in `budget_s` as it is now.

    The models take real steps, in turns as they will in the race, and what they take on average
    counts: where others compute too, few steps are slow, and those decide. Schedules and estimates
    are made for the new length.
    """
    trainers = {kind: Trainer(config, corpus) for kind, config in configs.items()}
    warmed_up = {kind: trainer.take_step() for kind, trainer in trainers.items()}
    timed_s = min(max(TIMED_SHARE * budget_s, TIMED_LEAST_S), TIMED_MOST_S)
    while left := [t for kind, t in trainers.items()
                   if t.elapsed_s - warmed_up[kind].elapsed_s < timed_s]:  # fmt: skip
        for trainer in left:
            until_s = trainer.elapsed_s + SLICE_S
            while trainer.elapsed_s < until_s:
                trainer.take_step()
    fitted = {}
    for kind, trainer in trainers.items():
        first = warmed_up[kind]
        step_s = (trainer.elapsed_s - first.elapsed_s) / (trainer.step - first.step)
        fitted[kind] = adapt(configs[kind], {"max_iters": steps_in(budget_s, step_s)})
    return fitted


def start_race(
    service: TrainingService,
    configs: Mapping[ModelKind, RunConfig],
    corpus: Corpus,
    by: Fairness,
    budget: int,
) -> list[str]:
    """Start one run of each model at the same moment, sharing the time by `by`. Returns their ids.

    Raises LabError when one of them cannot be, and then leaves nothing behind.
    """
    race = Race(secrets.token_hex(4), by, budget)
    return service.start_together(list(configs.values()), corpus, race, by)


def newest_race(lab: Lab) -> tuple[Race, dict[ModelKind, RunRecord]] | None:
    """The race that was started last, with those of its runs that are still there."""
    races = lab.store.races()
    if not races:
        return None
    newest = races[0][1]
    runs: dict[ModelKind, RunRecord] = {}
    for run_id in (run_id for run_id, race in races if race == newest):
        try:
            run = lab.run(run_id)
        except RunError:  # deleted since its event was read
            continue
        runs[run.model] = run
    return newest, {kind: runs[kind] for kind in MODEL_KINDS if kind in runs}


def resume_race(service: TrainingService, race: Race, runs: Mapping[ModelKind, RunRecord]) -> None:
    """Let those runs of a race go on that were held or interrupted, sharing as it began.

    Raises LabError when one of them cannot be resumed.
    """
    service.in_hand.share_by(race.by)
    for run in runs.values():
        if run.status in ("paused", "interrupted"):
            service.resume(run.id)
