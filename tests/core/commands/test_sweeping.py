"""`python -m core sweep`: a grid from the command line, its fields, its refusals, its signals."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from core.experiments.sweep import load_sweep
from core.runs.lab import Lab
from core.text.corpus import Corpus
from tests.helpers import (
    PATIENCE_S,
    Child,
    CommandLine,
    files_under,
    last_line,
    play,
    small_flags,
    wait_until,
)

GRID = ["--x", "block_size=8,4", "--y", "n_head=1,2,3"]
CELL_FIELDS = {
    "block_size", "n_head", "run", "status", "iter", "val_loss", "train_seconds", "wall_seconds",
    "n_params", "message",
}  # fmt: skip


@pytest.fixture
def cli(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line of a lab with the tiny corpus in it."""
    return CommandLine(capsys)


def sweep_command(*arguments: str, **changes: object) -> list[str]:
    given = {
        k: v for k, v in small_flags("transformer").items() if k not in ("block_size", "n_head")
    }
    flags = [f"--{name}={value}" for name, value in (given | changes).items()]
    return ["sweep", "--model", "transformer", "--corpus", "tiny", *flags, *arguments]


def test_a_sweep_says_all_that_the_contract_names(cli: CommandLine, lab: Lab) -> None:
    fields = cli.ok(*sweep_command(*GRID), "--name", "owl")
    sweep = load_sweep(lab, "owl")
    assert (fields["sweep"], fields["name"]) == (sweep.id, "owl")
    assert (fields["x"], fields["y"]) == ("block_size", "n_head")
    cells = fields["cells"]
    assert [(c["block_size"], c["n_head"]) for c in cells] == [
        (x, y) for y in (1, 2, 3) for x in (4, 8)
    ]
    assert all(cell.keys() == CELL_FIELDS for cell in cells)
    for cell in cells[:4]:
        run = lab.run(cell["run"])
        assert (cell["status"], cell["iter"]) == ("finished", 40)
        assert (cell["val_loss"], cell["n_params"]) == (run.val_loss_nats, run.n_params)
        assert (run.config.model.block_size, run.config.model.n_head) == (
            cell["block_size"],
            cell["n_head"],
        )
        assert (run.config.model.n_layer, run.config.train.eval_interval) == (2, 10)
    for cell in cells[4:]:
        assert (cell["status"], cell["run"], cell["val_loss"]) == ("impossible", None, None)
        assert "do not divide" in cell["message"]
    assert cli.stderr.splitlines()[0] == (
        "owl: transformer, block_size across, n_head up, 4 runs, 0 of them done"
    )


def test_characters_of_a_step_can_be_held(cli: CommandLine, lab: Lab) -> None:
    fields = cli.ok(*sweep_command(*GRID[:2], "--y", "n_head=1,2", batch_size=6),
                    "--hold", "characters", "--name", "owl")  # fmt: skip
    assert fields["characters_per_step"] == 24  # of the first cell: 6 sequences of 4
    configs = [lab.run(cell["run"]).config for cell in fields["cells"]]
    assert {(c.model.block_size, c.train.batch_size) for c in configs} == {(4, 6), (8, 3)}
    assert cli.stderr.splitlines()[0].endswith("0 of them done, 24 characters in every step")
    refused = sweep_command("--x", "n_layer=1,2", "--y", "n_head=1", "--hold", "characters")
    assert cli.code(*[flag for flag in refused if not flag.startswith("--n_layer=")]) == 2
    assert "needs block_size as --x or --y" in cli.stderr


def test_sweeps_are_listed_shown_and_deleted(cli: CommandLine, lab: Lab) -> None:
    assert cli.ok("sweep", "list") == {"sweeps": []}
    fields = cli.ok(*sweep_command(*GRID), "--name", "owl")
    [listed] = cli.ok("sweep", "list")["sweeps"]
    assert listed == {
        "sweep": fields["sweep"], "name": "owl", "model": "transformer", "corpus": "tiny",
        "x": "block_size", "y": "n_head", "n_cells": 4, "n_done": 4, "n_failed": 0,
    }  # fmt: skip
    assert cli.ok("sweep", "show", "owl") == cli.ok("sweep", "show", fields["sweep"]) == fields
    assert cli.code("sweep", "show", "owl") == 0
    titles, *rows = [line for line in cli.stdout.splitlines() if line.startswith("  ")][-7:]
    assert titles.split()[:3] == ["status", "block", "size,"] and "validation loss, nats" in titles
    assert rows[0].split()[:3] == ["finished", "4", "1"]
    assert rows[-1].startswith("  impossible") and "do not divide" in rows[-1]
    assert cli.ok("sweep", "delete", "owl") == {"sweeps": [listed]}
    assert cli.ok("sweep", "list") == {"sweeps": []} and len(lab.deleted_runs()) == 4


def test_resume_trains_what_is_left(cli: CommandLine, lab: Lab) -> None:
    fields = cli.ok(*sweep_command(*GRID), "--name", "owl")
    first = fields["cells"][0]["run"]
    lab.store.update_run(first, status="queued")
    for path in lab.home.run_folder(first).glob("*.pt"):
        path.unlink()
    again = cli.ok("sweep", "resume", "owl")
    assert "4 runs, 3 of them done" in cli.stderr.splitlines()[0]
    assert [c["val_loss"] for c in again["cells"]] == [c["val_loss"] for c in fields["cells"]]


def test_what_fails_is_said_and_only_if_all_fail_it_is_a_failure(
    cli: CommandLine, lab: Lab
) -> None:
    wild = dict(warmup_iters=0, schedule="constant", weight_decay=10)
    blocks = ["--y", "block_size=4"]
    some = cli.ok(*sweep_command("--x", "learning_rate=0.01,100", *blocks, n_head=1, **wild))
    assert [cell["status"] for cell in some["cells"]] == ["finished", "failed"]
    assert "learning_rate 100.0, block_size 4: " in cli.stderr
    every = cli.failed(*sweep_command("--x", "learning_rate=99,100", *blocks, n_head=1, **wild))
    assert [cell["status"] for cell in every["cells"]] == ["failed", "failed"]
    assert cli.stderr.splitlines()[-1].startswith("All cells of ")


def test_settings_that_the_first_cell_cannot_have_do_not_stand_in_the_way(
    cli: CommandLine, lab: Lab
) -> None:
    """The model's own block size is too long for the text, and three heads do not divide."""
    lab.library.add("short", play(300).encode(), "short")
    command = ["sweep", "--model", "attention", "--corpus", "short", "--max_iters=4"]
    fields = cli.ok(*command, "--x", "n_head=3,4", "--y", "block_size=8,16")
    assert [cell["status"] for cell in fields["cells"]] == ["impossible", "finished"] * 2


# --- refusals -------------------------------------------------------------------------------------

MISTAKES = [
    ([], "needs --model and --x and --y"),
    (["--model", "bigram", "--x", "block_size=4"], "needs --y"),
    (["--model", "bigram", *GRID], "The bigram model has no n_head"),
    (["--model", "rnn", *GRID], "invalid choice: 'rnn'"),
    (["--model", "transformer", "--x", "block_size", "--y", "n_head=1"], "not 'block_size'"),
    (["--model", "transformer", "--x", "block_size=a,b", "--y", "n_head=1"], "'block_size=a,b'"),
    (["--model", "transformer", "--x", "block_size=1.5", "--y", "n_head=1"], "a whole number"),
    (["--model", "transformer", "--x", "block_size=inf", "--y", "n_head=1"], "a whole number"),
    (["--model", "transformer", "--x", "block_size=0", "--y", "n_head=1"], "block_size is a whole"),
    (["--model", "transformer", "--x", "seed=1,2", "--y", "n_head=1"], "not over 'seed'"),
    (["--model", "transformer", "--x", "n_head=1", "--y", "n_head=2"], "needs two settings"),
    (["--model", "transformer", *GRID, "--n_head", "2"], "n_head is swept over"),
    (["--model", "transformer", "--x", "n_head=3,5", "--y", "block_size=4"], "n_head must divide"),
    (["--model", "transformer", *GRID, "--max_iters", "0"], "max_iters is a whole number"),
    (["--model", "transformer", *GRID, "--corpus", "nope"], "There is no corpus 'nope'"),
    (["--model", "transformer", *GRID, "--name", ""], "1 to 60 printable characters"),
    (["--model", "transformer", *GRID, "--name", "taken"], "already a sweep 'taken'"),
    (["--model", "transformer", "--x", "batch_size=" + ",".join(map(str, range(1, 66))), "--y",
      "n_head=1"], "at most 64 cells"),
    (["show", "nope"], "There is no sweep 'nope'"),
    (["resume", "nope"], "There is no sweep 'nope'"),
    (["delete", "nope"], "There is no sweep 'nope'"),
    (["show"], "required: SWEEP"),
    (["fly"], "invalid choice: 'fly'"),
]  # fmt: skip


def _joined(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else ""


@pytest.fixture(scope="module")
def used_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with the corpus `tiny` and a sweep `taken`, made once for all refusals."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.library.add("tiny", play(4_000).encode(), "tiny")
    lab.store.add_sweep("id", "taken", {"x": {"name": "n_head", "values": [1]}}, [])
    yield Lab(lab.home.path)  # which keeps the sweep in a file of its own


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=_joined)
def test_a_mistake_is_said_in_one_line_and_changes_nothing(
    used_lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("LAB_HOME", str(used_lab.home.path))
    before = used_lab.runs(), used_lab.store.sweeps(), files_under(used_lab.home.path)
    corpus = [] if arguments[:1] in (["show"], ["resume"], ["delete"], ["fly"]) else [
        "--corpus", "tiny"
    ]  # fmt: skip
    line = CommandLine(capsys).refused("sweep", *corpus, *arguments)
    assert message in line and "Traceback" not in line
    after = used_lab.runs(), used_lab.store.sweeps(), files_under(used_lab.home.path)
    assert after == before


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_the_cell_in_hand_and_the_sweep_goes_on_later(
    lab: Lab, corpus: Corpus, number: signal.Signals, code: int
) -> None:
    child = Child(
        lab, "sweep", "--model", "bigram", "--corpus", "tiny", "--name", "owl", "--json",
        "--max_iters=1000000", "--eval_interval=1000000", "--warmup_iters=0",
        "--x", "batch_size=2,4", "--y", "block_size=8",
    )  # fmt: skip
    try:
        wait_until(lambda: "owl 2x8" in lab.store.names() or child.poll() is not None, "a sweep")
        wait_until(lambda: lab.store.run("owl 2x8").step > 0, "steps")
        child.send_signal(number)
        out, err = child.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
    assert child.returncode == code and "Traceback" not in err
    cells = last_line(out)["cells"]
    assert [cell["status"] for cell in cells] == ["interrupted", "queued"]
    record = lab.run("owl 2x8")
    assert cells[0]["iter"] == record.step == record.checkpoint_step > 0
