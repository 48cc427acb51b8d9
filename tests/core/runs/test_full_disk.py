"""A disk that is full costs nothing that was saved, is said in a sentence, and can be gone on from.

SQLite is given a limit of pages, which it reports as a full disk does; files are refused where they
are written. With the rights to mount one, a real small disk is filled as well.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.errors import StorageError
from core.registry.database import Database
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service.service import TrainingService
from core.storage import files
from core.storage.locks import is_held
from core.text.corpus import Corpus
from tests.helpers import (
    CommandLine,
    assert_same_run,
    play,
    small_flags,
    small_run,
    start_run,
    train,
    trained,
    wait_for_steps,
    wait_until,
)


@contextmanager
def full_disk(patch: pytest.MonkeyPatch, *, of: str) -> Iterator[None]:
    """No room for files, for the registry, or for anything."""
    connect = Database._connect

    def no_pages(database: Database) -> sqlite3.Connection:
        db = connect(database)
        db.execute("PRAGMA max_page_count=1")
        db.execute("PRAGMA temp_store=MEMORY")
        return db

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with patch.context() as patched:
        if of in ("registry", "everything"):
            patched.setattr(Database, "_connect", no_pages)
        if of in ("files", "everything"):
            patched.setattr(files.os, "fsync", no_room)
            patched.setattr(Path, "replace", no_room)
        yield


@pytest.mark.parametrize("of", ["files", "registry", "everything"])
def test_a_run_that_finds_no_room_is_let_go_and_goes_on_with_room(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    settings: dict[str, Any] = dict(max_iters=400, eval_interval=100)
    whole = trained(lab, corpus, **settings)
    run_id = train(lab, small_run(lab, corpus, **settings), until=7)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    with full_disk(monkeypatch, of=of):
        try:
            with pytest.raises(StorageError, match=r"The disk is full: [\d,.]+ MiB free") as said:
                run.advance(60.0)
                run.finish()
            assert said.value.is_full
            run.give_up(str(said.value))
        finally:
            run.close()
    left = lab.run(run_id)
    assert (left.status, left.checkpoint_step) == ("interrupted", 7)
    assert not is_held(lab.home, run_id)
    assert_same_run(lab, train(lab, run_id), whole)


def test_the_service_lets_a_run_go_and_takes_it_up_again(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = service.lab
    run_id = start_run(service, corpus, max_iters=1_000_000)
    wait_for_steps(service, run_id)
    with full_disk(monkeypatch, of="files"):
        service.pause(run_id)
        wait_until(lambda: run_id not in service.in_hand, "the run to be let go")
    record = lab.run(run_id)
    assert record.status == "interrupted" and "The disk is full" in record.message
    service.resume(run_id)
    wait_for_steps(service, run_id)
    service.finish(run_id)
    wait_until(lambda: lab.run(run_id).status == "finished", "the run to end")


def test_a_command_says_it_in_one_line_with_what_to_do(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    flags = [f"--{n}={v}" for n, v in small_flags("bigram").items()]
    with full_disk(monkeypatch, of="files"):
        fields = cli.failed("train", "--model", "bigram", "--name", "my owl; ls", *flags)
    assert fields["status"] == "interrupted"
    last = cli.stderr.splitlines()[-1]
    assert "The disk is full" in last and "python -m core resume 'my owl; ls'`" in last
    for harmful in ("move", "Move", "damaged", "elete"):
        assert harmful not in last
    assert cli.ok("resume", "my owl; ls")["status"] == "finished"


def test_a_large_file_leaves_room_for_what_became_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "free_bytes", lambda path: 3 * 2**20)
    files.write_atomically(tmp_path / "small", b"x" * 1000)
    with pytest.raises(StorageError, match=r"needed 2\.0 MiB for large \(and 2\.0 MiB that stay"):
        files.write_atomically(tmp_path / "large", b"x" * 2**21)
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


# --- a real one -----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Two and a half MiB, where the system lets us mount it."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        done = False
    if not done:
        pytest.skip("no right to mount a disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill_up(place: Path) -> Path:
    path = place / "filling"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, b"x" * 4096)
    except OSError as error:
        assert error.errno == errno.ENOSPC
    finally:
        os.close(descriptor)
    return path


def test_on_a_disk_that_is_full_all_can_be_read_and_nothing_breaks(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_HOME", str(small_disk))
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)
    lab = Lab()
    lab.library.add("tiny", play(4_000).encode(), "tiny")
    trained(lab, lab.library.load("tiny"), name="owl")
    filling, cli = fill_up(small_disk), CommandLine(capsys)
    before = cli.ok("runs")["runs"]
    assert [run["name"] for run in before] == ["owl"]
    assert cli.ok("eval", "owl")["iter"] == 40
    assert cli.code("runs", "show", "owl") == 0
    flags = [f"--{n}={v}" for n, v in small_flags("bigram").items()]
    for command in (
        ("train", "--model", "bigram", "--corpus", "tiny", *flags),
        ("resume", "owl", "--max_iters", 80),
        ("runs", "rename", "owl", "fox"),
        ("export", "owl", "--format", "csv", "--out", small_disk / "out"),
    ):
        assert cli.code(*command) == 2
        assert "The disk is full" in cli.stderr and "Traceback" not in cli.stderr
    filling.unlink()
    assert cli.ok("runs")["runs"] == before
    assert cli.ok("resume", "owl", "--max_iters", 80)["iter"] == 80
