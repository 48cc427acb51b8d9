"""The registry of a lab home, opened; and made anew from the folders of the runs where it is gone.

A registry that is missing, empty, cut short or damaged is no loss: each run's folder says how it
stands and what it measured up to its last checkpoint (`core.storage.journal`), and where a folder
of an older version does not, its checkpoints still say what the run is. A damaged file is never
deleted but kept beside, under another name. A row that cannot be read costs one run its row, and is
made anew the same way.

What was done is said in sentences, for whoever opened the lab.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.errors import CheckpointError, LabError, RegistryDamaged, RunError
from core.library.texts import CorpusLibrary
from core.models import count_params
from core.records.door import checked_fields, json_in
from core.records.events import Event
from core.records.records import RunRecord, SweepRecord
from core.registry import Store
from core.runs.keeping import keep_all_of, keep_sweep
from core.settings.config import RunConfig
from core.storage.checkpoint import CheckpointFolder
from core.storage.files import sweep_left_overs
from core.storage.home import LabHome
from core.storage.journal import Journal, Measured
from core.storage.locks import is_held
from core.storage.names import numbered
from core.storage.snapshots import SnapshotFolder
from core.storage.trouble import in_words
from core.storage.unfinished import finish_off, is_left_unfinished, is_unfinished, remove_folder

_RUN_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_MAX_SWEEP_BYTES = 2**24
_PATIENCE_S = 60.0
_LONGEST_NAME = 60
"""As `core.runs.lab` has it, which stands above."""
_suspected: set[Path] = set()
"""Registries in which this process came upon damage."""


@dataclass(frozen=True)
class Opened:
    """A registry, and what is to be said of it."""

    store: Store
    notes: tuple[str, ...]


def open_registry(home: LabHome) -> Opened:
    """The registry of a lab home, whole. Raises RunError for one of another version."""
    if not home.is_writable:
        if not home.database.exists():
            home.check_writable()
        said = f"{home.path} is read-only for you: it can be looked at, and nothing can be changed."
        return Opened(Store(home.database, read_only=True), (said,))
    try:
        return _opened(home, [])
    except RegistryDamaged:
        suspect(home)
        return _opened(home, _set_aside(home))


def _opened(home: LabHome, notes: list[str]) -> Opened:
    """The registry with all runs that have folders. Raises RegistryDamaged."""
    store = _sound(home.database)
    notes = [*notes, *_bring_in(home, store)]
    _keep_what_is_not(home, store)
    for folder in (home.path, home.corpora, home.sweeps):
        sweep_left_overs(folder)
    return Opened(store, tuple(notes))


def suspect(home: LabHome) -> None:
    """Damage has been found in the registry: whoever opens it next looks at all of it."""
    _suspected.add(home.database)


def _sound(path: Path) -> Store:
    """The registry as it is. Raises RegistryDamaged where damage is seen at once, or suspected."""
    _check_length(path)
    store = Store(path)
    if path in _suspected:
        store.check()
        _suspected.discard(path)
    store.ids()
    return store


def _check_length(path: Path) -> None:
    """Raise RegistryDamaged for a file that is shorter than its header says, and has no log.

    Source of the places: https://www.sqlite.org/fileformat2.html, section 1.3.
    """
    log = path.with_name(f"{path.name}-wal")
    try:
        size, has_log = path.stat().st_size, log.exists() and log.stat().st_size > 0
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return
    if len(header) < 100 or has_log:
        return
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    if size < page_bytes * int.from_bytes(header[28:32], "big"):
        raise RegistryDamaged(f"The registry {path} is cut short.")


def _set_aside(home: LabHome) -> list[str]:
    """Keep a damaged registry under another name, and say so; another process may have done it."""
    lock = FileLock(home.path / "rebuilding.lock")
    try:
        with in_words(home.path):
            lock.acquire(timeout=_PATIENCE_S)
    except Timeout:
        raise RegistryDamaged(f"Another process is making {home.database} anew.") from None
    try:
        with suppress(RegistryDamaged):
            _sound(home.database).unreadable_runs()
            return []
        moment = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03d}"
        kept = home.path / f"lab.damaged-{moment}.sqlite"
        with in_words(home.database):
            for end in ("", "-wal", "-shm"):
                path = home.database.with_name(home.database.name + end)
                if path.exists():
                    path.replace(kept.with_name(kept.name + end))
        _suspected.discard(home.database)
        return [f"The registry was damaged; what there was is kept as {kept.name}."]
    finally:
        lock.release()


# --- runs -----------------------------------------------------------------------------------------


def _bring_in(home: LabHome, store: Store) -> list[str]:
    """Enter the runs that have folders and no row that can be read. Returns what was done."""
    known, bad = store.ids(), set(store.unreadable_runs())
    _bring_in_sweeps(home, store)
    found, without_curve, notes = [], [], []
    for folder in sorted(_folders(home)):
        sweep_left_overs(folder)
        if is_unfinished(folder) and _is_none(folder, store):
            continue
        if folder.name in known - bad:
            continue
        record, events, measured = _said_by(home, folder, with_checkpoints=not known)
        if record is None:
            if not known and SnapshotFolder(folder).steps():
                notes.append(
                    f"The folder {folder} has snapshots and nothing that says of which run; it is "
                    "left as it is."
                )
            continue
        if folder.name in bad:
            store.delete_run(folder.name)
            notes.append(f"The row of run {record.name} could not be read, and was made anew.")
        with suppress(RunError):  # another process was first
            _enter(store, record, events, measured)
            if folder.name not in bad:
                found.append(record.name)
                without_curve += [record.name] * (not measured and record.step > 0)
    for run_id in sorted(bad & set(store.unreadable_runs())) if bad else ():
        notes.append(f"The row of run {run_id} cannot be read, so it is left out.")
    return notes + ([_said_of(found, without_curve)] if found else [])


def _is_none(folder: Path, store: Store) -> bool:
    """Whether a folder that is half made or half gone is of no run; what is left of it is removed.

    A run that has steps or is finished, and is not in the bin, stays one.
    """
    if not is_left_unfinished(folder):
        return True
    with suppress(RunError):
        run = store.run(folder.name)
        if run.step > 0 or run.status == "finished":
            finish_off(folder)
            return False
    store.delete_run(folder.name)
    remove_folder(folder)
    return True


def _said_of(found: list[str], without_curve: list[str]) -> str:
    runs = "1 run was" if len(found) == 1 else f"{len(found)} runs were"
    said = f"{runs} found in their folders and entered into the registry."
    if without_curve and len(without_curve) <= 3:
        said += f" Without a curve, which was not kept: {', '.join(without_curve)}."
    elif without_curve:
        said += f" {len(without_curve)} of them are without a curve, which was not kept."
    return said


def _folders(home: LabHome) -> list[Path]:
    with suppress(OSError):
        return [p for p in home.runs.iterdir() if _RUN_ID.fullmatch(p.name) and p.is_dir()]
    return []


def _said_by(
    home: LabHome, folder: Path, *, with_checkpoints: bool
) -> tuple[RunRecord | None, list[Event], Measured]:
    """What a folder says of its run: its row, what happened to it, and what it measured."""
    journal = Journal(folder)
    try:
        record, events = journal.read_run()
        if record.id == folder.name:
            measured = journal.read_measured(record.step)
            return _as_far_as_known(record, measured), events, measured
    except CheckpointError:
        # A folder that somebody holds and that says nothing yet is only being made.
        if not journal.is_there and (not with_checkpoints or is_held(home, folder.name)):
            return None, [], Measured()
    found = _of_checkpoint(home, folder)
    return found, [], journal.read_measured(found.step) if found else Measured()


def _as_far_as_known(record: RunRecord, measured: Measured) -> RunRecord:
    """A run that was killed between two saves is as far as the last of them."""
    if not measured.steps:
        return record
    reached = max(record.checkpoint_step, measured.steps[-1].step)
    return replace(record, step=min(record.step, reached))


def _of_checkpoint(home: LabHome, folder: Path) -> RunRecord | None:
    """The run that the newest checkpoint of a folder is of; its name is gone. None without one."""
    kept = CheckpointFolder(folder)
    newest, _ = kept.newest_readable()
    if newest is None:
        return None
    try:
        config: RunConfig = newest.run_config
        text = CorpusLibrary(home).name_of(newest.fingerprint, "") or "unknown"
        done = newest.step >= config.train.max_iters
        return RunRecord(
            id=folder.name, name=f"found-{folder.name}", model=config.model.model, corpus=text,
            fingerprint=newest.fingerprint, config=config,
            status="finished" if done else "interrupted", step=newest.step,
            n_params=count_params(config.model), train_loss_nats=None, val_loss_nats=None,
            best_val_loss_nats=None, best_step=newest.best_step,
            train_s=float(newest.trainer["elapsed_s"]), steps_per_s=0.0,
            checkpoint_step=newest.step, checkpoint_interval_s=5.0, message="", parent=None,
            parent_step=None, created_at=kept.path(newest.step).stat().st_mtime,
        )  # fmt: skip
    except (LabError, OSError, KeyError, TypeError, ValueError):
        return None


def _enter(store: Store, record: RunRecord, events: list[Event], measured: Measured) -> None:
    """Enter a run under its name, or where another has it now, that with a number."""
    name, taken = record.name, store.names()
    if record.deleted_at is None:
        name = numbered(name, taken.__contains__, _LONGEST_NAME)
    store.enter_run(
        replace(record, name=name), measured.steps, measured.estimates, measured.health, events
    )


def _keep_what_is_not(home: LabHome, store: Store) -> None:
    """Give runs of older versions, whose folders do not say how they stand, what says so."""
    without = {i for i in store.ids() if not Journal(home.run_folder(i)).is_there}
    for record in [*store.runs(), *store.runs(deleted=True)] if without else []:
        if record.id in without and not is_held(home, record.id):
            keep_all_of(home, store, record)
    for sweep in store.sweeps():
        if not (home.sweeps / f"{sweep.id}.json").exists():
            keep_sweep(home, store, sweep.id)


# --- sweeps ---------------------------------------------------------------------------------------


def _bring_in_sweeps(home: LabHome, store: Store) -> None:
    known = {sweep.id for sweep in store.sweeps()}
    with suppress(OSError):
        for path in sorted(home.sweeps.glob("*.json")):
            if path.stem not in known and path.stat().st_size <= _MAX_SWEEP_BYTES:
                with suppress(ValueError, TypeError, KeyError, RunError):
                    store.enter_sweep(_sweep_in(json_in(path.read_bytes())))


def _sweep_in(said: dict[str, Any]) -> SweepRecord:
    """The sweep that a file says. Raises ValueError, TypeError or KeyError where it is none."""
    if not isinstance(said["spec"], dict):
        raise ValueError("what a sweep is made of has names")
    return SweepRecord(spec=said["spec"], **checked_fields(SweepRecord, said, leave_out=("spec",)))
