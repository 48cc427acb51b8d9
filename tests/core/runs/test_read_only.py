"""A lab home that may only be read is read: that of another user, or on a disk of such a kind.

Tests that are root become nobody for a while, since root may write everywhere.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.errors import LabError, StorageError
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.storage.locks import is_held, take_lock
from core.text.corpus import Corpus
from tests.helpers import CommandLine, add_corpus, files_under, killed_run, play, trained

NOBODY = 65534


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A lab home in a place that anybody may enter, with a finished run and one that was killed."""
    if os.name != "posix":
        pytest.skip("rights are those of POSIX")
    folder = Path(tempfile.mkdtemp(prefix="lab-foreign-"))
    folder.chmod(0o755)
    monkeypatch.setenv("LAB_HOME", str(folder))
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)
    lab = Lab()
    corpus = add_corpus(lab, "tiny", play(4_000))
    trained(lab, corpus, name="owl")
    lab.rename_run(killed_run(lab, corpus), "fox")
    yield folder
    _allow(folder, 0o700)
    shutil.rmtree(folder)


def _allow(folder: Path, rights: int) -> None:
    for path in (folder, *folder.rglob("*")):
        may_enter = 0o111 if path.is_dir() else 0
        path.chmod(stat.S_IMODE(rights) | may_enter)


@contextmanager
def as_a_guest(folder: Path) -> Iterator[None]:
    """May read all below a folder and write none of it."""
    _allow(folder, 0o444)
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


READING = [
    ("runs",), ("runs", "show", "owl"), ("eval", "owl"), ("generate", "owl", "--max_new_tokens", 5),
    ("corpus", "list"), ("corpus", "stats", "tiny"), ("runs", "disk"), ("sweep", "list"),
    ("inspect", "matrix", "owl"), ("inspect", "step", "owl"),
    ("score", "owl", "--text", "to be or not"), ("challenges",),
]  # fmt: skip
WRITING = [
    ("resume", "fox"), ("runs", "rename", "owl", "hen"), ("runs", "delete", "owl"),
    ("corpus", "delete", "tiny"), ("runs", "empty_bin"), ("runs", "branch", "owl", "--at", 10),
    ("runs", "clean", "owl"), ("corpus", "empty_bin"), ("challenges", "--expect", "small=2"),
    ("train", "--model", "bigram", "--corpus", "tiny", "--max_iters", 5),
]  # fmt: skip


def test_what_reads_works_and_what_writes_is_refused_in_a_sentence(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    cli.ok("challenges", "--expect", "small=2.1")
    before = [cli.ok(*command) for command in READING[:1]]
    for command in READING[1:]:  # what they import is loaded while that is allowed
        cli.ok(*command)
    files = files_under(foreign)
    with as_a_guest(foreign):
        assert [cli.ok(*command) for command in READING[:1]] == before
        for command in READING:
            cli.ok(*command)
            assert cli.stderr.count("is read-only for you") == 1, cli.stderr
        for command in WRITING:
            assert cli.code(*command) == 2, command
            lines = cli.stderr.splitlines()
            assert "read-only" in lines[-1] and "Traceback" not in cli.stderr, (command, lines)
            assert len(lines) <= 2
    assert files_under(foreign) == files


def test_rows_that_wait_in_the_log_of_another_process_are_read(foreign: Path) -> None:
    store = Lab().store
    with store._connection() as db:  # keeps the log from being put away
        db.execute("SELECT count(*) FROM runs").fetchone()
        store.update_run(store.run("owl").id, name="hen")
        log = foreign / "lab.sqlite-wal"
        assert log.stat().st_size > 0
        with as_a_guest(foreign):
            lab = Lab()
            assert {run.name for run in lab.runs()} == {"hen", "fox"}
            assert lab.runs() and lab.store.steps(lab.run("hen").id)


def test_whether_another_trains_it_is_seen_and_it_cannot_be_taken(foreign: Path) -> None:
    lab = Lab()
    lock = take_lock(lab.home, lab.store.run("fox"))
    run_id = lab.run("fox").id
    with as_a_guest(foreign):
        guest = Lab()
        assert is_held(guest.home, run_id) and guest.run("fox").status == "running"
        assert not is_held(guest.home, guest.run("owl").id)
        with pytest.raises(StorageError, match="read-only for you"):
            ActiveRun.open(guest.home, guest.store, run_id)
    lock.release()


def test_a_home_that_may_not_even_be_entered_is_said(foreign: Path) -> None:
    with as_a_guest(foreign):
        pass
    foreign.chmod(0o000)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(LabError, match="Set LAB_HOME to a folder"):
            Lab()
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def test_a_home_that_was_moved_away_is_said_to_be_gone(lab: Lab, corpus: Corpus) -> None:
    trained(lab, corpus, name="owl")
    lab.home.path.rename(lab.home.path.with_name("elsewhere"))
    with pytest.raises(StorageError, match=r"is not there any more\. Put it back where it was"):
        lab.runs()
    lab.home.path.with_name("elsewhere").rename(lab.home.path)
    assert [run.name for run in lab.runs()] == ["owl"]


def test_a_registry_that_becomes_read_only_while_it_is_open_is_not_called_a_full_disk(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(lab, corpus, name="owl")

    def read_only(*_: object) -> None:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = 8  # SQLITE_READONLY
        raise error

    monkeypatch.setattr("core.registry.runs.set_fields", read_only)
    monkeypatch.setattr("core.registry.database.os.access", lambda path, mode: False)
    with pytest.raises(StorageError, match="is read-only, so nothing can be changed"):
        lab.rename_run("owl", "hen")


def test_a_registry_alone_that_is_read_only_makes_all_of_it_so(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = trained(lab, corpus)
    access = os.access

    def no_writing(path: object, mode: int, **named: object) -> bool:
        return mode != os.W_OK and access(path, mode)  # type: ignore[arg-type]

    monkeypatch.setattr("core.storage.home.os.access", no_writing)
    again = Lab(lab.home.path)
    assert again.notes and again.run(run_id).status == "finished"
    with pytest.raises(StorageError, match="read-only"):
        again.rename_run(run_id, "hen")
