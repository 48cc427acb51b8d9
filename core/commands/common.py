"""What the commands share: the fields of a run, and what is said while they work."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from tqdm import tqdm

from core.records.course import Course
from core.records.records import RunRecord
from core.runs.lab import Lab
from core.settings.config import ModelConfig, TrainConfig
from core.storage.names import as_text
from core.text.characters import printable
from core.training.parallel import ALONE, World

Fields = dict[str, Any]
Command = Callable[[Lab, Namespace], Fields]

BAR: dict[str, Any] = {
    "file": sys.stderr,
    "dynamic_ncols": True,
    # Into a log file a line now and then is enough.
    "mininterval": 0.2 if sys.stderr.isatty() else 10.0,
}


def run_fields(lab: Lab, record: RunRecord, world: World = ALONE) -> Fields:
    """What a command says of a run, by the names that scripts know it by."""
    return {
        "run": record.id,
        "name": record.name,
        "status": record.status,
        "iter": record.step,
        "n_params": record.n_params,
        "train_loss": record.train_loss_nats,
        "val_loss": record.val_loss_nats,
        "best_val_loss": record.best_val_loss_nats,
        "best_iter": record.best_step,
        "train_seconds": record.train_s,
        "wall_seconds": record.wall_s,
        "tokens_per_s": lab.store.tokens_per_s(record),
        "world_size": world.size,
    }


def listed(lab: Lab, records: list[RunRecord]) -> Fields:
    """What the commands on `runs` say of each."""
    return {
        "runs": [
            run_fields(lab, record)
            | {"model": record.model, "corpus": record.corpus, "config": record.config.flat()}
            for record in records
        ]
    }


def flags(args: Namespace) -> dict[str, Any]:
    """The settings that were named on the command line."""
    names = [f.name for config in (ModelConfig, TrainConfig) for f in fields(config)]
    given = {
        name: getattr(args, name, None) for name in names if name not in ("model", "vocab_size")
    }
    return {name: value for name, value in given.items() if value is not None}


def say_rate_ahead(lab: Lab, record: RunRecord, *, named: bool) -> None:
    """Say at which learning rate a run goes on where its schedule has ended, if it gets there.

    Args:
        named: whether the command named a rate; else it says how to.
    """
    course = Course(record.config, lab.store.changes(record.id))
    flat_end = course.flat_end(record.step, record.max_iters)
    if record.step >= record.max_iters and named:
        say("No step is left to take; the new rate holds once --max_iters gives the run more.")
    elif flat_end:
        since, rate = flat_end
        how = "" if named else " `resume --learning_rate R` goes on at another."
        say(
            f"From step {since:,} on, where its schedule has ended, the learning rate stays at "
            f"{rate:g}.{how}"
        )


def progress_bar(done: int, total: int) -> tqdm[Any]:
    return tqdm(initial=done, total=total, unit=" steps", **BAR)


def say(sentence: str) -> None:
    print(printable(as_text(sentence)), file=sys.stderr)
