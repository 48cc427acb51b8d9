"""A lab home of the version before events had fields opens, and everything in it reads the same.

`home_v2.sql` is the registry of a home that the last code of that version made: settings changed in
mid-run, branches, resumes on other threads and from damaged checkpoints, races, a model imported
and run files opened, a sweep, a run in the bin.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from core.records.event_words import detail_of
from core.records.events import (
    Branched,
    Changed,
    Diverged,
    Elsewhere,
    EndMoved,
    Failed,
    Finished,
    Happening,
    Machine,
    ModelImported,
    PlainText,
    Race,
    Resumed,
    RunFileOpened,
)
from core.records.records import Change, RunRecord, broke_at
from core.registry.schema import SCHEMA_VERSION
from core.runs.lab import Lab
from core.runs.machine import machines_since
from core.service.racing import newest_race

OLD = (Path(__file__).parent / "home_v2.sql").read_text("utf-8")
ONE, TWO = Machine("cpu", "float32", 1), Machine("cpu", "float32", 2)
DAMAGED = "The checkpoint checkpoint-000000030.pt cannot be read: the file is damaged or cut short."


def registry_of(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(home / "lab.sqlite")


@pytest.fixture
def old_home(home: Path) -> Path:
    home.mkdir()
    db = registry_of(home)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(OLD)
    db.close()
    return home


@pytest.fixture
def opened(old_home: Path) -> Lab:
    return Lab(old_home)


def every_run(lab: Lab) -> list[RunRecord]:
    return [*lab.store.runs(), *lab.store.runs(deleted=True)]


def happened(lab: Lab, name: str) -> list[tuple[int, Happening]]:
    return [(event.step, event.what) for event in lab.store.events(lab.run(name).id)]


def test_every_event_is_understood_and_said_as_before(old_home: Path) -> None:
    db = registry_of(old_home)
    before = db.execute(
        "SELECT run_id, iter, kind, detail, at FROM events ORDER BY run_id, at, rowid"
    ).fetchall()
    db.close()
    lab = Lab(old_home)
    after = [
        (run_id, event.step, event.kind, detail_of(event.what), event.at)
        for run_id in sorted(run.id for run in every_run(lab))
        for event in lab.store.events(run_id)
    ]
    assert after == before and len(before) == 68
    events = [event for run in every_run(lab) for event in lab.store.events(run.id)]
    assert not [event for event in events if isinstance(event.what, PlainText)]


def test_what_happened_has_its_fields(opened: Lab) -> None:
    assert happened(opened, "owl") == [
        (0, ONE),
        (10, Changed({"learning_rate": (0.01, 0.003)})),
        (15, Resumed(0, Elsewhere(now=TWO, before=ONE))),
        (15, EndMoved(40, 60)),
        (15, Changed({"learning_rate": (0.003, 0.002)})),
        (15, TWO),
        (30, Finished()),
    ]
    assert happened(opened, "hen")[2] == (12, Branched("owl", without_later_changes=True))
    assert happened(opened, "ant")[1] == (15, Resumed(3, Elsewhere(now=TWO, before=ONE)))
    assert happened(opened, "bat")[2] == (15, Resumed(15, damaged=(DAMAGED,)))
    (_, diverged), (_, failed) = happened(opened, "elk")[1:]
    assert diverged == Diverged() and isinstance(failed, Failed)
    assert failed.message.startswith("At step 8 the loss was nan")
    assert happened(opened, "gnu") == [(40, ModelImported("model.safetensors"))]
    assert happened(opened, "hen-2")[-1] == (60, RunFileOpened("hen.run.zip"))
    assert happened(opened, "rates 0.02x2") == [(0, Failed("The disk is full."))]
    cow = opened.store.run("cow", deleted=True)
    assert opened.store.events(cow.id)[1].what == Resumed(8, from_start=True)


def test_changes_branches_and_divergence_are_what_they_were(opened: Lab) -> None:
    store, owl = opened.store, opened.run("owl")
    changes = [
        Change(10, {"learning_rate": (0.01, 0.003)}),
        Change(15, {"learning_rate": (0.003, 0.002)}),
    ]
    assert store.changes(owl.id) == store.all_changes()[owl.id] == changes
    assert {opened.store.run(run_id).name for run_id in store.all_changes()} == {
        "owl", "hen", "yak", "hen-2",
    }  # fmt: skip
    hen, yak = opened.run("hen"), opened.run("yak")
    assert (hen.parent, hen.parent_step) == (owl.id, 12)
    assert (yak.parent, yak.parent_step, store.changes(yak.id)) == (owl.id, 25, changes)
    elk = opened.run("elk")
    assert broke_at(elk, store.events(elk.id)) == 8


def test_machines_are_what_they_were(opened: Lab) -> None:
    events = opened.store.events(opened.run("owl").id)
    assert [machines_since(events, step) for step in (0, 14, 15)] == [[ONE, TWO]] * 2 + [[TWO]]


def test_races_are_what_they_were(opened: Lab) -> None:
    found = newest_race(opened)
    assert found
    race, runs = found
    assert race == Race("54eecf02", "steps", 20)
    assert {kind: run.name for kind, run in runs.items()} == {
        "bigram": "quick-cleopatra", "attention": "wary-ariel", "transformer": "proud-hermia",
    }  # fmt: skip
    assert [each.id for _, each in opened.store.races()] == ["54eecf02"] * 3 + ["0e2eb31a"] * 3


def test_runs_and_measurements_are_what_they_were(old_home: Path) -> None:
    db = registry_of(old_home)
    tables = ("runs", "steps", "estimates", "sweeps")
    before = [db.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    Lab(old_home)
    for table in (0, 1):  # nobody noted the time waited
        before[table] = [(*row, None) for row in before[table]]
    assert [db.execute(f"SELECT * FROM {table}").fetchall() for table in tables] == before
    db.close()


def test_a_second_open_changes_nothing(opened: Lab, old_home: Path) -> None:
    db = registry_of(old_home)
    first = list(db.iterdump())
    changes = db.execute("PRAGMA data_version").fetchone()
    Lab(old_home)
    assert list(db.iterdump()) == first
    assert db.execute("PRAGMA data_version").fetchone() == changes
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()


MADE_UP = [
    ("changed", "?"),
    ("machine", "an abacus"),
    ("resumed", "made up"),
    ("resumed", "It goes on with 1 thread instead of 7 threads, so"),
    ("max_iters", "more"),
    ("branched", "off"),
    ("race", "faster"),
    ("finished", "at last"),
    ("imported", ""),
    ("opened", "this"),
    ("telepathy", "so it said"),
]


@pytest.mark.parametrize(("kind", "detail"), MADE_UP)
def test_what_cannot_be_understood_stays_as_it_was(old_home: Path, kind: str, detail: str) -> None:
    db = registry_of(old_home)
    (owl,) = db.execute("SELECT id FROM runs WHERE name = 'owl'").fetchone()
    db.execute("INSERT INTO events VALUES (?, 30, ?, ?, 9e9)", (owl, kind, detail))
    db.commit()
    db.close()
    lab = Lab(old_home)
    last = lab.store.events(owl)[-1]
    assert (last.kind, last.what, detail_of(last.what)) == (kind, PlainText(kind, detail), detail)
    assert len(lab.store.changes(owl)) == 2
    found = newest_race(lab)
    assert found and found[0].id == "54eecf02"
    assert machines_since(lab.store.events(owl), 15) == [TWO]


def test_fields_are_stored_as_json(opened: Lab, old_home: Path) -> None:
    db = registry_of(old_home)
    rows = db.execute("SELECT fields FROM events WHERE kind = 'race'").fetchall()
    db.close()
    assert json.loads(rows[-1][0]) == {"id": "54eecf02", "by": "steps", "budget": 20}
