"""Homes that older versions of the lab made open with all they have; newer ones are refused.

An old home is made of a new one: its registry is laid out as that version had it, its saved states
are written in the first format, and its folders say nothing of the run. What the registry of a
home looked like that the code of its time made is in `tests/core/registry`.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest
import torch

from core.errors import CheckpointError, ExchangeError, LabError
from core.exchange.archive import open_run_file, pack_run
from core.records.stored import stored
from core.runs.lab import Lab
from core.storage.checkpoint import Checkpoint, CheckpointFolder, Snapshot, read_saved
from core.storage.journal import RUN
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from tests.core.registry.test_schema import V1
from tests.helpers import (
    CommandLine,
    assert_equal_states,
    assert_same_run,
    files_under,
    small_run,
    train,
    trained,
    what_it_measured,
)

V1_COLUMNS = (
    "id, name, model, corpus, fingerprint, config, status, iter, n_params, train_loss, val_loss,"
    " best_val_loss, best_iter, train_seconds, steps_per_s, checkpoint_iter,"
    " checkpoint_interval_s, message, parent, parent_iter, created_at"
)


def as_version(lab: Lab, version: int) -> None:
    """Lay the registry out as a version had it; what it had not is lost."""
    db = sqlite3.connect(lab.home.database)
    if version == 1:
        tables = {
            "runs": V1_COLUMNS,
            "steps": "run_id, iter, loss, learning_rate, grad_norm, elapsed_s",
            "estimates": "run_id, iter, train_loss, val_loss, sample",
        }
        rows = {t: db.execute(f"SELECT {c} FROM {t}").fetchall() for t, c in tables.items()}
        db.close()
        for path in lab.home.path.glob("lab.sqlite*"):
            path.unlink()
        db = sqlite3.connect(lab.home.database)
        db.executescript(V1)
        for table, each in rows.items():
            db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(each[0]))})", each)
    else:
        db.execute("ALTER TABLE runs DROP COLUMN wall_seconds")
        db.execute("ALTER TABLE steps DROP COLUMN wall_s")
    db.execute(f"PRAGMA user_version={version}")
    db.commit()
    db.close()


def as_first_format(path: Path, kind: type[Checkpoint] | type[Snapshot]) -> None:
    state = read_saved(path, kind)
    torch.save({"format": 1} | stored(state), path)


def as_old_folders(lab: Lab) -> None:
    for folder in lab.home.runs.iterdir():
        for path in folder.glob("*.json*"):
            path.unlink()
        for path in folder.glob("checkpoint-*.pt"):
            as_first_format(path, Checkpoint)
        for path in folder.glob("snapshot-*.pt"):
            as_first_format(path, Snapshot)


@pytest.mark.parametrize("version", [1, 3])
def test_an_old_home_opens_with_all_it_has_and_goes_on(
    lab: Lab, corpus: Corpus, version: int
) -> None:
    whole = trained(lab, corpus, "attention")
    half = train(lab, small_run(lab, corpus, "attention", name="owl"), until=15)
    before = what_it_measured(lab, half)
    as_version(lab, version)
    as_old_folders(lab)
    old = Lab(lab.home.path)
    assert old.notes == () and what_it_measured(old, half) == before
    assert old.run(half).wall_s is None and old.run("owl").name == "owl"
    snapshots = SnapshotFolder(old.home.run_folder(half))
    assert old.snapshot(old.run(half), snapshots.steps()[-1]).step == snapshots.steps()[-1]
    assert (old.home.run_folder(half) / RUN).exists()  # from now on the folder says it too
    assert_same_run(old, train(old, half), whole)


def test_states_of_the_first_format_are_read_as_they_were(lab: Lab, corpus: Corpus) -> None:
    folder = CheckpointFolder(lab.home.run_folder(trained(lab, corpus, "transformer")))
    before = folder.load(40).trainer
    as_first_format(folder.path(40), Checkpoint)
    assert_equal_states(folder.load(40).trainer, before)


def test_a_newer_registry_is_refused_and_left_as_it_was(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(lab, corpus)
    db = sqlite3.connect(lab.home.database)
    db.execute("PRAGMA user_version=99")
    db.close()
    before = lab.home.database.read_bytes(), files_under(lab.home.path)
    assert "newer version of the lab (schema 99" in CommandLine(capsys).refused("runs")
    assert (lab.home.database.read_bytes(), files_under(lab.home.path)) == before


def test_newer_files_are_refused_by_name(lab: Lab, corpus: Corpus, tmp_path: Path) -> None:
    run_id = trained(lab, corpus, name="owl")
    path = pack_run(lab, lab.run(run_id), tmp_path)
    newer = tmp_path / "newer.run.zip"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(newer, "w") as other:
        manifest = json.loads(whole.read("manifest.json")) | {"format": 2}
        other.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(ExchangeError, match="another version of the lab"):
        open_run_file(lab, newer)
    folder = CheckpointFolder(lab.home.run_folder(run_id))
    for step in folder.steps():
        content = torch.load(folder.path(step), weights_only=True)
        torch.save(content | {"format": 3}, folder.path(step))
    before = what_it_measured(lab, run_id)
    with pytest.raises(CheckpointError, match="a newer version of the lab"):
        lab.model(lab.run(run_id))
    with pytest.raises(LabError):
        train(lab, run_id, max_iters=80)
    assert what_it_measured(lab, run_id) == before
