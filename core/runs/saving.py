"""What of a run is saved: its last state, its best one, and those where a branch can start.

A state is a checkpoint: weights, optimiser state, random states and the place in the data.

When to save is `core.runs.active_run`'s to decide. The best state waits in memory until the next
save, so that a run whose estimates keep falling does not write a file at each of them.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from torch import Tensor

from core.errors import CheckpointError
from core.models import model_from_weights
from core.records.records import Estimate
from core.storage.checkpoint import Checkpoint, CheckpointFolder
from core.training.evaluation import split_loss
from core.training.trainer import Trainer


class Keeper:
    """Saves the states of one run while it trains, and knows which was the best."""

    def __init__(
        self, folder: CheckpointFolder, trainer: Trainer, newest: Checkpoint | None
    ) -> None:
        """`newest` is the checkpoint that the trainer goes on from."""
        self._folder = folder
        self._trainer = trainer
        self.best_step = newest.best_step if newest else 0
        self._best_loss_nats = newest.best_val_loss_nats if newest else None
        self._unsaved_best: Checkpoint | None = None
        self.cost_s = 0.0
        """What saving took the last time, in seconds."""
        self.saved_at = time.monotonic()

    def compare(self, estimate: Estimate) -> None:
        """Keep the state in mind if it is the best so far. Step 0 has no checkpoint."""
        if self._best_loss_nats is None or estimate.val_loss_nats < self._best_loss_nats:
            self._best_loss_nats = estimate.val_loss_nats
            self.best_step = estimate.step
            self._unsaved_best = _copy_of(self._state()) if estimate.step else None

    def save(self) -> None:
        """Write the state, and the best where it has not been; drop those no longer needed."""
        started = time.monotonic()
        if self._unsaved_best and self._unsaved_best.step != self._trainer.step:
            self._folder.save(self._unsaved_best)
        self._unsaved_best = None
        self._folder.save(self._state())
        self._folder.thin({self._trainer.step, self.best_step})
        self.saved_at = time.monotonic()
        self.cost_s = self.saved_at - started

    def evaluate_best(self, val_loss: float) -> float:
        """The validation loss of the best checkpoint, over the whole split.

        Which that is was told by estimates on sample windows. Where the last state turns out to be
        no worse, or the other is lost, the last is the best.

        Args:
            val_loss: that of the last, which is the state as it is now.
        """
        if self.best_step == self._trainer.step:
            return val_loss
        try:
            best = self._unsaved_best or self._folder.load(self.best_step)
        except CheckpointError:  # none, or a damaged one: no reason not to end the run
            self.best_step, self._best_loss_nats = self._trainer.step, None
            return val_loss
        device = self._trainer.device
        model = model_from_weights(self._trainer.config.model, best.trainer["model"]).to(device)
        best_loss = split_loss(model, self._trainer.corpus.val.to(device))
        if not best_loss >= val_loss:  # nor where the last loss is no number
            return best_loss
        self.best_step, self._unsaved_best = self._trainer.step, None
        return val_loss

    def _state(self) -> Checkpoint:
        return Checkpoint(
            config=self._trainer.config.flat(),
            vocabulary=self._trainer.corpus.vocabulary.characters,
            fingerprint=self._trainer.corpus.fingerprint,
            trainer=self._trainer.state_dict(),
            best_step=self.best_step,
            best_val_loss_nats=self._best_loss_nats,
        )


def _copy_of(state: Checkpoint) -> Checkpoint:
    """The same state, which stays as it is while training goes on, in the host's memory."""
    return replace(state, trainer=_on_cpu(state.trainer))


def _on_cpu(value: Any) -> Any:
    """Copies of the tensors in nested dicts."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return type(value)((name, _on_cpu(inner)) for name, inner in value.items())
    return value
