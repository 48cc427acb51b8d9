"""How a step is made from a gradient: parameter groups, the optimiser, the learning rate.

Knows models only as named parameters.

Sources: AdamW, Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101; the groups and the
cosine schedule as in nanoGPT's `configure_optimizers` and `get_lr`; Muon beside AdamW, Jordan et
al. 2024, https://kellerjordan.github.io/posts/muon/.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn

from core.models.base import LanguageModel
from core.settings.config import TrainConfig
from core.training.muon import Muon
from core.training.row_adagrad import RowAdagrad
from core.training.uncompiled import AdamW

MUON_STEPS = 3
"""Newton-Schulz steps in training.

Jordan et al. take five, for which the coefficients were found: they bring singular values from
0.002 of a matrix's norm on to between 0.68 and 1.21. Three do so from 0.018 on, at three fifths of
the cost, and learn nearly as well."""
MUON_MOMENTUM_ITERS = 300
FLAT_SHARE = 0.4
"""The part of the `flat` schedule that stays at the peak."""


class Optimizers:
    """Optimisers for different parameters of one model that step as one.

    The schedule gives one rate; each part follows it in proportion, from a peak of its own.
    `learning_rate` is the peak of AdamW alone: of all parameters or, where Muon has the matrices of
    the blocks, of embeddings, head and vectors. Muon's peak is `muon_lr`, that of the n-gram tables
    `table_lr`. Peaks of their own for AdamW and Muon are Jordan et al.'s. When `learning_rate` is
    changed in mid-run, the others keep their proportion to it (`core.records.course`).
    """

    def __init__(
        self,
        parts: dict[str, torch.optim.Optimizer],
        dense: list[nn.Parameter],
        config: TrainConfig,
    ) -> None:
        """`dense` are the parameters of all parts but the tables."""
        self.parts = parts
        self._dense = dense
        for part in parts.values():
            for group in part.param_groups:
                group["in_proportion"] = group["lr"] / config.learning_rate

    def step(self, rate: float, step: int) -> None:
        """Update all parameters from their gradients, as step number `step` at this rate."""
        for name, part in self.parts.items():
            for group in part.param_groups:
                group["lr"] = rate * group["in_proportion"]
                if name == "muon":
                    group["momentum"] = muon_momentum_at(step)
            part.step()

    def clip(self, max_norm: float) -> float:
        """Shorten the gradient to `max_norm` (0: leave it), and return its norm before that.

        It is the Euclidean norm over all parameters together. Tables are left out: their gradients
        are sparse, and their optimiser scales each row itself.
        """
        return float(torch.nn.utils.clip_grad_norm_(self._dense, max_norm or math.inf))

    def state_dict(self) -> dict[str, Any]:
        """The optimiser state of each part (moments, momentum, squares); rates are the config's."""
        return {name: part.state_dict()["state"] for name, part in self.parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved optimiser state; rates and decay stay those of this config.

        Raises KeyError when the state has not the same parts.
        """
        for name, part in self.parts.items():
            groups = part.state_dict()["param_groups"]
            moments = copy.deepcopy(state[name])  # torch itself would go on in the caller's
            part.load_state_dict({"state": moments, "param_groups": groups})


def build_optimizers(
    model: LanguageModel, config: TrainConfig, dtype: torch.dtype = torch.float32
) -> Optimizers:
    """AdamW for everything, or Muon for the matrices inside the blocks; a rate a row for tables.

    AdamW pulls matrices towards 0 by weight decay and leaves vectors alone. Muon multiplies its
    matrices in `dtype`; the gates, each a vector for a head, are not among them.
    """
    tables, dense, inside, rest = [], [], [], []
    for name, p in model.named_parameters():
        if "tables." in name:
            tables.append(p)
            continue
        dense.append(p)
        is_inside = "blocks." in name and p.dim() == 2 and ".gate." not in name
        if config.optimizer == "muon" and is_inside:
            inside.append(p)
        else:
            rest.append(p)
    parts: dict[str, torch.optim.Optimizer] = {"adamw": _adamw(rest, config)}
    if inside:
        parts["muon"] = Muon(inside, lr=config.muon_lr, n_steps=MUON_STEPS, dtype=dtype)
    if tables:
        parts["tables"] = RowAdagrad(tables, lr=config.table_lr)
    return Optimizers(parts, dense, config)


def _adamw(params: list[nn.Parameter], config: TrainConfig) -> AdamW:
    """`fused` makes one pass over all parameters instead of a dozen; it computes the same."""
    groups = [
        {"params": [p for p in params if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0},
    ]
    return AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=params[0].device.type in ("cpu", "cuda"),
    )


def muon_momentum_at(step: int) -> float:
    """Momentum grows over the first steps, when the gradient still changes its direction fast."""
    return 0.85 + 0.10 * min(step / MUON_MOMENTUM_ITERS, 1.0)


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """The learning rate of step 0, 1, 2, …

    Rises in a line over `warmup_iters`, then falls from `learning_rate` to `min_lr` at
    `lr_decay_iters` in the shape of `schedule`, and stays there.
    """
    peak = config.learning_rate
    if step < config.warmup_iters:
        return peak * (step + 1) / (config.warmup_iters + 1)
    if config.schedule == "constant":
        return peak
    if config.has_decayed(step):
        return config.min_lr
    done = (step - config.warmup_iters) / (config.lr_decay_iters - config.warmup_iters)
    if config.schedule == "flat":
        done = max(0.0, (done - FLAT_SHARE) / (1.0 - FLAT_SHARE))
    share = 0.5 * (1.0 + math.cos(math.pi * done)) if config.schedule == "cosine" else 1.0 - done
    return config.min_lr + share * (peak - config.min_lr)
