"""What a learner waits for: whole processes by the clock on the wall, timed from outside.

From the command to its end, with starting Python, importing torch, estimates, samples, checkpoints
and the loss over the whole validation split; and nanoGPT's `train.py` the same way, with its own
evaluations. One process at a time, each in an empty lab home of its own.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import LabError
from core.runs.lab import Lab
from core.settings.config import ModelKind, RunConfig
from core.settings.presets import resolve
from core.storage.files import write_atomically
from core.text.corpus import Corpus
from core.training.trainer import Trainer

ROOT = Path(__file__).resolve().parents[2]
LOOKING_SHARE, START_S = 0.12, 4.0
"""What a run may take beside its training: this share of it, one pass over the validation split,
and the start of Python and torch."""

_TEXT = "text"
"""What the corpus is called in the lab homes made here: its own name may be a reserved one."""
COMMANDS: dict[str, tuple[ModelKind, str, str, int | None]] = {
    "one step": ("transformer", "nanogpt-cpu", "classic", 1),
    "quick, bigram": ("bigram", "quick", "classic", None),
    "quick, attention": ("attention", "quick", "classic", None),
    "quick, transformer": ("transformer", "quick", "classic", None),
    "classic": ("transformer", "nanogpt-cpu", "classic", None),
    "fast": ("transformer", "nanogpt-cpu", "fast", None),
    "fastest": ("transformer", "nanogpt-cpu", "fastest", None),
}
"""What is waited for: model, preset, recipe, and the number of steps where it is another."""


@dataclass(frozen=True, kw_only=True)
class Waited:
    """One whole process."""

    what: str
    wall_s: float
    """From outside: from the command to its end."""
    train_s: float
    """Its training steps alone."""
    split_s: float = 0.0
    """One pass over the whole validation split, timed apart."""
    val_loss_nats: float | None = None

    @property
    def beside_s(self) -> float:
        """What was waited for beside the training."""
        return self.wall_s - self.train_s

    @property
    def allowed_s(self) -> float:
        """What a run may take beside its training."""
        return LOOKING_SHARE * self.train_s + self.split_s + START_S


def waited_for(what: str, corpus: Corpus, share: float = 1.0) -> Waited:
    """Train one of `COMMANDS` by the command line, a share of its steps, and time the process.

    Raises LabError when the command fails.
    """
    model, preset, recipe, max_iters = COMMANDS[what]
    flags: dict[str, Any] = {"device": "cpu"}
    if max_iters is not None:
        flags["max_iters"] = max_iters
    config = resolve(model, len(corpus.vocabulary), preset, flags, recipe)
    flags["max_iters"] = max(1, round(share * config.train.max_iters))
    command = [sys.executable, "-m", "core", "train", "--json", "--corpus", _TEXT]
    command += ["--model", model, "--preset", preset, "--recipe", recipe]
    command += [part for name, value in flags.items() for part in (f"--{name}", str(value))]
    with tempfile.TemporaryDirectory() as home:
        Lab(home).library.add(_TEXT, corpus.text.encode("utf-8"), _TEXT)
        wall_s, output = _timed(command, ROOT, {"LAB_HOME": home})
    trainer = Trainer(config, corpus)
    started = time.perf_counter()
    trainer.evaluate()
    split_s = time.perf_counter() - started
    fields = json.loads(output.splitlines()[-1])
    return Waited(
        what=what, wall_s=wall_s, train_s=fields["train_seconds"], split_s=split_s,
        val_loss_nats=fields["val_loss"],
    )  # fmt: skip


def nanogpt_waited_for(config: RunConfig, corpus: Corpus, folder: Path) -> Waited:
    """nanoGPT's own `train.py` on the same text with the same settings, timed as ours is.

    It evaluates as its README's recipe for a CPU says, and prints what a step took, which is summed
    here.

    Raises LabError when it fails.
    """
    with tempfile.TemporaryDirectory() as out:
        data = Path(out, "data", "text")
        data.mkdir(parents=True)
        for name, tokens in (("train", corpus.train), ("val", corpus.val)):
            tokens.numpy().astype(np.uint16).tofile(data / f"{name}.bin")
        meta = pickle.dumps({"vocab_size": len(corpus.vocabulary)})
        write_atomically(data / "meta.pkl", meta, durable=False)
        for name in ("model.py", "configurator.py", "train.py"):
            shutil.copy(folder / name, out)
        flags = _nanogpt_flags(config) | {"out_dir": "out", "dataset": "text"}
        command = [sys.executable, "train.py", *(f"--{k}={v}" for k, v in flags.items())]
        wall_s, output = _timed(command, Path(out), {})
    step_ms = [
        float(line.split("time ")[1].split("ms")[0])
        for line in output.splitlines()
        if line.startswith("iter ")
    ]
    # The steps that wait for an evaluation say so in their time: the median stands for them.
    train_s = float(np.median(step_ms)) * len(step_ms) / 1e3
    return Waited(what="nanoGPT's train.py", wall_s=wall_s, train_s=train_s)


def _nanogpt_flags(config: RunConfig) -> dict[str, Any]:
    """Our settings with nanoGPT's names; its evaluations are those of its recipe for a CPU."""
    model, train = config.model, config.train
    return {
        "device": "cpu", "compile": False, "dtype": "float32", "log_interval": 1,
        "always_save_checkpoint": False, "gradient_accumulation_steps": 1,
        "eval_interval": 250, "eval_iters": 20, "block_size": model.block_size,
        "batch_size": train.batch_size, "n_layer": model.n_layer, "n_head": model.n_head,
        "n_embd": model.n_embd, "dropout": model.dropout, "max_iters": train.max_iters,
        "learning_rate": train.learning_rate, "min_lr": train.min_lr,
        "warmup_iters": train.warmup_iters, "lr_decay_iters": train.lr_decay_iters,
        "beta1": train.beta1, "beta2": train.beta2, "weight_decay": train.weight_decay,
    }  # fmt: skip


def _timed(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> tuple[float, str]:
    """Seconds that a process took, and what it printed. Raises LabError when it fails."""
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=os.environ | dict(env), capture_output=True, text=True
    )
    wall_s = time.perf_counter() - started
    if done.returncode:
        raise LabError(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1]}")
    return wall_s, done.stdout
