"""A registry that is lost or spoiled is made anew from the folders of the runs, and says so."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import RegistryDamaged
from core.experiments.grid import Axis
from core.experiments.sweep import enter_sweep, load_sweep, sweep_cells
from core.records.records import RunRecord
from core.registry import Store
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.runs.rebuilding import suspect
from core.storage.journal import MEASURED, RUN
from core.storage.unfinished import is_unfinished, unfinished
from core.text.corpus import Corpus
from tests.helpers import (
    CommandLine,
    filled,
    killed_run,
    small_config,
    train,
    trained,
    what_it_measured,
)


def three_runs(lab: Lab) -> dict[str, str]:
    """A finished run, one that was killed, one in the bin: names to ids."""
    lab.library.add("tiny", TEXT.encode(), "tiny")
    corpus = lab.library.load("tiny")
    ids = {"owl": trained(lab, corpus, name="owl"), "fox": killed_run(lab, corpus)}
    lab.rename_run(ids["fox"], "fox")
    ids["hen"] = trained(lab, corpus, name="hen")
    lab.bin_run(ids["hen"])
    return ids


TEXT = "\n".join(f"OWL: to be or not to be {n} of night and day." for n in range(120))


@pytest.fixture
def ids(lab: Lab) -> dict[str, str]:
    return filled(lab, three_runs)


def registry_files(lab: Lab) -> list[Path]:
    return sorted(lab.home.path.glob("lab.sqlite*"))


def delete(lab: Lab) -> None:
    for path in registry_files(lab):
        path.unlink()


def empty(lab: Lab) -> None:
    delete(lab)
    lab.home.database.touch()


def cut_short(lab: Lab) -> None:
    content = lab.home.database.read_bytes()
    lab.home.database.write_bytes(content[: len(content) // 2])


def overwrite(lab: Lab) -> None:
    content = bytearray(lab.home.database.read_bytes())
    content[4096:] = random.Random(1).randbytes(len(content) - 4096)
    lab.home.database.write_bytes(content)


def replace_by_text(lab: Lab) -> None:
    lab.home.database.write_bytes(b"a shopping list, not a database\n" * 200)


def without_rows(lab: Lab) -> None:
    db = sqlite3.connect(lab.home.database)
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("DELETE FROM runs")
    db.commit()
    db.close()


SPOILED = [delete, empty, cut_short, overwrite, replace_by_text, without_rows]


def kept(lab: Lab, run_id: str) -> tuple[RunRecord, dict[str, Any], list[Any]]:
    return lab.run(run_id), what_it_measured(lab, run_id), lab.store.events(run_id)


@pytest.mark.parametrize("spoil", SPOILED)
def test_what_a_command_finds_spoiled_is_made_anew_and_said(
    lab: Lab, ids: dict[str, str], capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Lab], None],
) -> None:  # fmt: skip
    owl, whole = ids["owl"], kept(lab, ids["owl"])
    rows, checkpoint_step = lab.store.steps(ids["fox"]), lab.run(ids["fox"]).checkpoint_step
    spoil(lab)
    cli = CommandLine(capsys)
    assert {run["name"] for run in cli.ok("runs")["runs"]} == {"owl", "fox"}
    assert "found in their folders" in cli.stderr
    again = Lab(lab.home.path)
    assert again.notes == ()
    assert kept(again, owl) == whole
    # Of the one that was killed, what its last checkpoint knows; it goes on from there.
    fox = again.run(ids["fox"])
    assert (fox.name, fox.status, fox.step, fox.checkpoint_step) == (
        "fox", "interrupted", checkpoint_step, checkpoint_step,
    )  # fmt: skip
    assert again.store.steps(fox.id) == [s for s in rows if s.step <= checkpoint_step]
    assert again.run(train(again, fox.id)).status == "finished"
    assert [run.name for run in again.deleted_runs()] == ["hen"]
    assert again.restore_run("hen").id == ids["hen"]
    damaged = [path for path in lab.home.path.glob("lab.damaged-*") if path.suffix == ".sqlite"]
    assert len(damaged) == (spoil in (cut_short, overwrite, replace_by_text))
    assert all(path.name in cli.stderr for path in damaged)


def test_damage_that_shows_late_is_mended_too(
    lab: Lab, ids: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages of rows that nobody reads when the lab is opened."""
    db = sqlite3.connect(lab.home.database)
    (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'steps'").fetchone()
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    before = what_it_measured(lab, ids["owl"])
    content = bytearray(lab.home.database.read_bytes())
    content[(root - 1) * page_bytes : root * page_bytes] = b"\xff" * page_bytes
    lab.home.database.write_bytes(content)
    with pytest.raises(RegistryDamaged, match="is damaged"):
        Store(lab.home.database).steps(ids["owl"])
    cli = CommandLine(capsys)
    assert cli.code("runs", "show", "owl") == 0
    assert "is kept as lab.damaged-" in cli.stderr
    assert what_it_measured(Lab(lab.home.path), ids["owl"]) == before


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("config", '{"model": "bi\x01gram"}'),
        ("config", "not JSON"),
        ("config", "[" * 100_000),
        ("config", '{"model": "bigram", "n_layer": 1e999}'),
        ("status", "asleep"),
        ("train_seconds", 9e999),
        ("iter", -3),
        ("created_at", -1e300),
        ("model", "transformer"),
    ],
)
def test_a_row_that_was_spoiled_costs_no_other_run_anything(
    lab: Lab, ids: dict[str, str], capsys: pytest.CaptureFixture[str], column: str, value: object
) -> None:
    whole = kept(lab, ids["owl"])
    for folder_says_it in (True, False):
        db = sqlite3.connect(lab.home.database)
        db.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, ids["owl"]))
        db.commit()
        db.close()
        if not folder_says_it:
            for path in lab.home.run_folder(ids["owl"]).glob("*"):
                path.unlink()
        cli = CommandLine(capsys)
        names = {run["name"] for run in cli.ok("runs")["runs"]}
        if folder_says_it:
            assert names == {"owl", "fox"} and "run owl could not be read" in cli.stderr
            assert kept(Lab(lab.home.path), ids["owl"]) == whole
        else:
            assert names == {"fox"}
            assert f"run {ids['owl']} cannot be read, so it is left out" in cli.stderr


@pytest.mark.parametrize(
    ("column", "value"),
    [("fields", "{\x01"), ("fields", "[" * 100_000), ("kind", "{\x01"), ("at", -1e300)],
)
def test_an_event_that_was_spoiled_is_still_one(
    lab: Lab, ids: dict[str, str], column: str, value: object
) -> None:
    n_events = len(lab.store.events(ids["owl"]))
    db = sqlite3.connect(lab.home.database)
    db.execute(f"UPDATE events SET {column} = ?", (value,))
    db.commit()
    db.close()
    assert len(Lab(lab.home.path).store.events(ids["owl"])) == n_events


def test_a_folder_that_says_nothing_is_known_by_its_checkpoint(
    lab: Lab, ids: dict[str, str]
) -> None:
    """As the folders of older versions are."""
    for path in lab.home.runs.glob("*/*.json*"):
        path.unlink()
    before = lab.run(ids["owl"])
    delete(lab)
    again = Lab(lab.home.path)
    found = again.run(ids["owl"])
    assert (found.config, found.corpus, found.step, found.status, found.best_step) == (
        before.config, "tiny", 40, "finished", before.best_step,
    )  # fmt: skip
    assert found.name == f"found-{ids['owl']}" and "Without a curve" in again.notes[0]
    assert again.model(found).step == before.best_step


def test_a_folder_with_snapshots_alone_is_said(lab: Lab, ids: dict[str, str]) -> None:
    folder = lab.home.run_folder(ids["owl"])
    for path in (*folder.glob("*.json*"), *folder.glob("checkpoint-*")):
        path.unlink()
    delete(lab)
    again = Lab(lab.home.path)
    assert {run.name for run in again.runs()} == {"fox"}
    assert str(folder) in again.notes[0] and "left as it is" in again.notes[0]


@pytest.mark.parametrize("name", [RUN, MEASURED])
def test_a_copy_that_is_damaged_says_no_wrong_number(
    lab: Lab, ids: dict[str, str], name: str
) -> None:
    path = lab.home.run_folder(ids["owl"]) / name
    before, whole = lab.run(ids["owl"]), {s.step: s for s in lab.store.steps(ids["owl"])}
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    delete(lab)
    again = Lab(lab.home.path)
    found = again.run(ids["owl"])
    assert (found.config, found.step) == (before.config, before.step)
    steps = again.store.steps(found.id)
    assert (all(whole[s.step] == s for s in steps) and len(steps) < 40) or name == RUN


def test_sweeps_come_back_with_the_cells_that_wait(lab: Lab, corpus: Corpus) -> None:
    base = small_config("bigram", len(corpus.vocabulary))
    axes = Axis("block_size", (4, 8)), Axis("batch_size", (2, 4))
    sweep = enter_sweep(lab, base, corpus, *axes, name="grid")
    train(lab, next(place.run_id for place in sweep.places if place.run_id))
    before = [cell.run.name for cell in sweep_cells(lab, sweep) if cell.run]
    delete(lab)
    again = Lab(lab.home.path)
    assert load_sweep(again, "grid") == sweep
    cells = [cell.run for cell in sweep_cells(again, sweep) if cell.run]
    assert [run.name for run in cells] == before
    assert sorted(run.status for run in cells) == ["finished", "queued", "queued", "queued"]


@pytest.mark.parametrize(
    "content",
    [
        '{"id": "zzz", "name": "n", "spec": {}, "created_at": []}',
        '{"id": "zzz", "name": "n", "spec": {}, "created_at": 100000000000000000000000000000}',
        '{"id": "zzz", "name": ["n"], "spec": {}, "created_at": 1}',
        '{"id": "zzz", "name": "n", "spec": [], "created_at": 1}', "[" * 200_000, "[]", "3", "",
    ],
)  # fmt: skip
def test_a_file_of_a_sweep_that_says_nothing_is_passed_over(lab: Lab, content: str) -> None:
    lab.home.sweeps.mkdir()
    (lab.home.sweeps / "zzz.json").write_text(content, "utf-8")
    assert Lab(lab.home.path).store.sweeps() == []


def left(lab: Lab, run_id: str) -> Path:
    """The folder of a run as a process left it that was killed while it made or removed it."""
    folder = lab.home.run_folder(run_id)
    with unfinished(folder):
        (mark,) = folder.glob("unfinished.*")
        left_mark = folder / "unfinished.999999999.mark"
        left_mark.write_bytes(mark.read_bytes())
    left_mark.touch()
    return folder


def test_what_a_killed_import_left_is_removed_and_becomes_no_run(
    lab: Lab, ids: dict[str, str]
) -> None:
    states = [*lab.home.run_folder(ids["owl"]).glob("checkpoint-*")]
    folder = left(lab, "half")
    for state in states:
        shutil.copy(state, folder)
    delete(lab)
    again = Lab(lab.home.path)
    assert states and not folder.exists() and {run.name for run in again.runs()} == {"owl", "fox"}


def test_what_is_being_imported_now_is_left_alone(lab: Lab, ids: dict[str, str]) -> None:
    folder = lab.home.run_folder("half")
    with unfinished(folder):
        shutil.copy(next(lab.home.run_folder(ids["owl"]).glob("checkpoint-*")), folder)
        delete(lab)
        assert {run.name for run in Lab(lab.home.path).runs()} == {"owl", "fox"}
        assert [*folder.glob("checkpoint-*")]
    assert is_unfinished(folder) is False


def test_a_run_that_was_being_deleted_for_good_does_not_come_back(
    lab: Lab, ids: dict[str, str]
) -> None:
    folder = left(lab, ids["hen"])
    again = Lab(lab.home.path)
    assert not folder.exists() and again.deleted_runs() == []
    kept_folder = left(again, ids["owl"])  # as if it had been restored at that moment
    assert Lab(lab.home.path).run("owl").id == ids["owl"] and not is_unfinished(kept_folder)


@pytest.mark.parametrize("spoil", [delete, empty, overwrite, replace_by_text])
def test_a_run_in_hand_makes_the_registry_anew_and_loses_nothing(
    lab: Lab, corpus: Corpus, spoil: Callable[[Lab], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.active_run.FLUSH_EVERY_S", 0.0)
    whole = trained(lab, corpus, name="whole")
    expected = what_it_measured(lab, whole)
    run_id = lab.create_run(lab.run(whole).config, corpus, "owl")
    run = ActiveRun.open(lab.home, lab.store, run_id)
    try:
        run.advance(60.0, until=15)
        run.pause()
        run.advance(60.0, until=25)  # committed, and not yet in the folder
        spoil(lab)
        run.advance(60.0)
        run.finish()
    finally:
        run.close()
    again = Lab(lab.home.path)
    assert what_it_measured(again, run_id) == expected
    assert again.run(whole).status == "finished"


def test_a_deleted_run_does_not_come_back(lab: Lab, ids: dict[str, str]) -> None:
    lab.delete_run("owl")
    lab.empty_bin()
    delete(lab)
    assert {run.name for run in Lab(lab.home.path).runs()} == {"fox"}


def test_a_home_that_is_whole_says_nothing_and_is_left_alone(lab: Lab, ids: dict[str, str]) -> None:
    Lab(lab.home.path)
    before = {p: p.stat().st_mtime_ns for p in lab.home.runs.rglob("*") if p.is_file()}
    suspect(lab.home)
    assert Lab(lab.home.path).notes == ()
    assert {p: p.stat().st_mtime_ns for p in before} == before
    said = json.loads((lab.home.run_folder(ids["owl"]) / RUN).read_bytes())
    assert (said["run"]["name"], said["run"]["iter"]) == ("owl", 40)
