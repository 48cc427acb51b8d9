"""Small texts, small runs, and comparisons down to the last bit."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import BaseContext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
import torch

from core.command_line import main
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service.service import TrainingService
from core.settings.config import MODEL_SETTINGS, ModelKind, RunConfig
from core.settings.presets import resolve
from core.storage.checkpoint import CheckpointFolder
from core.text.corpus import Corpus

ROOT = Path(__file__).resolve().parents[1]
"""The project's folder."""

T = TypeVar("T")

SMALL: dict[str, Any] = dict(
    block_size=8, n_layer=2, n_head=2, n_embd=8, dropout=0.2,
    batch_size=4, max_iters=40, eval_interval=10, eval_iters=2, device="cpu",
)  # fmt: skip
"""Settings of a run that takes a fraction of a second; with dropout, where the model has it."""

PATIENCE_S = 120.0
"""How long a test waits for what takes a second or two, on a machine with much else to do."""
LAST_IS_WORSE_NATS = 1.0
"""By so much the fixture `best_at_20` has the last state measured worse than it is."""


def play(n_characters: int, seed: int = 1) -> str:
    """A made-up text of that length, the same for the same seed: speakers, lines, a few words."""
    rng = random.Random(seed)
    words = "to be or not a king and queen of night day love O my lord what say you".split()
    speeches: list[str] = []
    while sum(len(speech) for speech in speeches) < n_characters:
        lines = [" ".join(rng.choices(words, k=rng.randint(3, 7))) for _ in range(2)]
        speeches.append(f"{rng.choice(['OWL', 'FOX'])}:\n" + ",\n".join(lines) + ".\n\n")
    return "".join(speeches)[:n_characters]


def small_flags(kind: ModelKind, **changes: Any) -> dict[str, Any]:
    """`SMALL` and changes to it, without what the model does not have."""
    shape = {"block_size", "n_layer", "n_head", "n_embd", "dropout", "bias"}
    missing = shape.difference(MODEL_SETTINGS[kind])
    return {k: v for k, v in (SMALL | changes).items() if k not in missing}


def small_config(kind: ModelKind, vocab_size: int, **changes: Any) -> RunConfig:
    return resolve(kind, vocab_size, flags=small_flags(kind, **changes))


def run_of(name: str = "now", model: ModelKind = "transformer", **about: Any) -> RunRecord:
    """A run of the small settings that no registry knows; `settings` are changes to them."""
    values: dict[str, Any] = dict(
        id=name, name=name, model=model, corpus="tiny", fingerprint="f",
        config=small_config(model, 9, **about.pop("settings", {})), status="paused", step=20,
        n_params=1, train_loss_nats=None, val_loss_nats=None, best_val_loss_nats=None, best_step=0,
        train_s=2.0, steps_per_s=1.0, checkpoint_step=0, checkpoint_interval_s=5.0,
        message="", parent=None, parent_step=None, created_at=0.0,
    )  # fmt: skip
    return RunRecord(**values | about)


def add_corpus(lab: Lab, name: str, text: str) -> Corpus:
    lab.library.add(name, text.encode("utf-8"), name)
    return lab.library.load(name)


def small_run(lab: Lab, corpus: Corpus, kind: ModelKind = "bigram", **changes: Any) -> str:
    """A new run, not yet started; returns its id."""
    name = changes.pop("name", None)
    return lab.create_run(small_config(kind, len(corpus.vocabulary), **changes), corpus, name)


def killed_run(lab: Lab, corpus: Corpus) -> str:
    """A small run that is saved at step 15 and was killed at step 18; returns its id."""
    run_id = small_run(lab, corpus)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.advance(60.0, until=15)
    run.pause()
    run.advance(60.0, until=18)
    run.set_status("running")
    run.close()
    return run_id


def train(lab: Lab, run_id: str, until: int | None = None, max_iters: int | None = None) -> str:
    """Train a run to its end, a new one if wanted, or to a step where it is saved and left.

    Returns its id.
    """
    run = ActiveRun.open(lab.home, lab.store, run_id, max_iters=max_iters)
    try:
        run.advance(60.0, until=until)
        run.interrupt() if until is not None else run.finish()
    finally:
        run.close()
    return run_id


def trained(lab: Lab, corpus: Corpus, kind: ModelKind = "bigram", **changes: Any) -> str:
    """A finished run; returns its id."""
    return train(lab, small_run(lab, corpus, kind, **changes))


def tiny_run(lab: Lab, kind: ModelKind, **changes: Any) -> str:
    """A finished run on the text of the fixture `corpus`; returns its id."""
    return trained(lab, add_corpus(lab, "tiny", play(4_000)), kind, **changes)


_FILLED: dict[Any, tuple[TemporaryDirectory[str], Any]] = {}


def filled(lab: Lab, fill: Callable[..., T], *arguments: Any, **changes: Any) -> T:
    """What `fill(lab, …)` does and returns; a lab without runs gets a copy where that was done.

    For labs that are looked at: the same training need not be done again for every look.
    """
    if lab.runs():
        return fill(lab, *arguments, **changes)
    key = fill, arguments, tuple(sorted(changes.items()))
    if key not in _FILLED:
        folder = TemporaryDirectory()
        _FILLED[key] = folder, fill(Lab(folder.name), *arguments, **changes)
    folder, found = _FILLED[key]
    shutil.copytree(folder.name, lab.home.path, dirs_exist_ok=True)
    return copy.copy(found)


def checkpoint_steps(lab: Lab, run_id: str) -> list[int]:
    return CheckpointFolder(lab.home.run_folder(run_id)).steps()


def checkpoint_state(lab: Lab, run_id: str, step: int | None = None) -> dict[str, Any]:
    """What the last checkpoint (or that of a step) holds, without the time that it took."""
    folder = CheckpointFolder(lab.home.run_folder(run_id))
    state = dict(folder.load(folder.steps()[-1] if step is None else step).trainer)
    state.pop("elapsed_s")
    return state


def what_it_measured(lab: Lab, run_id: str) -> dict[str, Any]:
    """Every number and text of a run that may not depend on how it was interrupted."""
    record = lab.run(run_id)
    return {
        "steps": [
            (s.step, s.loss_nats, s.learning_rate, s.grad_norm) for s in lab.store.steps(run_id)
        ],
        "estimates": lab.store.estimates(run_id),
        "samples": lab.store.samples(run_id),
        "losses": (record.train_loss_nats, record.val_loss_nats, record.best_val_loss_nats),
        "ends": (record.status, record.step, record.best_step, record.n_params),
    }


def assert_same_run(lab: Lab, one: str, other: str) -> None:
    """Two runs agree in all that they measured and in every state that both kept, bit for bit.

    Both have kept the last and the best; where else is a matter of time.
    """
    assert what_it_measured(lab, one) == what_it_measured(lab, other)
    kept = [set(checkpoint_steps(lab, run_id)) for run_id in (one, other)]
    record = lab.run(one)
    assert {record.step, record.best_step} - {0} <= kept[0] & kept[1]
    for step in kept[0] & kept[1]:
        assert_equal_states(checkpoint_state(lab, one, step), checkpoint_state(lab, other, step))


def assert_equal_states(one: Any, other: Any, where: str = "state") -> None:
    """Nested dicts and lists with the same values, tensors bit for bit."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal_states(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, (a, b) in enumerate(zip(one, other)):
            assert_equal_states(a, b, f"{where}[{i}]")
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other), where
    else:
        assert one == other, where


def files_under(folder: Path) -> dict[str, bytes]:
    """Every text and run file below a folder with its content.

    The registry's own files aside, and the lock of the texts.
    """
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.startswith("lab.sqlite")
        and path.parts[-2:] != ("corpora", "lock")
    } | {f"{path.relative_to(folder)}/": b"" for path in folder.rglob("*") if path.is_dir()}


def nursery() -> BaseContext:
    """Where children come from that have torch loaded already, and all else that takes seconds.

    torch loads its compiler for the first optimizer, which takes longer than most runs here.
    """
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    # The first of the tests that ask decides for all of them, so there is one list.
    context.set_forkserver_preload(
        [__name__, "torch._dynamo", "plotly.graph_objects", "streamlit.web.cli"]
    )
    return context


class Child:
    """A command in a process of its own, as `subprocess.Popen` has it, but born with torch loaded.

    `before` is a function that is called in it before the command.
    """

    def __init__(self, lab: Lab, *arguments: str, before: Callable[[], object] = int) -> None:
        self._said = [lab.home.path / f"child.{name}" for name in ("out", "err")]
        self._process = nursery().Process(
            target=_command, args=(arguments, dict(os.environ), self._said, before)
        )
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end; returns what it said on stdout and stderr."""
        self._process.join(timeout)
        out, err = (path.read_text("utf-8") for path in self._said)
        return out, err


def _command(
    arguments: Sequence[str],
    environment: dict[str, str],
    said: Sequence[Path],
    before: Callable[[], object],
) -> None:
    os.environ |= environment
    for descriptor, path in zip((1, 2), said):
        file = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, descriptor)
        os.close(file)
    torch.set_num_threads(1)
    before()
    raise SystemExit(main(arguments))


def wait_until(happened: Callable[[], bool], what: str, deadline_s: float = PATIENCE_S) -> None:
    """Poll until something is so; fail with its name when it takes too long."""
    ends_at = time.monotonic() + deadline_s
    while not happened():
        assert time.monotonic() < ends_at, f"waited {deadline_s:g} s in vain: {what}"
        time.sleep(0.005)


def start_run(
    service: TrainingService, corpus: Corpus, kind: ModelKind = "bigram", **changes: Any
) -> str:
    paused = changes.pop("paused", False)
    config = small_config(kind, len(corpus.vocabulary), **changes)
    return service.start(config, corpus, paused=paused)


def wait_for(service: TrainingService, run_id: str, status: str) -> None:
    wait_until(lambda: service.lab.run(run_id).status == status, f"{run_id} {status}")


def wait_for_steps(service: TrainingService, run_id: str, n_more: int = 1) -> None:
    goal = service.lab.run(run_id).step + n_more
    wait_until(lambda: service.lab.run(run_id).step >= goal, f"{n_more} more steps")


class CommandLine:
    """Calls the command line in this process and catches what it says."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.stdout = self.stderr = ""

    def ok(self, *arguments: object) -> dict[str, Any]:
        """The fields of the last line of a command that must succeed."""
        assert self.code("--json", *arguments) == 0, self.stderr
        return last_line(self.stdout)

    def failed(self, *arguments: object) -> dict[str, Any]:
        """The fields of the last line of a command that must begin and then fail."""
        assert self.code("--json", *arguments) == 2, self.stderr
        return last_line(self.stdout)

    def refused(self, *arguments: object) -> str:
        """The one line on stderr of a command that must be refused."""
        assert (self.code("--json", *arguments), self.stdout) == (2, "")
        lines = self.stderr.splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    def code(self, *arguments: object) -> int:
        """The exit code of a command; what it says is in `stdout` and `stderr`."""
        self._capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as exited:
            code = int(exited.code or 0)
        self.stdout, self.stderr = self._capsys.readouterr()
        return code


def last_line(stdout: str) -> dict[str, Any]:
    """The JSON object in the last line of a command's output, with no number that JSON lacks."""
    fields = json.loads(stdout.splitlines()[-1], parse_constant=_no_such_number)
    assert isinstance(fields, dict)
    return fields


def _no_such_number(name: str) -> float:
    raise AssertionError(f"{name} is no number in JSON")
