"""One run's arithmetic: take a step, estimate the loss, save and restore the whole state.

A step is a forward pass from a batch to its loss, a backward pass from the loss to the gradient of
every weight, and the optimiser's update. Mixed precision: matrix products may be in bfloat16
(`dtype`), while weights, gradients, optimiser state and losses stay in float32.

Knows no thread, no disk and no clock but the one that times its own steps. Whoever holds a trainer
(`core.runs.active_run`) decides when to step and where its state is kept.

Exactness: the same config, seed and text give the same numbers, bit for bit on one CPU. All
randomness is the trainer's own. The weights and the batches have generators of their own; dropout
draws from torch's global generator, whose state is therefore put in place before each step and
taken away after it (`core.training.randomness`), so that several trainers can step in one process.
"""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ConfigError, LabError
from core.models import LanguageModel, build_model
from core.records.records import Estimate, StepRecord
from core.settings.config import RunConfig
from core.text.corpus import Batches, Corpus
from core.text.windows import sample_windows
from core.training.devices import pick_device, pick_dtype
from core.training.evaluation import cross_entropy, split_loss, windows_loss
from core.training.optim import build_optimizers, learning_rate_at
from core.training.parallel import ALONE, World
from core.training.randomness import borrowed_generator, random_state
from core.training.threads import compute_on, step_threads


class DivergedError(LabError):
    """Loss or gradient became infinite or not a number."""


class Trainer:
    """A model, its optimiser and its place in the data.

    In a world of several processes each has a trainer of its own, and all step together.
    """

    def __init__(self, config: RunConfig, corpus: Corpus, world: World = ALONE) -> None:
        """A run before its first step: weights from the seed, an optimiser without any state.

        Weights, optimiser state and the tokens of both splits, (N,) int64 each, are put on the
        device that the settings name.

        Args:
            world: the processes that train together, each of which has a trainer of its own.

        Raises ConfigError when the corpus has another vocabulary size than the settings or is too
        short for block_size, when the device is not there or has no such dtype, and when the
        processes cannot share the batch.
        """
        corpus.check_long_enough(config.model.block_size)
        if len(corpus.vocabulary) != config.model.vocab_size:
            raise ConfigError(
                f"Corpus {corpus.name} has {len(corpus.vocabulary)} distinct characters, and the "
                f"settings are for {config.model.vocab_size}."
            )
        self.config, self.corpus = config, corpus
        self.world = world
        device = pick_device(config.train.device)
        world.check(config.train.batch_size, device)
        self.device = world.device(device)
        self._dtype = pick_dtype(config.train.dtype, self.device, config.model.n_embd)
        self.model: LanguageModel = build_model(config.model, config.train.seed).to(self.device)
        self.optimizer = build_optimizers(self.model, config.train, self._dtype)
        self.step = 0
        self.elapsed_s = 0.0
        self._train = corpus.train.to(self.device)
        self._val = corpus.val.to(self.device)
        self._batches = self._batches_of(self._train, config.train.seed)
        self._dropout_state = self._fresh_dropout_state()
        self._replica: nn.Module | None = None

    def take_step(self) -> StepRecord:
        """Learn from one batch: forward pass, backward pass, update.

        Raises DivergedError when the loss or the gradient's norm is no finite number; then the
        weights and the optimiser state are as they were, and the batch is used up.
        """
        compute_on(step_threads(self.config))
        self.world.announce_step()
        if self._replica is None:  # by now all processes hold the weights that they start from
            self._replica = self.world.replica(self.model)
        started = time.perf_counter()
        rate = learning_rate_at(self.step, self.config.train)

        inputs, targets = map(self.world.own_rows, self._batches.next())
        with self._own_randomness(), self._mixed_precision():  # forward pass
            logits = self._replica(inputs)  # B, T, V
        loss = cross_entropy(logits.float(), targets)
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # backward pass: a gradient a weight
        self.world.average_sparse(self.model)
        grad_norm = self.optimizer.clip(self.config.train.grad_clip)
        loss_nats = float(self.world.mean(loss.detach()))
        if not (math.isfinite(loss_nats) and math.isfinite(grad_norm)):
            raise self._diverged(
                f"At step {self.step + 1:,} the loss was {loss_nats:.3g} and the gradient's norm "
                f"{grad_norm:.3g}"
            )
        self.optimizer.step(rate, self.step)

        self.step += 1
        self.elapsed_s += time.perf_counter() - started
        return StepRecord(self.step, loss_nats, rate, grad_norm, self.elapsed_s)

    def coming_batch(self) -> tuple[Tensor, Tensor]:
        """The batch that the next step will learn from, inputs (B, T) and targets (B, T).

        Changes nothing: the step will draw it again.
        """
        return self._batches.coming()

    def estimate(self) -> Estimate:
        """Losses in nats on fixed windows of each split, `eval_iters` batches. Changes nothing.

        They are the same windows each time, so that a curve shows learning and not luck.

        Raises DivergedError when one of them is not a finite number.
        """
        n_windows = self.config.train.eval_iters * self.config.train.batch_size
        samples = sample_windows(self.corpus, self.config.model.block_size, n_windows)
        train_loss, val_loss = (
            windows_loss(self.model, windows.to(self.device)) for windows in samples
        )
        if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
            raise self._diverged(
                f"After step {self.step:,} the loss was {train_loss + val_loss:.3g}"
            )
        return Estimate(self.step, train_loss, val_loss)

    def change(self, config: RunConfig) -> None:
        """Go on with other settings of training.

        Weights, optimiser state and place in the data stay.

        The model, the seed and the kind of optimiser must be the same.
        """
        self.world.check(config.train.batch_size, self.device)
        optimizer, batches = self.optimizer.state_dict(), self._batches.state_dict()
        self.config = config
        self._dtype = pick_dtype(config.train.dtype, self.device, config.model.n_embd)
        self.optimizer = build_optimizers(self.model, config.train, self._dtype)
        self.optimizer.load_state_dict(optimizer)
        self._batches = self._batches_of(self._train, config.train.seed)
        self._batches.load_state_dict(batches)

    def _diverged(self, what: str) -> DivergedError:
        train = self.config.train
        rates = f"learning_rate (it was {train.learning_rate:g})"
        if train.optimizer == "muon":
            rates += f" or muon_lr (it was {train.muon_lr:g})"
        return DivergedError(
            f"{what}: the run has diverged. Try a smaller {rates}, or a longer warm-up."
        )

    def evaluate(self) -> float:
        """The validation loss: over the whole validation split, in nats per character."""
        return split_loss(self.model, self._val)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on: weights, optimiser state, random states, place.

        Tensors are the trainer's own and not copies: the next step changes them.
        """
        return {
            "iter": self.step,
            "elapsed_s": self.elapsed_s,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "batches": self._batches.state_dict(),
            "dropout": self._dropout_state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` saved, and go on exactly from there.

        Raises RuntimeError or KeyError for the state of another model or another optimiser.
        """
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._batches.load_state_dict(state["batches"])
        self.step = state["iter"]
        self.elapsed_s = state["elapsed_s"]
        self._dropout_state = self._fresh_dropout_state()
        if not self.world.follows:  # a state from a CPU has none for a GPU, which then starts fresh
            self._dropout_state |= state["dropout"]

    def _fresh_dropout_state(self) -> dict[str, Tensor]:
        """The seed's own, and in a follower one that has not been used before."""
        rank, seed = self.world.rank, self.config.train.seed
        return random_state(seed + rank * (self.step + 1) * 1_000_003, self.device)

    def _batches_of(self, tokens: Tensor, seed: int) -> Batches:
        block_size, batch_size = self.config.model.block_size, self.config.train.batch_size
        return Batches(tokens, block_size, batch_size, seed)

    def _mixed_precision(self) -> torch.autocast:
        """Products in `dtype`; estimates and evaluations stay in float32, so that they compare."""
        enabled = self._dtype != torch.float32
        return torch.autocast(self.device.type, self._dtype, enabled=enabled)

    def _own_randomness(self) -> AbstractContextManager[None]:
        """Let dropout draw from this trainer's random numbers and from nobody else's."""
        if not self.config.model.dropout:
            return nullcontext()
        return borrowed_generator(self._dropout_state, self.device)
