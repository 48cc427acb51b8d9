"""What is measured, and how: all on one machine, in one process, one thing after the other.

Ours and the rival take turns in small blocks of steps, so that whatever else the machine does hits
both alike. Times are medians. Units stand in the names.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from core.bench.rival import Rival
from core.bench.waiting import COMMANDS, ROOT, nanogpt_waited_for, waited_for
from core.errors import LabError
from core.generation.sampling import generate_together, write
from core.interpretability.parts import attention_of, without
from core.runs.active_run import CHECKPOINT_COST_FACTOR, MIN_CHECKPOINT_INTERVAL_S
from core.settings.config import ModelConfig, RunConfig, SampleConfig
from core.settings.presets import resolve
from core.storage.checkpoint import Checkpoint, CheckpointFolder, Snapshot
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from core.training.devices import dtype_of
from core.training.evaluation import split_loss
from core.training.preflight import preflight
from core.training.threads import n_threads
from core.training.trainer import Trainer

Fields = dict[str, Any]
Say = Callable[[str], None]

TOLERANCE_NATS = 1e-4
"""Sums in another order differ in the last digits, and by less than this after a few steps."""
KNOWN_LOSSES_NATS = {"nanogpt_cpu": 1.898, "counted_5gram": 1.669}
"""On Tiny Shakespeare: where nanoGPT's CPU recipe ends, and what counting 5-grams reaches."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured. The defaults take ten to twenty minutes on two cores."""

    n_checked: int = 20
    """Steps over which the losses of the two are compared before anything is timed."""
    n_blocks: int = 30
    """Timed blocks of each."""
    n_steps: int = 10
    """Steps in a block."""
    n_texts: int = 15
    """Timed texts of each."""
    share: float = 1.0
    """Of the steps of every training run."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """For the median of the fast recipe."""
    preset: str = "nanogpt-cpu"

    def steps(self, n: int) -> int:
        """So many steps of a training run, by this plan."""
        return max(1, round(n * self.share))


QUICK = Plan(n_checked=2, n_blocks=2, n_steps=2, n_texts=2, share=0.01, seeds=(1,))
"""To see that everything runs; its numbers mean nothing."""


def bench(corpus: Corpus, plan: Plan, nanogpt: Path | None, say: Say) -> Fields:
    """Measure everything; returns fields with their units in their names.

    Raises LabError when ours and the rival do not compute the same, or `nanogpt` is not nanoGPT.
    """
    classic = _resolve(corpus, plan)
    ours = Trainer(classic, corpus)
    exact = Trainer(_resolve(corpus, plan, dtype="float32"), corpus)
    rival = Rival(classic, corpus, exact.model, nanogpt)
    fields: Fields = {
        "rival": rival.name,
        "corpus": corpus.name,
        "dtype": preflight(classic).dtype,
        "n_threads": n_threads(),
        "torch_version": torch.__version__,
    }
    say(f"A step, ours and {rival.name}'s in turn …")
    fields |= _steps(ours, exact, rival, plan)
    say("The matrix products of a step alone …")
    fields |= _matmul_bound(classic, fields["step_ms"], plan)
    say("Writing …")
    fields |= _writing(ours, rival, plan)
    say("Checkpoints, snapshots, start-up …")
    fields |= _saving(ours) | _start_up()
    fields |= _time_to_loss(corpus, plan, fields["rival_step_ms"], say)
    fields["ablation"] = _ablation(corpus, plan, say)
    fields |= _waiting(corpus, plan, nanogpt, say)
    return fields | _soonest(fields)


def _resolve(
    corpus: Corpus, plan: Plan, recipe: str = "classic", n_iters: int | None = None, **flags: Any
) -> RunConfig:
    """Settings of the plan's preset, with `n_iters` steps (None: the recipe's own) by the plan."""
    flags = {"device": "cpu"} | flags
    V = len(corpus.vocabulary)
    if n_iters is None:
        n_iters = resolve("transformer", V, plan.preset, flags, recipe).train.max_iters
    flags["max_iters"] = plan.steps(n_iters)
    return resolve("transformer", V, plan.preset, flags, recipe)


# --- speed ----------------------------------------------------------------------------------------


def _steps(ours: Trainer, exact: Trainer, rival: Rival, plan: Plan) -> Fields:
    """Ours in the format that it takes here, ours in float32, and the rival, who is in float32."""

    def our_step() -> float:
        return ours.take_step().loss_nats

    def exact_step() -> float:
        return exact.take_step().loss_nats

    apart = max(abs(exact_step() - rival.step()) for _ in range(plan.n_checked))
    if apart > TOLERANCE_NATS:
        raise LabError(
            f"Ours and {rival.name} should compute the same from the same weights, and their "
            f"losses were {apart:.2g} nats apart. Is it an unchanged nanoGPT?"
        )
    times: dict[Callable[[], float], list[float]] = {our_step: [], exact_step: [], rival.step: []}
    for block in range(plan.n_blocks + 1):
        turns = list(times)
        for step in turns if block % 2 else reversed(turns):
            measured = [_timed_ms(step) for _ in range(plan.n_steps)]
            times[step] += measured if block else []  # the first warms the caches up
    step_ms, float32_ms, rival_ms = (statistics.median(taken) for taken in times.values())
    n_tokens = ours.config.train.batch_size * ours.config.model.block_size
    return {
        "losses_apart_nats": apart,
        "step_ms": step_ms,
        "float32_step_ms": float32_ms,
        "rival_step_ms": rival_ms,
        "step_speed_ratio": rival_ms / step_ms,
        "float32_step_speed_ratio": rival_ms / float32_ms,
        "tokens_per_s": 1e3 * n_tokens / step_ms,
        "rival_tokens_per_s": 1e3 * n_tokens / rival_ms,
    }


def _matmul_bound(config: RunConfig, step_ms: float, plan: Plan) -> Fields:
    """The time of a step's matrix products alone, forward and backward, at their own shapes."""
    model, rows = config.model, config.train.batch_size * config.model.block_size
    dtype = dtype_of(config)
    products: list[tuple[torch.Tensor, torch.Tensor]] = []
    for n_in, n_out, times in _products(model):
        shapes = ((rows, n_in), (n_out, n_in), (rows, n_out))
        x, w, dy = (torch.randn(shape).to(dtype) for shape in shapes)
        products += [(x, w.T), (dy, w), (dy.T, x)] * times  # y = x wᵀ, dx = dy w, dw = dyᵀ x

    def once() -> None:
        for a, b in products:
            torch.mm(a, b)

    flops = sum(2 * a.shape[0] * a.shape[1] * b.shape[1] for a, b in products)
    bound_ms = statistics.median([_timed_ms(once) for _ in range(3 + plan.n_texts)][3:])
    return {
        "matmul_bound_ms": bound_ms,
        "matmul_gflops_per_s": flops / bound_ms / 1e6,
        "matmul_share_pct": 100 * bound_ms / step_ms,
    }


def _products(model: ModelConfig) -> list[tuple[int, int, int]]:
    """Linear layers of the classic transformer: numbers in, numbers out, how many of them."""
    C, L = model.n_embd, model.n_layer
    return [(C, 3 * C, L), (C, C, L), (C, 4 * C, L), (4 * C, C, L), (C, model.vocab_size, 1)]


def _writing(ours: Trainer, rival: Rival, plan: Plan) -> Fields:
    """Characters a second inside the window: the text alone, with records, and many at once."""
    n_tokens = ours.config.model.block_size - 1
    config = SampleConfig(max_new_tokens=n_tokens, temperature=0.8)
    model, vocabulary = ours.model.eval(), ours.corpus.vocabulary

    def together(n_texts: int) -> None:
        for _ in generate_together(model, vocabulary, "", config, n_texts):
            pass

    def alone() -> None:
        write(model, vocabulary, "", config)

    def recorded() -> None:
        together(1)

    ways = (alone, recorded, lambda: rival.write(n_tokens))
    times = [[_timed_ms(way) for way in ways] for _ in range(plan.n_texts + 1)]
    our_ms, recorded_ms, rival_ms = map(statistics.median, zip(*times[1:]))
    many_ms = statistics.median([_timed_ms(lambda: together(32)) for _ in range(3)])
    model.train()
    return {
        "generate_tokens_per_s": 1e3 * n_tokens / our_ms,
        "generate_recorded_tokens_per_s": 1e3 * n_tokens / recorded_ms,
        "rival_generate_tokens_per_s": 1e3 * n_tokens / rival_ms,
        "generate_speed_ratio": rival_ms / our_ms,
        "generate_32_texts_tokens_per_s": 32e3 * n_tokens / many_ms,
    }


def _saving(ours: Trainer) -> Fields:
    config, vocabulary = ours.config.flat(), ours.corpus.vocabulary.characters
    checkpoint = Checkpoint(
        config=config, vocabulary=vocabulary, fingerprint=ours.corpus.fingerprint,
        trainer=ours.state_dict(), best_step=0, best_val_loss_nats=None,
    )  # fmt: skip
    snapshot = Snapshot(
        config=config, vocabulary=vocabulary, step=ours.step, weights=ours.model.state_dict()
    )
    with tempfile.TemporaryDirectory() as name:
        checkpoints, snapshots = CheckpointFolder(Path(name)), SnapshotFolder(Path(name))
        save_ms = _median_ms(lambda: checkpoints.save(checkpoint))
        snapshot_ms = _median_ms(lambda: snapshots.save(snapshot))
        load_ms = _median_ms(lambda: snapshots.load(snapshot.step))
    interval_ms = max(1e3 * MIN_CHECKPOINT_INTERVAL_S, CHECKPOINT_COST_FACTOR * save_ms)
    return {
        "checkpoint_ms": save_ms,
        "checkpoint_interval_s": interval_ms / 1e3,
        "checkpoint_share_pct": 100 * save_ms / interval_ms,
        "snapshot_save_ms": snapshot_ms,
        "snapshot_load_ms": load_ms,
    }


def _start_up() -> Fields:
    """From nothing to the end of the shortest command, in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-c", "from core.command_line import main; main(['runs'])"]

        def once() -> None:
            subprocess.run(command, cwd=ROOT, env=os.environ | {"LAB_HOME": home}, check=True)

        return {"start_up_s": statistics.median(_timed_ms(once) for _ in range(3)) / 1e3}


# --- learning -------------------------------------------------------------------------------------


def _time_to_loss(corpus: Corpus, plan: Plan, rival_step_ms: float, say: Say) -> Fields:
    """The rival's training time is its median step times its number of steps."""
    classic = _resolve(corpus, plan)
    rival_s = rival_step_ms * classic.train.max_iters / 1e3
    say("The classic recipe, to its end …")
    classic_loss, classic_s, _ = _trained(classic, corpus)
    runs = []
    for seed in plan.seeds:
        say(f"The fast recipe, seed {seed} …")
        runs.append(_trained(_resolve(corpus, plan, "fast", seed=seed), corpus)[:2])
    fast_loss, fast_s = (statistics.median(values) for values in zip(*runs))
    say("The fastest recipe …")
    fastest = _resolve(corpus, plan, "fastest")
    fastest_loss, fastest_s, trainer = _trained(fastest, corpus)
    silenced = without(trainer.model, attention_of(trainer.model))
    silenced_loss = split_loss(silenced, corpus.val)
    return {
        "rival_train_s": rival_s,
        "classic_val_loss_nats": classic_loss,
        "classic_train_s": classic_s,
        "fast_val_loss_nats": fast_loss,
        "fast_train_s": fast_s,
        "fast_speed_ratio": rival_s / fast_s,
        "fast_val_losses_nats": [loss for loss, _ in runs],
        "fastest_val_loss_nats": fastest_loss,
        "fastest_train_s": fastest_s,
        "fastest_speed_ratio": rival_s / fastest_s,
        "fastest_without_attention_val_loss_nats": silenced_loss,
    }


def _waiting(corpus: Corpus, plan: Plan, nanogpt: Path | None, say: Say) -> Fields:
    """Whole processes; nanoGPT's too where its folder is at hand."""
    rows = []
    for what in COMMANDS:
        say(f"Waiting for a whole process: {what} …")
        rows.append(waited_for(what, corpus, plan.share))
    fields: Fields = {"waited": [
        asdict(row) | {"beside_s": row.beside_s, "allowed_s": row.allowed_s} for row in rows
    ]}  # fmt: skip
    if nanogpt:
        say("Waiting for a whole process: nanoGPT's train.py …")
        rival = nanogpt_waited_for(_resolve(corpus, plan), corpus, nanogpt)
        fields |= {"rival_wall_s": rival.wall_s, "rival_own_train_s": rival.train_s}
    return fields


ABLATION: tuple[tuple[str, str, Fields], ...] = (
    ("all three groups", "fastest", {}),
    ("without n-gram tables", "fastest", {"ngrams": 0}),
    ("without Muon (AdamW, 3e-3)", "fastest", {"optimizer": "adamw", "learning_rate": 3e-3}),
    (
        "without the modern block, and so without tables",
        "fastest",
        {"ngrams": 0, "block": "classic"},
    ),
    ("none: classic, AdamW, 1e-3", "classic", {"n_layer": 2}),
)
"""Rows of the ablation: what it is, recipe, what is changed. All with as many steps and layers."""
ABLATION_ITERS = 400


def _ablation(corpus: Corpus, plan: Plan, say: Say) -> list[Fields]:
    rows = []
    for name, recipe, flags in ABLATION:
        say(f"Ablation: {name} …")
        config = _resolve(corpus, plan, recipe, ABLATION_ITERS, **flags)
        loss, train_s, trainer = _trained(config, corpus)
        silenced = without(trainer.model, attention_of(trainer.model))
        silenced_loss = split_loss(silenced, corpus.val)
        rows.append(
            {
                "what": name,
                "max_iters": config.train.max_iters,
                "n_layer": config.model.n_layer,
                "val_loss_nats": loss,
                "val_loss_without_attention_nats": silenced_loss,
                "train_s": train_s,
            }
        )
    return rows


def _soonest(fields: Fields) -> Fields:
    """The shortest training of all here whose model ended at a known loss or below it."""
    runs = [
        (fields[f"{recipe}_train_s"], fields[f"{recipe}_val_loss_nats"])
        for recipe in ("classic", "fast", "fastest")
    ]
    runs += [(row["train_s"], row["val_loss_nats"]) for row in fields["ablation"]]
    return {
        f"time_to_{name}_s": min((time_s for time_s, loss in runs if loss <= nats), default=None)
        for name, nats in KNOWN_LOSSES_NATS.items()
    }


def _trained(config: RunConfig, corpus: Corpus) -> tuple[float, float, Trainer]:
    """Validation loss in nats and training time in seconds of a whole run."""
    trainer = Trainer(config, corpus)
    while trainer.step < config.train.max_iters:
        trainer.take_step()
    return trainer.evaluate(), trainer.elapsed_s, trainer


def _timed_ms(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return 1e3 * (time.perf_counter() - started)


def _median_ms(action: Callable[[], object], n: int = 9) -> float:
    return statistics.median(_timed_ms(action) for _ in range(n))
