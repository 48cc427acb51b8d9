"""A run's next step without the run: a trainer of one's own in the state that was saved last.

For looking at what a step does. The run, its lock, its rows and its files are left alone; a step of
the copy is the step that the run takes from there, bit for bit on the same device by as many
threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from core.errors import CheckpointError
from core.records.course import Course
from core.records.records import RunRecord
from core.runs.lab import Lab
from core.runs.lost_states import check_not_lost
from core.settings.config import RunConfig
from core.storage.checkpoint import Checkpoint, CheckpointFolder
from core.text.corpus import Corpus
from core.training.trainer import Trainer


@dataclass(frozen=True, eq=False)
class PrivateCopy:
    """A trainer that belongs to no run, and the settings that it would have step by step."""

    trainer: Trainer
    course: Course

    @classmethod
    def of_run(cls, lab: Lab, record: RunRecord, at: int | None = None) -> Self:
        """As the checkpoint of step `at` left a run, or the newest; at 0 before its first step.

        A run without a checkpoint is still before its first step.

        Raises CorpusError when its text is gone, CheckpointError when there is no such checkpoint
        or none can be read, ConfigError when its device is not here.
        """
        corpus, checkpoint = lab.corpus_of(record), _checkpoint(lab, record, at)
        course = Course(record.config, lab.store.changes(record.id))
        trainer = Trainer(course.at(checkpoint.step if checkpoint else 0), corpus)
        if checkpoint:
            trainer.load_state_dict(checkpoint.trainer)
        return cls(trainer, course)

    @classmethod
    def of_settings(cls, config: RunConfig, corpus: Corpus) -> Self:
        """As a run with these settings would begin. Raises as `Trainer` does."""
        return cls(Trainer(config, corpus), Course(config))

    def again(self) -> Self:
        """Another copy in this one's state, with the settings that hold for the next step."""
        trainer = Trainer(self.course.at(self.trainer.step), self.trainer.corpus)
        trainer.load_state_dict(self.trainer.state_dict())
        return type(self)(trainer, self.course)


def steps_to_copy(lab: Lab, record: RunRecord) -> list[int]:
    """The steps after which a run can be copied: 0, unless it was imported, and its checkpoints."""
    kept = CheckpointFolder(lab.home.run_folder(record.id)).steps()
    return kept if kept and lab.store.first_step(record.id) else [0, *kept]


def _checkpoint(lab: Lab, record: RunRecord, at: int | None) -> Checkpoint | None:
    folder = CheckpointFolder(lab.home.run_folder(record.id), of=record)
    if at is None:
        checkpoint, damaged = folder.newest_readable()
        if checkpoint is None and damaged:
            raise damaged[0]
        check_not_lost(lab.home, lab.store, record)
        return checkpoint
    if at not in steps_to_copy(lab, record):
        there = ", ".join(f"{step:,}" for step in steps_to_copy(lab, record))
        raise CheckpointError(
            f"Run {record.name} has kept no checkpoint of step {at:,}; there are those of {there}."
        )
    return folder.load(at) if at else None
