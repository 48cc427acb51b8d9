"""Two processes learn what one would, and only the first of them writes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import ConfigError
from core.runs.lab import Lab
from core.storage.locks import is_held
from core.text.corpus import Corpus
from core.training.parallel import ALONE, World, is_follower
from core.training.trainer import Trainer
from tests.core.training.parallel_checks import N_STEPS, without_dropout
from tests.helpers import (
    PATIENCE_S,
    ROOT,
    CommandLine,
    last_line,
    small_config,
    wait_until,
    what_it_measured,
)
from tests.recipes import RUNS

CPU = torch.device("cpu")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
FAST = [
    f"--{k}={v}" for k, v in dict(block_size=8, n_layer=1, n_head=2, n_embd=8, ngrams=3).items()
]


def start(*arguments: object) -> subprocess.Popen[str]:
    """Two processes under torchrun."""
    return subprocess.Popen(
        [*TORCHRUN, *map(str, arguments)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()


# --- alone ----------------------------------------------------------------------------------------


def test_alone_there_is_nobody_to_talk_to(tiny_corpus: Corpus) -> None:
    assert World() == ALONE and not ALONE.follows and not is_follower()
    trainer = Trainer(small_config("bigram", len(tiny_corpus.vocabulary)), tiny_corpus)
    assert trainer.world is ALONE
    assert ALONE.replica(trainer.model) is trainer.model
    ALONE.announce_run("r")
    ALONE.announce_end()


@pytest.mark.parametrize(("batch_size", "advice"), [(3, "2 or 4"), (1, "Take 2"), (7, "6 or 8")])
def test_a_batch_that_cannot_be_shared_out_is_refused(batch_size: int, advice: str) -> None:
    with pytest.raises(ConfigError, match=f"{batch_size} cannot be in equal parts.*{advice}"):
        World(0, 2).check(batch_size, CPU)
    World(0, 2).check(8, CPU)
    ALONE.check(3, torch.device("mps"))


def test_processes_without_devices_of_their_own_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    World(0, 2).check(12, torch.device("cuda"))
    for size, device in ((3, "cuda"), (2, "mps")):
        with pytest.raises(ConfigError, match=f"fewer {device} devices"):
            World(0, size).check(12, torch.device(device))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    with pytest.raises(ConfigError, match="on one machine"):
        World(0, 2).check(12, CPU)


# --- two ------------------------------------------------------------------------------------------


class Pair:
    """Two processes under torchrun that do one thing after the other, all from one start."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, itertools.count()
        self.process = start("-m", "tests.core.training.parallel_checks", folder)

    def do(self, *arguments: str) -> tuple[list[int], str, str]:
        """Let both do it; returns their exit codes and what they said on stdout and stderr."""
        number = self._tell(*arguments)
        codes = [self._folder / f"{number}-{rank}.code" for rank in (0, 1)]
        wait_until(
            lambda: all(p.exists() for p in codes) or self.process.poll() is not None, "both"
        )
        said = [(self._folder / f"{number}.{name}").read_text("utf-8") for name in ("out", "err")]
        assert self.process.poll() is None, said
        return [int(path.read_text("utf-8")) for path in codes], said[0], said[1]

    def end(self) -> None:
        self._tell()
        finished(self.process)
        assert self.process.returncode == 0

    def _tell(self, *arguments: str) -> int:
        number = next(self._numbers)
        job = self._folder / f"{number}.json"
        text = json.dumps([arguments, os.environ.get("LAB_HOME", "")])
        job.with_suffix(".new").write_text(text, encoding="utf-8")
        job.with_suffix(".new").replace(job)
        return number


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    yield pair
    pair.end()


@pytest.fixture(scope="module")
def checks(pair: Pair) -> dict[str, Any]:
    """What two processes found, of all models."""
    codes, stdout, stderr = pair.do("checks")
    assert codes == [0, 0], stderr
    return last_line(stdout)


def test_rows_are_disjoint_and_together_the_batch(checks: dict[str, Any]) -> None:
    assert checks["rows"] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("name", RUNS)
def test_gradients_are_those_of_the_whole_batch(checks: dict[str, Any], name: str) -> None:
    assert checks[name]["gradients_apart"] < 1e-6 < 1e-3 < checks[name]["largest_gradient"]


@pytest.mark.parametrize("name", RUNS)
def test_the_same_batches_give_one_processes_losses(
    checks: dict[str, Any], name: str, tiny_corpus: Corpus
) -> None:
    trainer = Trainer(without_dropout(name, tiny_corpus), tiny_corpus)
    steps = [trainer.take_step() for _ in range(N_STEPS)]
    assert checks[name]["losses"] == pytest.approx([s.loss_nats for s in steps], abs=1e-4)
    assert checks[name]["norms"] == pytest.approx([s.grad_norm for s in steps], rel=1e-2)


def test_a_run_of_two_is_one_run_and_goes_on_alone(
    lab: Lab, corpus: Corpus, pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    command = ["train", "--model", "transformer", "--recipe", "fastest", "--corpus", "tiny", *FAST,
               "--batch_size=4", "--eval_interval=10", "--eval_iters=2", "--device=cpu",
               "--json"]  # fmt: skip
    _, stdout, stderr = pair.do(*command, "--max_iters=20", "--name=two")
    assert stdout.count("\n") == 1, stderr
    two = last_line(stdout)
    assert (two["status"], two["iter"], two["world_size"]) == ("finished", 20, 2)
    one = cli.ok(*command, "--max_iters=20")
    assert two["val_loss"] == pytest.approx(one["val_loss"], abs=1e-3)
    assert len(what_it_measured(lab, two["run"])["steps"]) == 20
    assert [record.name for record in lab.runs()].count("two") == 1 and len(lab.runs()) == 2

    alone = cli.ok("resume", "two", "--max_iters=30")
    assert (alone["resumed_from"], alone["iter"], alone["world_size"]) == (20, 30, 1)
    _, stdout, _ = pair.do("resume", "two", "--max_iters=40", "--json")
    again = last_line(stdout)
    assert (again["resumed_from"], again["iter"], again["world_size"]) == (30, 40, 2)


def test_two_are_seen_while_they_train_and_stop_in_order(lab: Lab, corpus: Corpus) -> None:
    flags = ["--model=bigram", "--corpus=tiny", "--block_size=8", "--batch_size=4", "--device=cpu"]
    process = start("-m", "core", "train", *flags, "--max_iters=1000000", "--name=long", "--json")
    try:
        wait_until(lambda: "long" in lab.store.names() or process.poll() is not None, "a run")
        wait_until(lambda: lab.run("long").step > 100, "steps")
        record = lab.run("long")
        assert record.status == "running" and is_held(lab.home, record.id)
        process.send_signal(signal.SIGTERM)
        finished(process)
    finally:
        process.kill()
    assert process.returncode != 0
    record = lab.run("long")
    assert record.status == "interrupted" and not is_held(lab.home, record.id)
    assert record.checkpoint_step == record.step > 100


def test_a_mistake_ends_all_of_them_and_leaves_nothing(
    lab: Lab, corpus: Corpus, pair: Pair
) -> None:
    flags = ["--model=bigram", "--corpus=tiny", "--block_size=8", "--batch_size=3"]
    codes, stdout, stderr = pair.do("train", *flags, "--json")
    assert codes == [2, 0] and stdout == "" and lab.runs() == []
    assert stderr.count("cannot be in equal parts") == 1
