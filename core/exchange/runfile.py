"""What is in a run file: one zip that holds a whole run, and that is safe to read.

    manifest.json           format, the run's row in the registry, its settings
    steps.jsonl, estimates.jsonl, health.jsonl, events.jsonl      what it measured, a line for each
    corpus.txt              the text that it learned from, if the lab still had it
    checkpoint-*.pt, snapshot-*.pt                                its saved states, as they are

Reads and writes the members and says what may be one. Knows no registry and no lab home: those are
`core.exchange.archive`'s. A member goes by its name alone, so none can land in another folder;
sizes are bounded before anything is unpacked; every value is checked for its type.
"""

from __future__ import annotations

import json
import lzma
import pickle
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, get_args

from core.errors import CheckpointError, ExchangeError, LabError
from core.experiments.race import check_budget
from core.library.intake import MAX_TEXT_BYTES
from core.library.texts import check_name
from core.models import count_params
from core.records.course import Course
from core.records.door import checked, checked_fields, json_in
from core.records.event_words import detail_of
from core.records.events import KINDS, Event, Happening, PlainText, Race, fields_of, happening
from core.records.records import Estimate, HealthReading, RunRecord, RunStatus, StepRecord
from core.records.stored import stored
from core.registry import changes_among, happenings
from core.settings.config import FORMER_BLOCK, RunConfig
from core.text.corpus import fingerprint_of

FORMAT = 1
MAX_RUN_FILE_BYTES = 2 * 2**30
"""All that a run file may hold, unpacked."""
MAX_TABLE_BYTES = 2**28
"""And each of its tables, which are read into memory."""
MANIFEST = "manifest.json"
CORPUS = "corpus.txt"
STATE = re.compile(r"(checkpoint|snapshot)-([0-9]{9})\.pt")
_TABLES = ("steps.jsonl", "estimates.jsonl", "health.jsonl", "events.jsonl")
_WHAT = "a run of the lab; `python -m core import FILE` opens it"
_LOCAL = ("config", "sweep", "deleted_at")
"""Columns that are not in the manifest's row: elsewhere in it, or the business of one lab."""
_MEMBERS_AT_MOST = 100_000
_WRONG = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, pickle.UnpicklingError, CheckpointError,
    EOFError, KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError,
    RuntimeError,
)  # fmt: skip
"""What reading a file can raise that is damaged, foreign or made up."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """All of a run but its saved states."""

    record: RunRecord
    steps: list[StepRecord]
    estimates: list[tuple[Estimate, str]]
    """Each with the text that the model wrote at that step."""
    health: list[HealthReading]
    events: list[Event]
    text: str | None
    """The corpus; None where the lab had it no more."""


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Whatever may be wrong with a file becomes one line that names it."""
    try:
        yield
    except OSError as error:  # a full disk, for one
        raise ExchangeError(f"{what} cannot be opened ({error.strerror or error}).") from error
    except _WRONG as error:
        raise ExchangeError(
            f"{what} is not a whole run file of this lab: it is damaged, cut short, or of another "
            "program. Pack the run again with `python -m core export RUN --format run --out DIR`."
        ) from error


# --- writing --------------------------------------------------------------------------------------


def write_content(archive: zipfile.ZipFile, content: Content) -> None:
    """Put everything but the saved states into a run file."""
    record = content.record
    row = {name: value for name, value in stored(record).items() if name not in _LOCAL}
    manifest = {"what": _WHAT, "format": FORMAT, "run": row, "config": record.config.flat()}
    _write(archive, MANIFEST, json.dumps(manifest, indent=1).encode())
    tables: dict[str, Iterable[dict[str, Any]]] = {
        "steps.jsonl": map(stored, content.steps),
        "estimates.jsonl": (stored(e) | {"sample": sample} for e, sample in content.estimates),
        "health.jsonl": map(stored, content.health),
        "events.jsonl": map(_event_row, content.events),
    }
    for name, rows in tables.items():
        _write(archive, name, "".join(json.dumps(row) + "\n" for row in rows).encode())
    if content.text is not None:
        _write(archive, CORPUS, content.text.encode("utf-8"))


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a member, of the oldest date there is: a clock may say one that no archive can hold."""
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


# --- reading --------------------------------------------------------------------------------------


def check_members(archive: zipfile.ZipFile, what: str) -> None:
    """Raise ExchangeError, or one of those of `refusing`, unless the members may be a run's."""
    members = archive.infolist()
    sizes = {member.filename: member.file_size for member in members}
    strange = [n for n in sizes if n not in (MANIFEST, CORPUS, *_TABLES) and not STATE.fullmatch(n)]
    if MANIFEST not in sizes:  # what is cut short can still look like a zip: a state is one too
        raise zipfile.BadZipFile(f"there is no {MANIFEST}")
    if strange:
        raise ExchangeError(f"{what} is not a run file of this lab: it holds {strange[0]!r}.")
    if len(members) != len(sizes) or len(sizes) > _MEMBERS_AT_MOST:
        raise ExchangeError(f"{what} is not a run file of this lab: a file in it is there twice.")
    total = sum(sizes.values())
    if total > MAX_RUN_FILE_BYTES:
        raise ExchangeError(
            f"{what} would take {total / 2**30:.1f} GiB unpacked; a run file may take "
            f"{MAX_RUN_FILE_BYTES / 2**30:.0f}."
        )
    at_most = dict.fromkeys((MANIFEST, *_TABLES), MAX_TABLE_BYTES) | {CORPUS: MAX_TEXT_BYTES}
    if large := [name for name, limit in at_most.items() if sizes.get(name, 0) > limit]:
        raise ExchangeError(f"{what} cannot be opened: {large[0]} in it is too large.")


def read_content(archive: zipfile.ZipFile, what: str) -> Content:
    """All but the saved states, checked. Raises ExchangeError, or one of those of `refusing`."""
    manifest = json_in(archive.read(MANIFEST))
    if manifest["format"] != FORMAT:
        came = repr(manifest["format"])[:20]
        raise ExchangeError(
            f"{what} was written by another version of the lab (format {came}, expected {FORMAT})."
        )
    try:
        record = _record(manifest)
        events = _events(list(_rows(archive, "events.jsonl")))
        changes = changes_among(events)
        course = Course(record.config, changes)
        for step in (0, *(change.step for change in changes)):
            course.at(step)
    except LabError as error:
        raise ExchangeError(f"{what} holds a run that cannot be: {error}") from error
    text = archive.read(CORPUS).decode("utf-8") if CORPUS in archive.namelist() else None
    if text is not None and fingerprint_of(text) != record.fingerprint:
        raise ExchangeError(f"{what} holds another text than the one that the run learned from.")
    steps = [StepRecord(**checked_fields(StepRecord, row)) for row in _rows(archive, "steps.jsonl")]
    estimates = [
        (Estimate(**checked_fields(Estimate, row)), str(checked("str", row["sample"])))
        for row in _rows(archive, "estimates.jsonl")
    ]
    known = [*(step.step for step in steps), *(e.step for e, _ in estimates)]
    if max(known, default=0) > record.step:
        raise ValueError("losses of steps that the run never took")
    return Content(
        record=record,
        steps=steps,
        estimates=estimates,
        health=[
            HealthReading(**checked_fields(HealthReading, r))
            for r in _rows(archive, "health.jsonl")
        ],
        events=events,
        text=text,
    )


def _record(manifest: Mapping[str, Any]) -> RunRecord:
    """The run's row; how many parameters it has, and which model it is, follow from its settings.

    Raises LabError for settings, or a name of a corpus, that cannot be.
    """
    config = RunConfig.from_flat(manifest["config"])
    if manifest["config"].items() - config.flat().items() - {("block", FORMER_BLOCK)}:
        raise ValueError("settings that this version does not have")
    n_params = count_params(config.model)
    if 4 * n_params > MAX_RUN_FILE_BYTES:
        raise ValueError("a model that no run file could hold")
    given = dict(manifest["run"]) | {"model": config.model.model, "n_params": n_params}
    values = checked_fields(RunRecord, given, leave_out=_LOCAL)
    step = values["step"]
    if (
        values["status"] not in get_args(RunStatus)
        or step > config.train.max_iters
        or values["best_step"] > step
    ):
        raise ValueError("a state that no run can be in")
    check_name(values["corpus"])
    values["message"] = values["message"][:_LONGEST_MESSAGE]
    return RunRecord(config=config, **values)


def _event_row(event: Event) -> dict[str, Any]:
    """A line of the table. Older versions of the lab read `detail`, and pass over `fields`."""
    said = {"iter": event.step, "kind": event.kind, "detail": detail_of(event.what)}
    return said | {"at": event.at, "fields": fields_of(event.what)}


def _events(rows: Sequence[Mapping[str, Any]]) -> list[Event]:
    """What happened to the run. Raises ConfigError for a race that cannot be."""
    given = [
        {name: checked(kind, row[name], name) for name, kind in _EVENT.items()} for row in rows
    ]
    old = happenings((row["kind"], row["detail"]) for row in given)
    events = []
    for row, said, as_said in zip(rows, given, old):
        what: Happening = as_said
        if "fields" in row and said["kind"] in KINDS:
            what = happening(said["kind"], row["fields"])
        if isinstance(what, PlainText) and what.kind in ("changed", "race"):
            raise ValueError("a change, or a race, that nobody understands")
        if isinstance(what, Race):
            check_budget(what.by, what.budget)
        events.append(Event(said["iter"], what, said["at"]))
    return events


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[Any]:
    """A table line by line, so that its text and its rows are not in memory together."""
    with archive.open(name) as lines:
        for line in lines:
            yield json_in(line)


_LONGEST_MESSAGE = 1_000
"""Characters of why a run ended: the lab itself writes a sentence or two."""
_EVENT = {"iter": "int", "kind": "str", "detail": "str", "at": "float"}
