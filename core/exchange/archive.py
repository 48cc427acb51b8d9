"""A whole run as one file, to be opened in another lab: `NAME.run.zip`.

Joins the registry, the lab home and the texts to `core.exchange.runfile`, which says what is in the
file. Half a run is none: what cannot be opened leaves nothing behind.
"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

from core.errors import CheckpointError, CorpusError, ExchangeError
from core.exchange.formats.weights import check_file
from core.exchange.runfile import (
    MANIFEST,
    MAX_RUN_FILE_BYTES,
    STATE,
    Content,
    check_members,
    read_content,
    refusing,
    write_content,
)
from core.models import weight_shapes
from core.records.door import now_at
from core.records.events import Event, RunFileOpened
from core.records.records import HealthReading, RunRecord
from core.runs.keeping import keep_all_of
from core.runs.lab import Lab, clean_name
from core.storage.checkpoint import Checkpoint, CheckpointFolder, Snapshot, read_saved
from core.storage.files import open_atomically
from core.storage.names import as_text, new_run_id, plain_file_name
from core.storage.snapshots import SnapshotFolder
from core.storage.unfinished import remove_folder, unfinished

ENDING = ".run.zip"
Tell = Callable[[str], object]


# --- out ------------------------------------------------------------------------------------------


def file_name(record: RunRecord) -> str:
    """What the file of a run is called, on every system."""
    return (plain_file_name(record.name) or record.id) + ENDING


def pack_run(lab: Lab, record: RunRecord, folder: Path, tell: Tell = lambda damage: None) -> Path:
    """Write a run, with all it measured and saved and its text, into one file in a folder.

    A run that trains meanwhile goes in as it stands, to be resumed from its last checkpoint.
    Raises ExchangeError when it is too large, OSError when the folder cannot be written to.

    Args:
        tell: is told in a sentence which states are damaged, and so not in the file.
    """
    path = folder / file_name(record)
    with open_atomically(path) as file:
        _pack(lab, record, file, tell)
    return path


def packed(lab: Lab, record: RunRecord) -> bytes:
    """The content of the file that `pack_run` would write."""
    buffer = io.BytesIO()
    _pack(lab, record, buffer, lambda damage: None)
    return buffer.getvalue()


def _pack(lab: Lab, record: RunRecord, file: IO[bytes], tell: Tell) -> None:
    folder = lab.home.run_folder(record.id)
    checkpoints, snapshots = CheckpointFolder(folder), SnapshotFolder(folder)
    # The newest first, since those before it may be thinned out meanwhile; and all of them before
    # the rows, which then reach at least as far.
    states = [checkpoints.path(step) for step in reversed(checkpoints.steps())]
    states += [snapshots.path(step) for step in reversed(snapshots.steps())]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        damaged: list[str] = []
        saved = [path.name for path in states if _add_state(archive, path, record, damaged)]
        newest = max((int(m[2]) for name in saved if (m := _checkpoint(name))), default=0)
        if damaged:
            tell(_damage_text(damaged, newest))
        write_content(archive, _content_of(lab, record, newest))
        total = sum(member.file_size for member in archive.infolist())
    if total > MAX_RUN_FILE_BYTES:
        raise ExchangeError(
            f"Run {record.name} takes {total / 2**30:.1f} GiB, and a run file may hold "
            f"{MAX_RUN_FILE_BYTES / 2**30:.0f}. `python -m core runs clean` makes it smaller."
        )


def _add_state(archive: zipfile.ZipFile, path: Path, record: RunRecord, damaged: list[str]) -> bool:
    """Add a saved state, unless it is gone or damaged. Numbers hardly get smaller by packing."""
    try:
        read_saved(path, Checkpoint if _checkpoint(path.name) else Snapshot, record)
        archive.write(path, path.name, zipfile.ZIP_STORED)
    except FileNotFoundError:  # thinned out meanwhile
        return False
    except CheckpointError:
        if path.exists():
            damaged.append(path.name)
        return False
    return True


def _damage_text(damaged: list[str], newest: int) -> str:
    """What is not in the file of a run, and what becomes of it without."""
    first, *others = damaged
    more = f" and {len(others)} more are" if others else " is"
    said = f"{first}{more} damaged, or of another run or step, and so not in the file"
    return f"{said}." if newest else f"{said}, which opens elsewhere for its curve alone."


def _checkpoint(name: str) -> re.Match[str] | None:
    match = STATE.fullmatch(name)
    return match if match and match[1] == "checkpoint" else None


def _content_of(lab: Lab, record: RunRecord, checkpoint_step: int) -> Content:
    record = lab.run(record.id)
    store, until = lab.store, record.step  # what comes later belongs to a later record
    samples = {sample.step: sample.text for sample in store.samples(record.id)}
    try:
        text = lab.corpus_of(record).text
    except CorpusError:  # then it can be looked at elsewhere, and resumed where its text is
        text = None
    ended = record.status in ("finished", "failed")
    return Content(
        record=replace(
            record,
            status=record.status if ended else "interrupted",
            # Where none could be packed, what the run had still says that it is not to begin anew.
            checkpoint_step=checkpoint_step or record.checkpoint_step,
        ),
        steps=[step for step in store.steps(record.id) if step.step <= until],
        estimates=[
            (e, samples.get(e.step, "")) for e in store.estimates(record.id) if e.step <= until
        ],
        health=[
            HealthReading(step, name, value)
            for name, series in store.health(record.id).items()
            for step, value in series
        ],
        events=store.events(record.id),
        text=text,
    )


# --- in -------------------------------------------------------------------------------------------


def is_run_file(path: Path) -> bool:
    """Whether a file is the lab's own, by its name or by what is in it.

    Raises ExchangeError where there is no such file, or it is none that can be read.
    """
    check_file(path)
    if path.name.endswith(ENDING):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def open_run_file(lab: Lab, path: Path, name: str | None = None) -> RunRecord:
    """Make a run of a file that `pack_run` wrote; see `open_run`."""
    check_file(path)
    with refusing(path.name), path.open("rb") as file:
        return open_run(lab, file, as_text(path.name), name)


def open_run(lab: Lab, file: IO[bytes], what: str, name: str | None = None) -> RunRecord:
    """Make a run of a run file's content. It equals the one that was packed, and can go on.

    It gets an id of its own, and its name, or that with a number, unless `name` names it. Its text
    is added where the lab does not have it.

    Args:
        what: how the file is called in messages and in the run's events.

    Raises ExchangeError for a file that is damaged, foreign or too large, RunError for a name that
    is taken or no name. Nothing is then left behind.
    """
    with refusing(what), zipfile.ZipFile(file) as archive:
        check_members(archive, what)
        content = read_content(archive, what)
        name = lab.free_name(content.record.name) if name is None else clean_name(name)
        record = replace(content.record, id=new_run_id(), name=name)
        folder = lab.home.run_folder(record.id)
        try:
            with unfinished(folder):
                _unpack_states(archive, folder, record)
                _enter(lab, record, content, what)
        except BaseException:  # Ctrl-C too: half an import is none
            remove_folder(folder)
            raise
    return lab.run(record.id)


def _enter(lab: Lab, record: RunRecord, content: Content, what: str) -> None:
    """Enter a run whose states are in its folder, with its text where the lab has not got it."""
    corpus, added = lab.library.name_of(record.fingerprint, record.corpus), None
    try:
        if corpus is None and content.text is not None:
            corpus = added = lab.library.add_exactly(record.corpus, content.text)
        opened = Event(record.step, RunFileOpened(what), now_at())
        record = replace(record, corpus=corpus or record.corpus, created_at=opened.at)
        lab.store.enter_run(
            record, content.steps, content.estimates, content.health, [*content.events, opened]
        )
        keep_all_of(lab.home, lab.store, record)
    except BaseException:
        lab.store.delete_run(record.id)
        if added:
            lab.library.path(added).unlink(missing_ok=True)
        raise


def _unpack_states(archive: zipfile.ZipFile, folder: Path, record: RunRecord) -> None:
    """Write the saved states into the run's folder, each checked before the next."""
    for member in archive.infolist():
        if match := STATE.fullmatch(member.filename):
            path = folder / member.filename
            with archive.open(member) as source, open_atomically(path) as target:
                shutil.copyfileobj(source, target)
            _check_state(path, match[1], record)


def _check_state(path: Path, kind: str, record: RunRecord) -> None:
    """Raise CheckpointError, or one of those of `refusing`, unless the state is of this run."""
    state = read_saved(path, Checkpoint if kind == "checkpoint" else Snapshot, record)
    weights = state.trainer["model"] if isinstance(state, Checkpoint) else state.weights
    model = record.config.model
    if not (
        len(state.vocabulary) == model.vocab_size
        and {name: weight.shape for name, weight in weights.items()} == weight_shapes(model)
    ):
        raise CheckpointError(f"The {kind} {path.name} is not of this run.")
