"""Training steps told on private copies, kept in memory while somebody looks at them.

A step is told from a checkpoint of a run, or from the beginning where there is no run; the steps
after it follow one another, each from a copy of the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import streamlit as st

from core.interpretability.training_step import TrainingStep, tell_step
from core.records.records import RunRecord
from core.runs.private_copy import PrivateCopy
from core.settings.config import RunConfig
from core.storage.checkpoint import CheckpointFolder
from core.text.corpus import Corpus, Vocabulary
from lab.session.state import the_lab


@dataclass(frozen=True, eq=False)
class StepSource:
    """Where told steps begin, and a name for that state of affairs."""

    name: str
    step: int
    """Steps done there; the first step that is told comes after them."""
    begin: Callable[[], PrivateCopy]

    @classmethod
    def run(cls, record: RunRecord, at: int) -> StepSource:
        """A run as it was after step `at`; 0 is before its first step.

        The same step may come again otherwise, when a run is resumed with another rate: so the file
        and the changes are part of the name.
        """
        lab, written_at = the_lab(), 0
        with suppress(FileNotFoundError):
            path = CheckpointFolder(lab.home.run_folder(record.id)).path(at)
            written_at = path.stat().st_mtime_ns
        changes = lab.store.changes(record.id)
        name = f"{record.id} {at} {written_at} {changes}"
        return cls(name, at, lambda: PrivateCopy.of_run(lab, record, at))

    @classmethod
    def settings(cls, config: RunConfig, corpus: Corpus) -> StepSource:
        """A run that would begin with these settings."""
        name = f"{corpus.fingerprint} {config.flat()}"
        return cls(name, 0, lambda: PrivateCopy.of_settings(config, corpus))


@dataclass(frozen=True, eq=False)
class ToldStep:
    """A step, and the copy that has taken it."""

    step: TrainingStep
    copy: PrivateCopy

    @property
    def config(self) -> RunConfig:
        """The settings that held for the step."""
        return self.copy.trainer.config

    @property
    def vocabulary(self) -> Vocabulary:
        return self.copy.trainer.corpus.vocabulary


def step_told(source: StepSource, n_ahead: int) -> ToldStep:
    """The step after `n_ahead` others that follow from a source. Raises LabError."""
    return _told(source.name, n_ahead, source)


@st.cache_resource(show_spinner=False, max_entries=2)
def _told(name: str, n_ahead: int, _source: StepSource) -> ToldStep:
    copy = _source.begin() if n_ahead == 0 else _told(name, n_ahead - 1, _source).copy.again()
    return ToldStep(tell_step(copy.trainer), copy)
