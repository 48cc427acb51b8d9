"""One training step, told with its numbers: a guess, its loss, the gradient, what moved, the guess.

The step is a trainer's own next one: nothing is computed here that the trainer does not also do,
and whoever wants to keep a run as it is hands in a private copy (`core.runs.private_copy`). What
the model guesses, before and after, is computed in float32 and without dropout, as estimates are;
the gradient is that of the step, with whatever it rounds and drops.

For one character with the logits z and p = softmax(z) the loss is -ln p[target], and its gradient
on the logits is p - 1 for the target and p for every other character (Goodfellow et al. 2016,
"Deep Learning", section 6.2.2.3). What goes back through the model is that of the mean over the
batch: each character's share divided by B T.

Shapes as in `core/models/base.py`: B windows, T places in each, V characters. Windows and places
count from 0 here.
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.interpretability.lens import layer_logits
from core.models import LanguageModel
from core.training.evaluation import evaluating
from core.training.health import layer_number, layer_of
from core.training.trainer import Trainer

_CHARACTERS_PER_PASS = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class PartStep:
    """One part of a model in one step. Norms are Euclidean, over all numbers of the part."""

    part: str
    """`attention` or `MLP` in a layer, each with the norm before it; else a name of its own, such
    as `token embedding`, which a tied head is too."""
    layer: int
    """From 1; 0 for what belongs to no layer."""
    n_params: int
    grad_norm: float
    """Of the batch's mean loss, in nats per unit of weight, before clipping."""
    weight_norm: float
    """Before the step."""
    update_norm: float
    """How far the weights moved."""

    @property
    def name(self) -> str:
        return f"layer {self.layer} {self.part}" if self.layer else self.part

    @property
    def update_ratio(self) -> float | None:
        """How far it moved as a share of its size; None where it was all zero."""
        return self.update_norm / self.weight_norm if self.weight_norm else None


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingStep:
    """A step that was taken, with the model on both sides of it. Losses in nats per character."""

    step: int
    """The number of steps done after it."""
    learning_rate: float
    """The schedule's, which AdamW follows."""
    rates: Mapping[str, float]
    """The learning rate of each optimiser that took part: `adamw`, `muon`, `tables`."""
    inputs: Tensor
    targets: Tensor
    """The batch, (B, T) tokens each: the targets are the inputs one character further."""
    losses_before_nats: Tensor
    losses_after_nats: Tensor
    """Of each character of this batch, (B, T), before the step and after it."""
    step_logits: Tensor
    """The logits of the step's own forward pass, (B, T, V)."""
    step_loss_nats: float
    """The mean loss of that pass: the point that the step adds to the curve."""
    grad_norm: float
    """Of the whole gradient but that of n-gram tables, before clipping."""
    max_norm: float
    """A longer gradient is clipped to this; 0: none is."""
    clip_factor: float
    """What the gradient was multiplied with before the update; 1 where nothing was clipped."""
    parts: tuple[PartStep, ...]
    """In the order in which a character meets them on its way through."""
    before: LanguageModel
    after: LanguageModel

    @property
    def loss_before_nats(self) -> float:
        """The mean over the batch."""
        return float(self.losses_before_nats.mean())

    @property
    def loss_after_nats(self) -> float:
        """The mean over the same batch, after the step."""
        return float(self.losses_after_nats.mean())

    @property
    def typical(self) -> tuple[int, int]:
        """Window and place whose loss is nearest to the mean: among those with much to look at."""
        T = self.inputs.shape[1]
        off = (self.losses_before_nats - self.losses_before_nats.mean()).abs()
        off[:, : T // 2] = torch.inf
        window, place = divmod(int(off.argmin()), T)
        return window, place


@dataclass(frozen=True, kw_only=True, eq=False)
class ToldGuess:
    """One guess of the batch, before the step and after it. Probabilities go from 0 to 1."""

    window: int
    place: int
    target: int
    """The token that comes there."""
    layers: Tensor
    """What each layer would guess, (L, V); the last is the model's guess before the step. A bigram
    table has one."""
    after: Tensor
    """The model's guess after the step, (V,)."""
    logits_grad: Tensor
    """The gradient of this character's loss on its logits in the step, (V,): p less 1 or 0."""
    step_loss_nats: float
    """The loss of this character in the step's own forward pass."""

    @property
    def before(self) -> Tensor:
        """The model's guess before the step, (V,)."""
        return self.layers[-1]

    @property
    def loss_before_nats(self) -> float:
        return -float(self.before[self.target].log())

    @property
    def loss_after_nats(self) -> float:
        return -float(self.after[self.target].log())


# --- the step -------------------------------------------------------------------------------------


def tell_step(trainer: Trainer) -> TrainingStep:
    """Take a trainer's next step, and tell it.

    Raises DivergedError as `Trainer.take_step` does.
    """
    inputs, targets = trainer.coming_batch()
    before = copy.deepcopy(trainer.model).eval()
    with _outputs_of(trainer.model) as outputs:
        record = trainer.take_step()
    after = copy.deepcopy(trainer.model).eval()  # without gradients, which the trainer has
    max_norm = trainer.config.train.grad_clip
    clip_factor = min(1.0, max_norm / (record.grad_norm + 1e-6)) if max_norm else 1.0
    return TrainingStep(
        step=record.step,
        learning_rate=record.learning_rate,
        rates={n: o.param_groups[0]["lr"] for n, o in trainer.optimizer.parts.items()},
        inputs=inputs,
        targets=targets,
        losses_before_nats=losses_of(before, inputs, targets),
        losses_after_nats=losses_of(after, inputs, targets),
        step_logits=outputs[0],
        step_loss_nats=record.loss_nats,
        grad_norm=record.grad_norm,
        max_norm=max_norm,
        clip_factor=clip_factor,
        parts=_parts(before, trainer.model, clip_factor),
        before=before,
        after=after,
    )


def losses_of(model: LanguageModel, inputs: Tensor, targets: Tensor) -> Tensor:
    """-ln p(target) of every character of a batch, twice (B, T) to (B, T), in nats."""
    per_pass = max(1, _CHARACTERS_PER_PASS // inputs.shape[1])
    with evaluating(model):
        losses = [
            F.cross_entropy(model(x).transpose(1, 2), y, reduction="none")
            for x, y in zip(torch.split(inputs, per_pass), torch.split(targets, per_pass))
        ]
    return torch.cat(losses)


@contextmanager
def _outputs_of(model: LanguageModel) -> Iterator[list[Tensor]]:
    """Inside, what each pass through the model gives is added to the list."""
    outputs: list[Tensor] = []

    def keep(module: nn.Module, seen: tuple[Any, ...], output: Tensor) -> None:
        outputs.append(output.detach())

    hook = model.register_forward_hook(keep)
    try:
        yield outputs
    finally:
        hook.remove()


def _parts(before: LanguageModel, after: LanguageModel, clip_factor: float) -> tuple[PartStep, ...]:
    """What became of each part; `after` still has its gradients, clipped."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, _ in before.named_parameters():
        names[part_of(name)].append(name)
    was, now = dict(before.named_parameters()), dict(after.named_parameters())
    parts = []
    for part, inside in names.items():
        layer = layer_number(part)
        is_clipped = part != "tables"
        grad_norm = _norm([_dense(now[name].grad) for name in inside])
        parts.append(
            PartStep(
                part=part.removeprefix(f"layer {layer} "),
                layer=layer or 0,
                n_params=sum(was[name].numel() for name in inside),
                grad_norm=grad_norm / clip_factor if is_clipped else grad_norm,
                weight_norm=_norm([was[name].detach() for name in inside]),
                update_norm=_norm([now[name].detach() - was[name].detach() for name in inside]),
            )
        )
    return tuple(parts)


def part_of(parameter: str) -> str:
    """The part that a parameter belongs to, from its name in `named_parameters`.

    As `core.training.health.layer_of` says, and within a layer its attention or its MLP, each with
    the norm before it: `layer 1 attention`.
    """
    layer = layer_of(parameter)
    if layer_number(layer) is None:
        return layer
    looks = {"attention", "norm_1"} & set(parameter.split("."))
    return f"{layer} {'attention' if looks else 'MLP'}"


def _dense(grad: Tensor | None) -> Tensor:
    """The numbers of a gradient that are there at all: a table's has only the rows looked up."""
    if grad is None:
        return torch.zeros(0)
    return grad.coalesce().values() if grad.is_sparse else grad


def _norm(tensors: list[Tensor]) -> float:
    return math.hypot(*(float(torch.linalg.vector_norm(each)) for each in tensors))


# --- one guess of it ------------------------------------------------------------------------------


def told_guess(told: TrainingStep, window: int, place: int) -> ToldGuess:
    """One guess of the step's batch: that of the character after `place` in `window`.

    Raises IndexError for a window or a place that the batch does not have.
    """
    row = told.inputs[window][None]  # 1, T
    target = int(told.targets[window, place])
    with torch.inference_mode():
        has_layers = told.before.config.n_layer > 0
        every = layer_logits(told.before, row) if has_layers else told.before(row)[None]
        layers = every[:, 0, place]  # L, V
        after = told.after(row)[0, place]  # V
    in_step = told.step_logits[window, place].float()
    one_hot = F.one_hot(told.targets[window, place], len(in_step))
    return ToldGuess(
        window=window, place=place, target=target,
        layers=layers.float().softmax(dim=-1).cpu(),
        after=after.float().softmax(dim=-1).cpu(),
        logits_grad=(in_step.softmax(dim=-1) - one_hot).cpu(),
        step_loss_nats=-float(in_step.log_softmax(dim=-1)[target]),
    )  # fmt: skip
