"""Folders where files should be, links in circles, devices, names that are no text, huge numbers.

Each is answered in one sentence, soon, and with exit code 2; and the rest of the lab works on.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.runs.lab import Lab
from core.storage import files
from core.storage.trouble import storage_error
from core.text.corpus import Corpus
from tests.helpers import CommandLine, filled, tiny_run, train, trained

HALF = "ow\udcff"
"""Half a character, as a file's name or an argument may have it."""


@pytest.fixture
def cli(lab: Lab, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    lab.rename_run(filled(lab, tiny_run, "bigram"), "owl")
    return CommandLine(capsys)


def said(cli: CommandLine, *command: object) -> str:
    """The one sentence of a command that is refused."""
    assert cli.code(*command) == 2, command
    assert "Traceback" not in cli.stderr and len(cli.stderr.splitlines()) == 1, cli.stderr
    return cli.stderr


@pytest.mark.parametrize(
    "command",
    [("runs", "show"), ("generate",), ("train", "--model", "bigram", "--corpus"),
     ("train", "--model", "bigram", "--name"), ("train", "--model"), ("sweep", "show"),
     ("ladder", "show"), ("runs", "rename", "owl")],
)  # fmt: skip
def test_what_is_too_long_to_read_is_not_said_again_whole(
    cli: CommandLine, command: tuple[str, ...]
) -> None:
    assert len(said(cli, *command, 5_000 * "a")) < 700


def links_in_a_circle(folder: Path) -> Path:
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")
    return folder / "one"


@pytest.mark.skipif(os.name != "posix", reason="links and devices are those of POSIX")
def test_what_is_no_plain_file_is_not_imported(cli: CommandLine, tmp_path: Path) -> None:
    assert "is a folder" in said(cli, "import", tmp_path)
    assert "There is no file" in said(cli, "import", tmp_path / "none.pt")
    assert said(cli, "import", links_in_a_circle(tmp_path))
    for device in ("/dev/zero", "/dev/null"):
        assert "no plain file" in said(cli, "import", device)
    pipe = tmp_path / "pipe.run.zip"
    os.mkfifo(pipe)
    assert "no plain file" in said(cli, "import", pipe)
    large = tmp_path / "large.pt"
    with large.open("wb") as file:
        file.truncate(3 * 2**30)
    assert "3.0 GiB" in said(cli, "import", large)
    for path in ("/dev/zero", tmp_path, tmp_path / "one"):
        assert said(cli, "corpus", "add", "new", "--from", path)


@pytest.mark.parametrize(
    "command",
    [
        ("resume", HALF), ("eval", HALF), ("generate", "owl", "--prompt", HALF),
        ("runs", "rename", "owl", HALF), ("import", HALF), ("score", "owl", "--text", HALF + HALF),
        ("train", "--model", "bigram", "--corpus", HALF), ("sweep", "show", HALF),
        ("train", "--model", "bigram", "--corpus", "tiny", "--name", HALF),
        ("corpus", "add", HALF, "--from", "README.md"), ("corpus", "delete", HALF),
        ("ladder", "show", HALF),
    ],
)  # fmt: skip
def test_a_name_that_is_no_text_is_none(cli: CommandLine, command: tuple[str, ...]) -> None:
    said(cli, *command)


@pytest.mark.parametrize(
    "flags",
    [
        ("--max_iters", "1e99"), ("--max_iters", "9" * 30), ("--learning_rate", "1e999"),
        ("--learning_rate", "nan"), ("--seed", "-1"), ("--block_size", "9" * 5000),
        ("--dropout", "inf"), ("--batch_size", "0"), ("--snapshot_mib", "nan"),
        ("--checkpoint_mib", "-1"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_is_refused(cli: CommandLine, flags: tuple[str, str]) -> None:
    said(cli, "train", "--model", "bigram", "--corpus", "tiny", *flags)


@pytest.mark.parametrize("axis", ["max_iters=1e99", "n_embd=nan", "seed=" + "9" * 400, "x=", "=1"])
def test_an_axis_that_cannot_be_is_refused(cli: CommandLine, axis: str) -> None:
    said(cli, "sweep", "--model", "bigram", "--corpus", "tiny", "--x", axis, "--y", "batch_size=2")


@pytest.mark.skipif(os.name != "posix", reason="links are those of POSIX")
def test_what_lies_in_the_home_by_mistake_is_passed_over(
    cli: CommandLine, lab: Lab, tmp_path: Path
) -> None:
    (lab.home.corpora / "folder.txt").mkdir()
    links_in_a_circle(lab.home.corpora).rename(lab.home.corpora / "circle.txt")
    (lab.home.corpora / "binary.txt").write_bytes(bytes(range(256)) * 50)
    (lab.home.corpora / "large.txt").write_bytes(b"ab" * 5_500_000)
    os.close(os.open(os.fsencode(lab.home.corpora) + b"/\xff.txt", os.O_CREAT))
    folder = lab.home.run_folder(lab.run("owl").id)
    (folder / "checkpoint-000000041.pt").mkdir()
    (folder / "snapshot-000000041.pt").mkdir()
    (lab.home.runs / "a-file").write_text("no run")
    (lab.home.runs / "a-circle").symlink_to(lab.home.runs / "a-circle")
    listed = {corpus["name"] for corpus in cli.ok("corpus", "list")["corpora"]}
    assert listed == {"tiny", "shakespeare"}
    assert "binary" in cli.stderr and "11.0 MB" in cli.stderr
    assert [run["name"] for run in cli.ok("runs")["runs"]] == ["owl"]
    assert cli.ok("resume", "owl", "--max_iters", 50)["resumed_from"] == 40
    assert cli.code("runs", "disk") == 0 and cli.code("runs", "clean", "--all") == 0


@pytest.mark.parametrize("name", ["lab.sqlite", "lab.sqlite.lock", "runs", "corpora"])
def test_a_folder_or_a_file_in_the_place_of_the_other_is_said(
    cli: CommandLine, lab: Lab, name: str
) -> None:
    path = lab.home.path / name
    path.rename(lab.home.path / "aside")
    path.write_text("a file") if name in ("runs", "corpora") else path.mkdir()
    assert str(lab.home.path) in said(cli, "runs")


@pytest.mark.skipif(os.name != "posix", reason="links are those of POSIX")
def test_a_home_that_leads_in_a_circle_is_said(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_HOME", str(links_in_a_circle(tmp_path)))
    assert "LAB_HOME" in said(cli, "runs")


def test_the_folder_of_a_run_that_is_a_file_costs_that_run_alone(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    fox = trained(lab, corpus, name="fox")
    folder = lab.home.run_folder(lab.run("owl").id)
    folder.rename(lab.home.path / "aside")
    folder.write_text("no folder")
    assert said(cli, "resume", "owl", "--max_iters", 80)
    assert said(cli, "eval", "owl")
    assert len(cli.ok("runs")["runs"]) == 2 and cli.ok("eval", "fox")["run"] == fox


def test_what_killed_writers_have_left_is_swept_when_the_lab_is_opened(
    cli: CommandLine, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lab.home.run_folder(lab.run("owl").id)
    gone = [f / ".x.4194305.tmp" for f in (folder, lab.home.path, lab.home.corpora)]
    stays = folder / f".y.{os.getpid()}.tmp"
    for path in (*gone, stays):
        path.write_bytes(b"half of something")
    cli.ok("runs")
    assert not any(path.exists() for path in gone) and stays.exists()
    monkeypatch.setattr(files.time, "time", lambda: time.monotonic() + 4e9)
    cli.ok("runs")
    assert not stays.exists()


def test_an_export_goes_where_a_killed_one_left_its_half(
    cli: CommandLine, lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / ".owl.run.zip.4194305.tmp").write_bytes(b"half")
    cli.ok("export", "owl", "--format", "run", "--out", tmp_path)
    assert not list(tmp_path.glob(".*.tmp"))


def test_an_export_says_which_states_are_damaged_and_so_not_in_the_file(
    cli: CommandLine, lab: Lab, tmp_path: Path
) -> None:
    (path,) = lab.home.run_folder(lab.run("owl").id).glob("checkpoint-*.pt")
    path.write_bytes(path.read_bytes()[:-100])
    cli.ok("export", "owl", "--format", "run", "--out", tmp_path)
    assert (
        f"{path.name} is damaged, or of another run or step, and so not in the file" in cli.stderr
    )
    assert "for its curve alone" in cli.stderr


def test_an_export_into_a_folder_that_takes_nothing_asks_for_another(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, *args: object, **named: object) -> None:
        raise storage_error(PermissionError(13, "Permission denied", str(path)), path) from (
            PermissionError(13, "Permission denied", str(path))
        )

    monkeypatch.setattr("core.exchange.archive.open_atomically", refused)
    said = cli.refused("export", "owl", "--format", "run", "--out", str(tmp_path))
    assert "Name another folder with --out" in said and "LAB_HOME" not in said


def test_a_folder_that_is_deleted_while_its_run_trains_is_made_again(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    import shutil

    from core.runs.active_run import ActiveRun
    from tests.helpers import assert_same_run

    whole = trained(lab, corpus, name="whole")
    run_id = lab.create_run(lab.run(whole).config, corpus, "fox")
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.advance(60.0, until=15)
    run.pause()
    shutil.rmtree(lab.home.run_folder(run_id))
    assert cli.code("runs") == 0 and cli.code("eval", "fox") == 2
    run.advance(60.0, until=25)
    run.interrupt()
    run.close()
    assert_same_run(lab, train(lab, run_id), whole)
