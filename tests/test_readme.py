"""The commands of the README do what they say, in the order in which they stand there."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
from pathlib import Path

import pytest

from core.runs.lab import Lab
from core.settings.presets import DEFAULTS, PRESETS, RECIPES
from core.storage.snapshots import SnapshotFolder
from tests.core.bench.test_measure import PLAN, TINY, waited_for
from tests.core.training.test_parallel import ROOT, finished, start
from tests.helpers import CommandLine, play

README = (ROOT / "README.md").read_text("utf-8")
LENGTH = {"max_iters": 20, "eval_interval": 5, "eval_iters": 1, "warmup_iters": 2}
SMALLER = {
    "3000": "30", "3500": "35", "512": "8", "1000": "10", "--budget 30": "--budget 1",
    "1.4,mlp:2": "1.1,mlp:1",
}  # fmt: skip
"""The README's numbers of steps, seconds and parts, and those of the test."""
REPR = re.compile(r"\w+\(|[\[{(]['\"({\[]|\bNone\b|\bTrue\b|\bFalse\b")
"""What Python calls things, which nobody should have to read."""


def commands() -> list[str]:
    """The lines of the section "From the command line", without their comments."""
    section = README.split("## From the command line\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [shlex.join(shlex.split(line, comments=True)) for line in block.splitlines()]


@pytest.fixture
def small(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    """A lab whose texts are short, whose presets are small, and which needs no network."""
    for defaults in (*DEFAULTS.values(), *PRESETS["nanogpt-cpu"].values(), RECIPES["fast"]):
        shape = {name: value for name, value in TINY.items() if name in defaults}
        for name, value in (shape | LENGTH).items():
            monkeypatch.setitem(defaults, name, value)
        monkeypatch.delitem(defaults, "lr_decay_iters", raising=False)
    text = play(20_000, seed=3)
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "shakespeare.txt").write_text(
        "ROMEO: To be, or not to be. " + text, encoding="utf-8"
    )
    original = ("MERCUTIO: " + text).encode()
    monkeypatch.setattr("core.library.texts.PROJECT_DATA", tmp_path / "shipped")
    monkeypatch.setattr("core.library.texts.ORIGINAL_SHA256", hashlib.sha256(original).hexdigest())
    monkeypatch.setattr("core.library.texts.download", lambda *_: original)
    monkeypatch.setattr("core.commands.benchmarking.Plan", lambda: PLAN)
    monkeypatch.setitem(PRESETS, PLAN.preset, {"transformer": TINY | LENGTH})
    monkeypatch.setattr("core.bench.measure._start_up", lambda: {"start_up_s": 1.5})
    monkeypatch.setattr("core.bench.measure.waited_for", waited_for)  # whole processes
    monkeypatch.chdir(tmp_path)
    Path("my-text.txt").write_text(play(5_000, seed=4), encoding="utf-8")
    return lab


def test_the_readmes_commands_run_in_their_order(
    small: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    lines = [line for line in commands() if line.startswith("python -m core ")]
    assert len(lines) > 20
    for line in lines:
        command = line.removeprefix("python -m core ")
        for printed, smaller in SMALLER.items():
            command = re.sub(rf"(?<![\w.-]){printed}\b", smaller, command)
        if command.startswith("import ckpt.pt"):  # one that nanoGPT wrote, or could have
            shutil.copy("to-nanogpt/out-first/ckpt.pt", "ckpt.pt")
        assert cli.code(*shlex.split(command)) == 0, f"{line}\n{cli.stderr}"
        assert not REPR.search(cli.stdout), f"{line}\n{cli.stdout}"
    names = {run.name for run in small.runs()}
    assert {"from-nanogpt", "first-2"} < names and "first" not in names
    first = small.run("first-2")  # which came back from its file
    assert (first.step, first.config.train.learning_rate) == (35, 3e-4)
    assert 8 in SnapshotFolder(small.home.run_folder(first.id)).steps()
    assert small.library.names() == ["tiny-shakespeare", "shakespeare", "my-text"]
    assert Path("first-gpt2/README.md").exists() and Path("first.run.zip").exists()


def test_the_readmes_torchrun_trains_with_as_many_processes(lab: Lab) -> None:
    (line,) = [line for line in commands() if line.startswith("torchrun ")]
    by_default = lab.library.path("tiny-shakespeare")  # is taken, where there is one
    by_default.write_text(play(5_000), encoding="utf-8")
    n_processes, command = line.removeprefix("torchrun --nproc-per-node ").split(" ", 1)
    assert n_processes == "2"  # as `start` does
    sizes = [f"--{name}={value}" for name, value in (TINY | LENGTH | {"max_iters": 4}).items()]
    _, stderr = finished(start(*shlex.split(command), *sizes))
    (run,) = lab.runs()
    assert (run.status, run.step, run.model) == ("finished", 4, "transformer"), stderr


def test_every_command_of_the_readme_is_run() -> None:
    unknown = [c for c in commands() if not c.startswith(("python -m core ", "torchrun "))]
    assert unknown == []
