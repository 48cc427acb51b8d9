"""One lab: its corpora, its runs, and the models in them, for every page and every command.

Reads and administers; training is `core.runs.active_run`'s, in the background
`core.service.service`'s. A run that the registry has as running and whose lock nobody holds was
killed: it is read as interrupted, and resumed from its last checkpoint by `core.runs.resuming`. A
process that ends in order says so itself (`ActiveRun.interrupt`), when it has saved.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from core.errors import CheckpointError, CorpusError, RunError, quoted
from core.library.texts import CorpusLibrary
from core.models import LanguageModel, build_model, count_params, model_from_weights
from core.records.door import now_at
from core.records.records import LIVE, NewRun, RunRecord
from core.registry import Store
from core.runs.keeping import keep_run
from core.runs.lost_states import check_not_lost, look_elsewhere_text, lost_text
from core.runs.rebuilding import open_registry, suspect
from core.settings.config import ModelKind, RunConfig
from core.settings.presets import resolve
from core.storage.checkpoint import CheckpointFolder, is_damaged
from core.storage.home import LabHome
from core.storage.locks import is_held, locked, take_lock
from core.storage.names import memorable_name, new_run_id, numbered
from core.storage.snapshots import SnapshotFolder
from core.storage.unfinished import remove_folder, unfinished
from core.text.corpus import Corpus, Vocabulary
from core.training.preflight import check_fits

Which = Literal["best", "last"]
Moment = Literal["best", "newest"] | int
"""When in its training to look at a run: at its best step, its newest, or the one of this number.
"""
MAX_RUN_NAME = 60
"""Characters in the name of a run, or of a sweep."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model to look at, on the CPU and in eval mode, and where it comes from."""

    model: LanguageModel
    vocabulary: Vocabulary
    step: int
    origin: str
    """In words: "best checkpoint, step 1,200"."""


class Lab:
    """Everything in one lab home. Holds no state of its own, so any number may be open."""

    def __init__(self, path: Path | str | None = None) -> None:
        self.home = LabHome.open(path)
        opened = open_registry(self.home)
        self.store: Store = opened.store
        self.store.mend = self._mend
        self.notes = opened.notes
        """What is to be said of the lab home as it was found, in sentences; mostly nothing."""
        self.library = CorpusLibrary(self.home)

    def _mend(self) -> None:
        """Have the registry made anew, in which a reader has come upon damage."""
        suspect(self.home)
        self.notes += open_registry(self.home).notes

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

    def create_run(
        self,
        config: RunConfig,
        corpus: Corpus,
        name: str | None = None,
        run_id: str | None = None,
    ) -> str:
        """Enter a new run, not yet started, and return its id, which may be given.

        Raises RunError for a name that is taken or no name, ConfigError when the text is too short
        or the run needs more memory than there is.
        """
        corpus.check_long_enough(config.model.block_size)
        check_fits(config)
        name = memorable_name(self.store.names()) if name is None else clean_name(name)
        run_id = run_id or new_run_id()
        self.store.add_run(
            NewRun(
                id=run_id, name=name, config=config, corpus=corpus.name,
                fingerprint=corpus.fingerprint, n_params=count_params(config.model),
            )
        )  # fmt: skip
        keep_run(self.home, self.store, self.store.run(run_id))
        return run_id

    def runs(self) -> list[RunRecord]:
        """All runs, the newest first, each as it really stands."""
        return [self._as_it_stands(record) for record in self.store.runs()]

    def live_runs(self) -> list[RunRecord]:
        """The runs that are being trained now, in whichever process, the newest first."""
        records = [self._as_it_stands(record) for record in self.store.live_runs()]
        return [record for record in records if record.status in LIVE]

    def runs_of(self, sweep_id: str) -> list[RunRecord]:
        """The runs of a sweep as `runs` gives them, the first cell first."""
        return [self._as_it_stands(record) for record in self.store.runs_of(sweep_id)]

    def run(self, id_or_name: str) -> RunRecord:
        """One run as it really stands. Raises RunError when there is none."""
        return self._as_it_stands(self.store.run(id_or_name))

    def rename_run(self, id_or_name: str, name: str) -> RunRecord:
        """Give a run another name, also while it trains; returns its record.

        Raises RunError when there is no such run, or the name is taken or cannot be.
        """
        record = self.store.run(id_or_name)
        self.store.rename_run(record.id, clean_name(name))
        return self._kept(record.id)

    def delete_run(self, id_or_name: str) -> RunRecord:
        """Remove a run with all its rows and files, for good; `bin_run` is for second thoughts.

        Raises RunError while it is being trained.
        """
        record = self.store.run(id_or_name)
        take_lock(self.home, record).release()
        folder = self.home.run_folder(record.id)
        with unfinished(folder):  # or what is left of it could be brought in again
            self.store.delete_run(record.id)
            remove_folder(folder)
        return record

    def _kept(self, run_id: str) -> RunRecord:
        """A run after a change of its row, which is noted in its folder too."""
        record = self.store.run(run_id)
        keep_run(self.home, self.store, record)
        return self._as_it_stands(record)

    # --- the bin ----------------------------------------------------------------------------------

    def bin_run(self, id_or_name: str) -> RunRecord:
        """Put a run into the bin: it keeps all it has but its place in the list and its name.

        Raises RunError while it is being trained.
        """
        record = self.store.run(id_or_name)
        with locked(self.home, record):
            self.store.update_run(record.id, deleted_at=now_at())
        binned = self.store.run(record.id, deleted=True)
        keep_run(self.home, self.store, binned)
        return self._as_it_stands(binned)

    def restore_run(self, id_or_name: str) -> RunRecord:
        """Take a run out of the bin; where its name has gone to another, it gets a number.

        Raises RunError when there is no such run in the bin.
        """
        record = self.store.run(id_or_name, deleted=True)
        self.store.rename_run(record.id, self.free_name(record.name), deleted_at=None)
        return self._kept(record.id)

    def deleted_runs(self) -> list[RunRecord]:
        """The runs in the bin, the one deleted last first."""
        records = [self._as_it_stands(r) for r in self.store.runs(deleted=True)]
        return sorted(records, key=lambda record: record.deleted_at or 0.0, reverse=True)

    def empty_bin(
        self, older_than_s: float = 0.0, only: Collection[str] | None = None
    ) -> list[RunRecord]:
        """Remove the runs in the bin for good; returns those that are gone.

        Args:
            older_than_s: only those that are in it that long already.
            only: the ids of those that may go, which somebody has seen; None: all.
        """
        until = now_at() - older_than_s
        self.home.check_writable()
        gone = []
        for record in self.deleted_runs():
            is_meant = only is None or record.id in only
            if is_meant and (record.deleted_at or 0.0) <= until:
                gone += self._removed_from_bin(record)
        return gone

    def _removed_from_bin(self, record: RunRecord) -> list[RunRecord]:
        """The run that is gone for good now; none where somebody has just restored it."""
        folder = self.home.run_folder(record.id)
        with unfinished(folder):
            is_gone = self.store.delete_run(record.id, only_from_bin=True)
            if is_gone:
                remove_folder(folder)
        if not is_gone:
            with suppress(OSError):  # where another process was first, the mark alone made it
                folder.rmdir()
        return [record] if is_gone else []

    def free_name(self, wanted: str) -> str:
        """A name for a run, tidied; where another run has it, with a number.

        Raises RunError when it is no name.
        """
        return numbered(clean_name(wanted), self.store.names().__contains__, MAX_RUN_NAME)

    def _as_it_stands(self, record: RunRecord) -> RunRecord:
        """A run that should be live and that nobody holds was interrupted.

        But for a cell of a sweep that has not begun: it waits until the sweep comes to it.
        """
        waits = record.status == "queued" and record.sweep is not None
        if record.status in LIVE and not waits and not is_held(self.home, record.id):
            return replace(record, status="interrupted")
        return record

    # --- models -----------------------------------------------------------------------------------

    def model_step(self, record: RunRecord, which: Which) -> int:
        """The step of the checkpoint that `model` would load now; 0 where there is none."""
        steps = CheckpointFolder(self.home.run_folder(record.id)).steps()
        if not steps:
            return 0
        return record.best_step if which == "best" and record.best_step in steps else steps[-1]

    def model(self, record: RunRecord, which: Which = "best") -> LoadedModel:
        """The model of a run, from its best or its last checkpoint.

        A run that was never saved gives the model as it was before the first step. The corpus need
        not be there any more, but for that case. Raises CheckpointError, also for a run whose
        checkpoints are gone, and CorpusError.
        """
        folder = CheckpointFolder(self.home.run_folder(record.id))
        if not folder.steps():
            return self._untrained(record)
        step = self.model_step(record, which)
        label = "best" if step == record.best_step and which == "best" else "last"
        return self._from_checkpoint(record, step, f"{label} checkpoint")

    def snapshot(self, record: RunRecord, step: int) -> LoadedModel:
        """The model of a run as it was after a step. Raises CheckpointError when it was not kept.

        Its matrices went through half precision; `core.storage.snapshots` says what that does.
        """
        saved = SnapshotFolder(self.home.run_folder(record.id), of=record).load(step)
        config = RunConfig.from_flat(saved.config).model
        return LoadedModel(
            model_from_weights(config, saved.weights),
            Vocabulary(saved.vocabulary),
            step,
            f"snapshot, step {step:,}",
        )

    def nearest_snapshot(self, record: RunRecord, step: int) -> LoadedModel:
        """The model of a run as it was nearest to a step, of two equally near the earlier.

        Raises CheckpointError when none was kept.
        """
        steps = SnapshotFolder(self.home.run_folder(record.id)).steps()
        return self.snapshot(record, min(steps, key=lambda n: abs(n - step), default=step))

    def moments(self, record: RunRecord) -> list[int]:
        """The steps of a run at which `model_at` can show its model, ascending; 0 at least."""
        folder = self.home.run_folder(record.id)
        kept = {*SnapshotFolder(folder).steps(), *CheckpointFolder(folder).steps()}
        return sorted(kept) or [0]

    def moment_step(self, record: RunRecord, moment: Moment) -> int:
        """The step that `model_at` would show now: of those that are kept the nearest."""
        if moment == "best":
            return self.model_step(record, "best")
        steps = self.moments(record)
        return steps[-1] if moment == "newest" else min(steps, key=lambda n: abs(n - moment))

    def model_at(self, record: RunRecord, moment: Moment) -> LoadedModel:
        """The model of a run as it was at a moment of its training, as exactly as it was kept.

        Where its checkpoint is damaged, a snapshot of the same step stands in for it, and says so.
        Raises CheckpointError, CorpusError as `model` does.
        """
        folder, step = self.home.run_folder(record.id), self.moment_step(record, moment)
        checkpoints, snapshots = CheckpointFolder(folder), SnapshotFolder(folder)
        if step in snapshots.steps() and is_damaged(checkpoints.path(step)):
            looked_at = self.snapshot(record, step)
            return replace(looked_at, origin=f"{looked_at.origin}, as its checkpoint is damaged")
        if moment == "best":
            return self.model(record, "best")
        if step in checkpoints.steps():
            return self._from_checkpoint(record, step, "checkpoint")
        if step in snapshots.steps():
            return self.snapshot(record, step)
        return self._untrained(record)

    def _from_checkpoint(self, record: RunRecord, step: int, label: str) -> LoadedModel:
        folder = CheckpointFolder(self.home.run_folder(record.id), of=record)
        try:
            checkpoint = folder.load(step)
        except CheckpointError as error:
            if not is_damaged(folder.path(step)):
                raise
            elsewhere = look_elsewhere_text(self.home, record, step)
            raise CheckpointError(error.trouble, elsewhere) from error
        return LoadedModel(
            model_from_weights(checkpoint.run_config.model, checkpoint.trainer["model"]),
            Vocabulary(checkpoint.vocabulary),
            step,
            f"{label}, step {step:,}",
        )

    def lost_text(self, record: RunRecord) -> str:
        """What is gone or damaged of a run's saved states, in words; empty where nothing is."""
        return lost_text(self.home, self.store, record)

    def _untrained(self, record: RunRecord) -> LoadedModel:
        check_not_lost(self.home, self.store, record)
        corpus = self.corpus_of(record)
        model = build_model(record.config.model, record.config.train.seed).eval()
        return LoadedModel(model, corpus.vocabulary, 0, "untrained, step 0")

    # --- corpora ----------------------------------------------------------------------------------

    def runs_on(self, corpus_name: str) -> list[RunRecord]:
        """The runs that learned from a text, the newest first; without it they cannot go on.

        It is the text that counts: another may have had this name, or this text another name.
        Raises CorpusError when there is none of that name.
        """
        fingerprint = self.library.load(corpus_name).fingerprint
        return [record for record in self.runs() if record.fingerprint == fingerprint]

    def bin_corpus(self, name: str) -> list[RunRecord]:
        """Put a text into the bin, and return the runs that learned from it.

        Raises CorpusError for the shipped text, and for one that a run is learning from now.
        """
        runs = self.runs_on(name)
        if live := [record.name for record in runs if record.status in LIVE]:
            raise CorpusError(
                f"{', '.join(live[:3])} {'is' if len(live) == 1 else 'are'} learning from {name}. "
                "Pause or finish what trains before deleting its text."
            )
        self.library.bin(name)
        return runs

    def corpus_of(self, record: RunRecord) -> Corpus:
        """The text that a run learned from, and no other. Raises CorpusError when it is gone."""
        return self.library.load_exactly(record.corpus, record.fingerprint)


def clean_name(name: str, what: str = "run") -> str:
    """A name for a run, or for `what`, with its spaces tidied. Raises RunError when it is none."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_RUN_NAME or not name.isprintable():
        raise RunError(
            f"A {what}'s name has 1 to {MAX_RUN_NAME} printable characters, not {quoted(name)}."
        )
    return name
