"""What the guided visit is made of, what of it is done, and what comes next. Pure; no screen.

A task is done by what there is, a finished run or a picture that was looked at, and never because
somebody pressed "next". So whoever has trained a model already is not asked to do it again, and a
task whose run is deleted is open again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from core.records.records import RunRecord
from core.settings.config import ModelKind

Sight = Literal["matrix", "limit", "head", "text"]
"""What there is to be looked at: the learned matrix; how far it is from the counts; where a head of
a trained model looks; a text that a transformer has written."""
TaskName = Literal[
    "train_bigram", "read_matrix", "see_limit", "train_attention", "see_head", "train_transformer",
    "write",
]  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One thing to do."""

    name: TaskName
    step: int
    """Of the six steps, the one that it belongs to; from 1."""
    page: str
    """Where one sees it done."""
    needs: ModelKind
    """The model that it is about. Until there is a finished run of it, no task of it is done."""
    sight: Sight | None = None
    """What has to be looked at; None where the run itself is what was wanted."""


TASKS = (
    Task("train_bigram", 1, "train", "bigram"),
    Task("read_matrix", 2, "bigram", "bigram", "matrix"),
    Task("see_limit", 3, "bigram", "bigram", "limit"),
    Task("train_attention", 4, "train", "attention"),
    Task("see_head", 4, "attention", "attention", "head"),
    Task("train_transformer", 5, "train", "transformer"),
    Task("write", 6, "generate", "transformer", "text"),
)
N_STEPS = TASKS[-1].step


@dataclass(frozen=True)
class Facts:
    """What there is in a lab, as far as the visit goes by it."""

    finished: Mapping[ModelKind, RunRecord]
    """The newest run of each model that has come to its end."""
    begun: Mapping[ModelKind, RunRecord]
    """The newest run of each model that has not, and can: live, paused or interrupted."""
    seen: Collection[Sight]

    @classmethod
    def of(cls, runs: Collection[RunRecord], seen: Collection[Sight]) -> Facts:
        """Read off all runs of a lab, the newest first. Runs of sweeps and ladders do not count."""
        finished: dict[ModelKind, RunRecord] = {}
        begun: dict[ModelKind, RunRecord] = {}
        for run in runs:
            if run.sweep or run.status == "failed":
                continue
            (finished if run.status == "finished" else begun).setdefault(run.model, run)
        return cls(finished, begun, seen)


def is_done(task: Task, facts: Facts) -> bool:
    """Whether the run of a task is finished, and what it wants to be looked at was."""
    return task.needs in facts.finished and (task.sight is None or task.sight in facts.seen)


def next_task(facts: Facts) -> Task | None:
    """The first task that is not done; None where all are."""
    return next((task for task in TASKS if not is_done(task, facts)), None)


def n_steps_done(facts: Facts) -> int:
    """How many of the six steps are done with all their tasks."""
    undone = {task.step for task in TASKS if not is_done(task, facts)}
    return N_STEPS - len(undone)


def task_shown_on(page: str, facts: Facts) -> Task | None:
    """The task before the next one, where this page shows what came of it; else None."""
    following = next_task(facts)
    before = TASKS[: TASKS.index(following)] if following else TASKS
    return before[-1] if before and before[-1].page == page else None


def run_to_wait_for(facts: Facts) -> RunRecord | None:
    """The run that the next task waits for: begun, and not finished. None where there is none."""
    task = next_task(facts)
    return facts.begun.get(task.needs) if task and task.needs not in facts.finished else None
