"""What the registry knows of a run, a second time: in the run's own folder.

    run.json         how the run stands: its row, its settings, what happened to it; written whole
    measured.jsonl   what it measured up to its last checkpoint; only ever added to

From these a registry that is lost is made anew (`core.runs.rebuilding`). Nobody waits for the disk
here: what a power cut takes is what was measured since the disk wrote by itself. Every line has a
checksum, so that a part that is damaged is left out and no wrong number is read.

Knows files and records; who writes when is `core.runs`'s.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from core.errors import CheckpointError, ConfigError
from core.records.door import checked, checked_fields, is_sound, json_in
from core.records.events import Event, fields_of, happening
from core.records.records import Estimate, HealthReading, RunRecord, RunStatus, StepRecord
from core.records.stored import stored
from core.settings.config import RunConfig
from core.storage.files import append, write_atomically

FORMAT = 1
RUN, MEASURED = "run.json", "measured.jsonl"
MAX_RUN_BYTES, MAX_LINE_BYTES = 2**24, 2**24
_ROWS_A_LINE = 1000
_SPOILED = (ValueError, TypeError, KeyError, AttributeError, IndexError, OSError, ConfigError,
            RecursionError)  # fmt: skip
"""What reading a file can raise that somebody spoiled."""


@dataclass
class Measured:
    """What a run measured, as far as it could be read."""

    steps: list[StepRecord] = field(default_factory=list)
    estimates: list[tuple[Estimate, str]] = field(default_factory=list)
    """Each with the text that the model wrote there, which is empty where it wrote none."""
    health: list[HealthReading] = field(default_factory=list)
    n_damaged: int = 0
    """Lines that had to be left out."""

    def __bool__(self) -> bool:
        return bool(self.steps or self.estimates or self.health)


class Journal:
    """The two files in the folder of one run."""

    def __init__(self, folder: Path) -> None:
        self._run, self._measured = folder / RUN, folder / MEASURED

    @property
    def is_there(self) -> bool:
        """Whether the folder says how its run stands."""
        return self._run.is_file()

    def write_run(self, record: RunRecord, events: Iterable[Event]) -> None:
        """Say how a run stands. Raises StorageError where that cannot be written."""
        row = stored(record)
        content = {
            "format": FORMAT,
            "run": row | {"config": record.config.flat()},
            "events": [
                {"iter": e.step, "kind": e.kind, "fields": fields_of(e.what), "at": e.at}
                for e in events
            ],
        }
        said = json.dumps(content)
        whole = json.dumps({"sum": _sum(said.encode())} | content, indent=1)
        write_atomically(self._run, whole.encode("utf-8"), durable=False)

    def read_run(self) -> tuple[RunRecord, list[Event]]:
        """How the run stood when it was last saved.

        Raises CheckpointError when the file is missing, damaged, or of another version.
        """
        try:
            if self._run.stat().st_size > MAX_RUN_BYTES:
                raise ValueError("it is too large")
            content = json_in(self._run.read_bytes())
            if content.pop("sum") != _sum(json.dumps(content).encode()):
                raise ValueError("wrong checksum")
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}, expected {FORMAT}")
            return _record(content["run"]), [_event(each) for each in content["events"]]
        except _SPOILED as error:
            raise CheckpointError(f"{self._run} cannot be read ({error}).") from error

    def add(self, what: Measured) -> None:
        """Write down what was measured since the last time. Raises StorageError."""
        if what:
            # A line that a killed writer left unfinished ends here.
            append(self._measured, b"\n" + b"".join(_lines(what)))

    def write_measured(self, what: Measured) -> None:
        """Write down all that was measured, in place of what is there. Raises StorageError."""
        write_atomically(self._measured, b"".join(_lines(what)), durable=False)

    def read_measured(self, until: int) -> Measured:
        """What was measured up to a step; of a step that was taken twice, what came last."""
        found = Measured()
        steps: dict[int, StepRecord] = {}
        estimates: dict[int, tuple[Estimate, str]] = {}
        health: dict[tuple[int, str], HealthReading] = {}
        for rows in self._readable_lines(found):
            steps |= {s.step: s for s in rows.steps if s.step <= until}
            estimates |= {e.step: (e, text) for e, text in rows.estimates if e.step <= until}
            health |= {(r.step, r.name): r for r in rows.health if r.step <= until}
        found.steps = [steps[step] for step in sorted(steps)]
        found.estimates = [estimates[step] for step in sorted(estimates)]
        found.health = [health[key] for key in sorted(health)]
        return found

    def _readable_lines(self, found: Measured) -> Iterator[Measured]:
        try:
            with self._measured.open("rb") as file:
                while line := file.readline(MAX_LINE_BYTES):
                    if line.strip():
                        try:
                            yield _read_line(line)
                        except _SPOILED:
                            found.n_damaged += 1
        except OSError:  # it is gone, or no file: then nothing is known
            return


# --- lines ----------------------------------------------------------------------------------------


def _lines(what: Measured) -> Iterator[bytes]:
    """Everything that was measured, a part of it in each line: checksum, space, JSON."""
    for start in range(0, max(len(what.steps), 1), _ROWS_A_LINE):
        yield _line({"steps": [_values(s) for s in what.steps[start : start + _ROWS_A_LINE]]})
    rest = {
        "estimates": [[*_values(e), text] for e, text in what.estimates],
        "health": [_values(r) for r in what.health],
    }
    if any(rest.values()):
        yield _line(rest)


def _values(record: Any) -> list[Any]:
    return list(stored(record).values())


def _line(rows: Mapping[str, Any]) -> bytes:
    said = json.dumps(rows).encode()
    return f"{_sum(said)} ".encode() + said + b"\n"


def _read_line(line: bytes) -> Measured:
    """Raises one of `_SPOILED` for a line that is damaged."""
    given, _, said = line.rstrip(b"\n").partition(b" ")
    if given.decode() != _sum(said):
        raise ValueError("wrong checksum")
    rows = json_in(said)
    return Measured(
        steps=[_made(StepRecord, row) for row in rows.get("steps", ())],
        estimates=[
            (_made(Estimate, row[:-1]), str(checked("str", row[-1])))
            for row in rows.get("estimates", ())
        ],
        health=[_made(HealthReading, row) for row in rows.get("health", ())],
    )


def _made(kind: type, values: Sequence[Any]) -> Any:
    """A record of its values in order, each checked."""
    names = [f.name for f in fields(kind)]
    record = kind(**dict(zip(names, values, strict=True)))
    if not is_sound(record):
        raise ValueError("a number that cannot be")
    return record


def _sum(content: bytes) -> str:
    return f"{zlib.crc32(content):08x}"


# --- run.json -------------------------------------------------------------------------------------


def _record(row: Mapping[str, Any]) -> RunRecord:
    config = RunConfig.from_flat(row["config"])
    values = checked_fields(RunRecord, row, leave_out=("config",))
    if values["status"] not in get_args(RunStatus) or values["model"] != config.model.model:
        raise ValueError("a state that no run can be in")
    return RunRecord(config=config, **values)


def _event(row: Mapping[str, Any]) -> Event:
    what = happening(checked("str", row["kind"]), row["fields"])
    return Event(checked("int", row["iter"]), what, checked("float", row["at"], "at"))
