"""Kills, flipped bits, files cut short, clocks that jump, two at once: what is left is sound.

After each fault every command answers with its fields or with one sentence, nothing is shown that
was not, and the rest of the lab works on. `--soak` does it many times over.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import LabError
from core.exchange.archive import open_run_file, pack_run
from core.exchange.export_import import export_run, import_run
from core.experiments.grid import Axis
from core.experiments.sweep import delete_sweep, enter_sweep
from core.runs.branch import branch_run
from core.runs.lab import Lab
from core.runs.rebuilding import suspect
from core.text.corpus import Corpus
from tests.core.runs.test_kills import hurry
from tests.helpers import (
    PATIENCE_S,
    CommandLine,
    add_corpus,
    filled,
    killed_run,
    last_line,
    nursery,
    play,
    small_config,
    train,
    trained,
    what_it_measured,
)
from tests.soak import n_rounds

READING = [
    ("runs",), ("runs", "show", "owl"), ("eval", "owl"), ("eval", "owl", "--at", 40),
    ("generate", "owl", "--max_new_tokens", 3), ("inspect", "step", "owl"), ("runs", "disk"),
    ("corpus", "list"), ("sweep", "list"),
]  # fmt: skip


def furnished(lab: Lab) -> None:
    corpus = add_corpus(lab, "tiny", play(4_000))
    trained(lab, corpus, "attention", name="owl")
    lab.rename_run(killed_run(lab, corpus), "fox")


@pytest.fixture
def cli(lab: Lab, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    filled(lab, furnished)
    return CommandLine(capsys)


def answers(cli: CommandLine, *command: object) -> dict[str, Any] | None:
    """The fields of a command; None where it is refused, which it is in one sentence."""
    code = cli.code("--json", *command)
    assert code in (0, 2) and "Traceback" not in cli.stderr, (command, cli.stderr)
    if code == 2:
        said = [line for line in cli.stderr.splitlines() if line.strip()]
        assert said and len(said[-1]) > 20, command
        return None
    return last_line(cli.stdout)


def without_times(fields: Any) -> Any:
    """What a command said, but for what is another each time."""
    if isinstance(fields, dict):
        varying = ("tokens_per_s", "bytes", "spare_bytes", "total_bytes", "bin_bytes")
        return {k: without_times(v) for k, v in fields.items() if k not in varying}
    return [without_times(each) for each in fields] if isinstance(fields, list) else fields


# --- damage ---------------------------------------------------------------------------------------


def damage(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    how = dice.choice(["flip", "flip", "cut", "blank"])
    at = dice.randrange(len(content))
    if how == "flip":
        content[at] ^= 1 << dice.randrange(8)
    elif how == "cut":
        del content[at:]
    else:
        content[at : at + 512] = bytes(len(content[at : at + 512]))
    path.write_bytes(content)


def test_files_of_a_run_that_were_damaged_say_no_wrong_number(
    lab: Lab, cli: CommandLine, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    owl, dice = lab.run("owl"), random.Random(3)
    right = {command: without_times(answers(cli, *command)) for command in READING}
    kept, measured = tmp_path / "kept", what_it_measured(lab, owl.id)
    shutil.copytree(lab.home.path, kept)
    names = ["checkpoint-000000040.pt", "snapshot-000000040.pt", "run.json", "measured.jsonl"]
    for _ in range(n_rounds(pytestconfig, ci=10, soak=100)):
        damage(lab.home.run_folder(owl.id) / dice.choice(names), dice)
        for command in READING:
            found = answers(cli, *command)
            if found is None or command in (("runs", "disk"), ("inspect", "step", "owl")):
                continue
            if command[0] in ("eval", "generate") and found.get("iter", 40) != 40:
                continue  # that of the checkpoint before it, and it says so
            assert without_times(found) == right[command], command
        if dice.random() < 0.5:
            lab.home.database.unlink()
            for run in Lab(lab.home.path).runs():
                if run.id == owl.id:
                    steps = what_it_measured(Lab(lab.home.path), owl.id)["steps"]
                    assert set(steps) <= set(measured["steps"])
        shutil.rmtree(lab.home.path)
        shutil.copytree(kept, lab.home.path)


def test_a_registry_or_a_text_that_was_damaged_stops_nothing(
    lab: Lab, cli: CommandLine, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    dice, kept = random.Random(4), tmp_path / "kept"
    with lab.store._connection() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(lab.home.path, kept)
    for _ in range(n_rounds(pytestconfig, ci=10, soak=100)):
        damage(dice.choice([lab.home.database, lab.home.database, lab.library.path("tiny")]), dice)
        for command in READING:
            answers(cli, *command)
        suspect(lab.home)
        assert {run.id for run in Lab(lab.home.path).runs()} <= {
            p.name for p in kept.glob("runs/*")
        }
        answers(cli, "train", "--model", "bigram", "--corpus", "shakespeare", "--max_iters", 2,
                "--eval_iters", 1, "--block_size", 8)  # fmt: skip
        shutil.rmtree(lab.home.path)
        shutil.copytree(kept, lab.home.path)


# --- kills ----------------------------------------------------------------------------------------


def write_everything(home: Path, started: Any) -> None:
    """Make, change and delete all that a lab keeps, again and again, until the end."""
    hurry()
    lab, turn = Lab(home), 0
    corpus = lab.library.load("tiny")
    config = small_config("bigram", len(corpus.vocabulary))
    started.set()
    while True:
        turn += 1
        run_id = lab.create_run(config, corpus)
        train(lab, run_id)
        lab.rename_run(run_id, f"{run_id} {turn}")
        for form in ("safetensors", "csv"):
            export_run(lab, lab.run(run_id), form, home / "out")  # type: ignore[arg-type]
        import_run(lab, home / "out" / "model.safetensors", None, None)
        file = pack_run(lab, lab.run(run_id), home / "out")
        open_run_file(lab, file)
        branch_run(lab, lab.run(run_id), 15, {"learning_rate": 0.1})
        axes = Axis("batch_size", (2, 4)), Axis("block_size", (4, 8))
        sweep = enter_sweep(lab, config, corpus, *axes)
        delete_sweep(lab, sweep)
        lab.library.add(f"text-{turn}", play(3_000, seed=turn).encode(), "text")
        lab.bin_corpus(f"text-{turn}")
        lab.library.empty_bin()
        lab.bin_run(run_id)
        lab.empty_bin()


def test_whatever_a_kill_comes_upon_the_lab_is_sound(
    lab: Lab, cli: CommandLine, pytestconfig: pytest.Config
) -> None:
    dice, before = random.Random(5), what_it_measured(lab, lab.run("owl").id)
    for _ in range(n_rounds(pytestconfig, ci=5, soak=50)):
        started = nursery().Event()
        child = nursery().Process(target=write_everything, args=(lab.home.path, started))
        child.start()
        assert started.wait(timeout=PATIENCE_S)
        time.sleep(dice.uniform(0.0, 1.5))
        assert child.exitcode is None
        child.kill()
        child.join(timeout=PATIENCE_S)
        again = Lab(lab.home.path)
        again.store.check()
        assert not [*again.home.path.glob("**/.*.tmp")] or "out" in str(
            next(again.home.path.glob("**/.*.tmp"))
        )
        assert {folder.name for folder in again.home.runs.iterdir()} <= again.store.ids()
        for run in again.runs():
            assert run.status in ("queued", "interrupted", "finished", "paused")
            assert not [e for e in again.store.events(run.id) if e.kind == "imported"] or run.step
            assert again.store.steps(run.id) or run.step == 0 or run.step == run.checkpoint_step
        assert what_it_measured(again, again.run("owl").id) == before
        assert {text.name for text in again.library.load_all()} >= {"tiny", "shakespeare"}
    for run in Lab(lab.home.path).runs():
        answers(cli, "eval", run.id)


# --- two at once, and clocks ----------------------------------------------------------------------


def open_it(home: Path, gate: Any, found: Any) -> None:
    gate.wait(PATIENCE_S)
    try:
        found.put(sorted(run.name for run in Lab(home).runs()))
    except LabError as error:
        found.put(str(error))


def spoil(lab: Lab) -> None:
    lab.home.database.write_bytes(b"not a database at all\n" * 1000)


def lose(lab: Lab) -> None:
    lab.home.database.unlink()


@pytest.mark.parametrize("how", [spoil, lose])
def test_two_processes_may_find_the_registry_gone_at_once(
    lab: Lab, cli: CommandLine, how: Callable[[Lab], None]
) -> None:
    how(lab)
    context = nursery()
    gate, found = context.Barrier(2), context.SimpleQueue()
    children = [
        context.Process(target=open_it, args=(lab.home.path, gate, found)) for _ in range(2)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(PATIENCE_S)
    assert [found.get() for _ in children] == [["fox", "owl"]] * 2
    assert len([*lab.home.path.glob("lab.damaged-*")]) == (how is spoil)


@pytest.mark.parametrize("jump_s", [-4e8, 4e8, -2e9, 2e11])
def test_a_clock_that_jumps_spoils_no_run(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    whole = trained(lab, corpus, "attention")
    run_id = lab.create_run(lab.run(whole).config, corpus, "owl")
    real = time.time
    train(lab, run_id, until=15)
    monkeypatch.setattr(time, "time", lambda: real() + jump_s)
    train(lab, run_id, until=25)
    elsewhen = lab.create_run(lab.run(whole).config, corpus, "elsewhen")
    branch = branch_run(lab, lab.run(run_id), 20, {"learning_rate": 0.01})
    monkeypatch.setattr(time, "time", real)
    train(lab, run_id)
    assert what_it_measured(lab, run_id) == what_it_measured(lab, whole)
    kinds = [event.kind for event in lab.store.events(run_id)]
    assert kinds == ["machine", "resumed", "resumed", "finished"]
    assert (lab.run(run_id).wall_s or -1.0) >= 0.0
    assert lab.run(train(lab, branch.id)).status == "finished"
    assert lab.run(elsewhen).created_at >= 0.0 and not lab.store.unreadable_runs()
    lab.bin_run(run_id)
    assert lab.empty_bin()
