"""What `test_parallel.py` lets two processes do; the first writes down what came out.

torchrun --nproc-per-node 2 -m tests.core.training.parallel_checks OUT.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import core  # noqa: F401  (before torch)

# isort: split
import torch
from torch import Tensor
from torch.nn import functional as F

from core.models import build_model
from core.settings.config import RunConfig
from core.text.corpus import Corpus
from core.training.parallel import World, joined_world
from core.training.trainer import Trainer
from tests.helpers import play
from tests.recipes import RUNS, config_of

N_STEPS = 12


def main(out: Path) -> None:
    torch.set_num_threads(1)
    corpus = Corpus("tiny", play(4_000))
    with joined_world() as world:
        results: dict[str, Any] = {"rows": rows(world)}
        for name in RUNS:
            results[name] = gradients(name, world) | losses(name, corpus, world)
        if not world.follows:
            out.write_text(json.dumps(results), encoding="utf-8")


def rows(world: World) -> list[list[int]]:
    """The numbers of the rows that each process takes of a batch of 6."""
    own = world.own_rows(torch.arange(6))
    return world._gathered(own).view(world.size, -1).tolist()


def gradients(name: str, world: World) -> dict[str, float]:
    """How far the averaged gradients are from those of the whole batch in one process."""
    config = config_of(name, 11).model
    dice = torch.Generator().manual_seed(1)
    batch = torch.randint(0, 11, (4, config.block_size + 1), generator=dice)
    alone, shared = build_model(config, 1).eval(), build_model(config, 1).eval()
    noise = [0.3 * torch.randn(p.shape, generator=dice) for p in alone.parameters()]
    with torch.no_grad():
        for model in (alone, shared):
            for parameter, more in zip(model.parameters(), noise):
                parameter += more
    loss_of(alone, batch).backward()
    replica = world.replica(shared)
    for _ in range(2):  # the second time must not add to the first
        shared.zero_grad(set_to_none=True)
        loss_of(replica, world.own_rows(batch)).backward()
        world.average_sparse(shared)
    apart = [
        float((dense(p.grad) - dense(q.grad)).abs().max())
        for p, q in zip(alone.parameters(), shared.parameters())
    ]
    largest = max(float(dense(p.grad).abs().max()) for p in alone.parameters())
    return {"gradients_apart": max(apart), "largest_gradient": largest}


def loss_of(model: Any, batch: Tensor) -> Tensor:
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


def dense(gradient: Tensor | None) -> Tensor:
    assert gradient is not None
    return gradient.to_dense() if gradient.is_sparse else gradient


def losses(name: str, corpus: Corpus, world: World) -> dict[str, list[float]]:
    """The losses and gradient norms of some steps, together."""
    trainer = Trainer(without_dropout(name, corpus), corpus, world)
    steps = []
    for _ in range(N_STEPS):
        if world.follows:
            assert world.hear_of_step()
        steps.append(trainer.step())
    return {
        "losses": [step.loss_nats for step in steps],
        "norms": [step.grad_norm for step in steps],
    }


def without_dropout(name: str, corpus: Corpus) -> RunConfig:
    """Masks differ from process to process."""
    changes = {} if name == "bigram" else {"dropout": 0.0}
    return config_of(name, len(corpus.vocabulary), **changes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
