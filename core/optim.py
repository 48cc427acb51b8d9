"""How a step is made from a gradient: parameter groups, the optimiser, the learning rate.

Knows models only as named parameters.

Sources: AdamW, Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101; the groups and the
cosine schedule as in nanoGPT's `configure_optimizers` and `get_lr`.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from core.config import TrainConfig


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW in two groups: matrices are pulled towards 0 by weight decay, vectors are not.

    `fused` makes one pass over all parameters instead of a dozen; it computes the same.
    """
    params = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in params if p.dim() >= 2]
    vectors = [p for p in params if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=params[0].device.type in ("cpu", "cuda"),
    )


def learning_rate_at(step: int, config: TrainConfig, peak: float | None = None) -> float:
    """The learning rate of step 0, 1, 2, …

    Rises in a line over `warmup_iters`, then falls from the peak to `min_lr` at `lr_decay_iters`
    in the shape of `schedule`, and stays there. `peak` replaces `learning_rate` where it was
    changed in mid-run.
    """
    peak = config.learning_rate if peak is None else peak
    if step < config.warmup_iters:
        return peak * (step + 1) / (config.warmup_iters + 1)
    if config.schedule == "constant":
        return peak
    if step >= config.lr_decay_iters:
        return min(config.min_lr, peak)
    done = (step - config.warmup_iters) / (config.lr_decay_iters - config.warmup_iters)
    share = 0.5 * (1.0 + math.cos(math.pi * done)) if config.schedule == "cosine" else 1.0 - done
    return config.min_lr + share * (peak - config.min_lr)
