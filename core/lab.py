"""One lab: its corpora, its runs, and the models in them, for every page and every command.

Reads and administers; training is `core.run`'s and `core.service`'s.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from core.checkpoint import CheckpointFolder
from core.config import ModelKind, RunConfig
from core.corpus import Corpus, Vocabulary
from core.errors import RunError
from core.home import LabHome
from core.library import CorpusLibrary
from core.models import LanguageModel, build_model, count_params, model_from_weights
from core.names import memorable_name
from core.preflight import check_fits
from core.presets import resolve
from core.records import LIVE, RunRecord
from core.run import is_held, take_lock
from core.snapshots import SnapshotFolder
from core.store import Store

Which = Literal["best", "last"]
MAX_NAME = 60


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model to look at, on the CPU and in eval mode, and where it comes from."""

    model: LanguageModel
    vocabulary: Vocabulary
    iter: int
    origin: str
    """In words: "best checkpoint, step 1,200"."""


class Lab:
    """Everything in one lab home. Holds no state of its own, so any number may be open."""

    def __init__(self, path: Path | str | None = None) -> None:
        self.home = LabHome.open(path)
        self.store = Store(self.home.database)
        self.library = CorpusLibrary(self.home)

    # --- runs -------------------------------------------------------------------------------------

    def configure(
        self,
        model: ModelKind,
        corpus: Corpus,
        preset: str | None = None,
        recipe: str = "classic",
        **flags: Any,
    ) -> RunConfig:
        """The settings of a run on this corpus. Raises ConfigError when they cannot be."""
        config = resolve(model, len(corpus.vocabulary), preset, flags, recipe)
        corpus.check_long_enough(config.model.block_size)
        return config

    def create_run(self, config: RunConfig, corpus: Corpus, name: str | None = None) -> str:
        """Enter a new run, not yet started, and return its id.

        Raises RunError for a name that is taken or no name, ConfigError when the text is too short
        or the run needs more memory than there is.
        """
        corpus.check_long_enough(config.model.block_size)
        check_fits(config)
        name = memorable_name(self.store.names()) if name is None else _clean_name(name)
        run_id = secrets.token_hex(4)
        self.store.add_run(
            run_id, name, config, (corpus.name, corpus.fingerprint), count_params(config.model)
        )
        return run_id

    def runs(self) -> list[RunRecord]:
        """All runs, the newest first, each as it really stands."""
        return [self._as_it_stands(record) for record in self.store.runs()]

    def run(self, id_or_name: str) -> RunRecord:
        """One run as it really stands. Raises RunError when there is none."""
        return self._as_it_stands(self.store.run(id_or_name))

    def rename_run(self, id_or_name: str, name: str) -> RunRecord:
        """Give a run another name, also while it trains."""
        record = self.store.run(id_or_name)
        self.store.rename_run(record.id, _clean_name(name))
        return self.run(record.id)

    def delete_run(self, id_or_name: str) -> RunRecord:
        """Remove a run with all its rows and files. Raises RunError while it is being trained."""
        record = self.store.run(id_or_name)
        take_lock(self.home, record).release()
        self.store.delete_run(record.id)
        shutil.rmtree(self.home.run_folder(record.id), ignore_errors=True)
        return record

    def _as_it_stands(self, record: RunRecord) -> RunRecord:
        """A run that should be live and that nobody holds was interrupted."""
        if record.status in LIVE and not is_held(self.home, record.id):
            return replace(record, status="interrupted")
        return record

    # --- models -----------------------------------------------------------------------------------

    def model_step(self, record: RunRecord, which: Which) -> int:
        """The step of the checkpoint that `model` would load now; 0 where there is none."""
        steps = CheckpointFolder(self.home.run_folder(record.id)).iters()
        if not steps:
            return 0
        return record.best_iter if which == "best" and record.best_iter in steps else steps[-1]

    def model(self, record: RunRecord, which: Which = "best") -> LoadedModel:
        """The model of a run, from its best or its last checkpoint.

        A run without a checkpoint gives the model as it was before the first step. The corpus need
        not be there any more, but for that case. Raises CheckpointError, CorpusError.
        """
        folder = CheckpointFolder(self.home.run_folder(record.id))
        if not folder.iters():
            return self._untrained(record)
        step = self.model_step(record, which)
        checkpoint = folder.load(step)
        label = "best" if step == checkpoint.best_iter and which == "best" else "last"
        return LoadedModel(
            model_from_weights(checkpoint.run_config.model, checkpoint.trainer["model"]),
            Vocabulary(checkpoint.vocabulary),
            step,
            f"{label} checkpoint, step {step:,}",
        )

    def snapshot_iters(self, record: RunRecord) -> list[int]:
        """The steps at which a run's weights can be looked at, ascending."""
        return SnapshotFolder(self.home.run_folder(record.id)).iters()

    def snapshot(self, record: RunRecord, step: int) -> LoadedModel:
        """The model of a run as it was after a step. Raises CheckpointError when it was not kept.

        Its matrices went through half precision; `core.snapshots` says what that does.
        """
        saved = SnapshotFolder(self.home.run_folder(record.id)).load(step)
        config = RunConfig.from_flat(saved.config).model
        return LoadedModel(
            model_from_weights(config, saved.weights),
            Vocabulary(saved.vocabulary),
            step,
            f"snapshot, step {step:,}",
        )

    def _untrained(self, record: RunRecord) -> LoadedModel:
        corpus = self.corpus_of(record)
        model = build_model(record.config.model, record.config.train.seed).eval()
        return LoadedModel(model, corpus.vocabulary, 0, "untrained, step 0")

    def corpus_of(self, record: RunRecord) -> Corpus:
        """The text that a run learned from, and no other. Raises CorpusError when it is gone."""
        return self.library.load_exactly(record.corpus, record.fingerprint)


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise RunError(f"A run's name has 1 to {MAX_NAME} printable characters, not {name!r}.")
    return name
