"""What `tests/core/training/test_parallel.py` lets two processes do, one thing after the other.

torchrun --nproc-per-node 2 -m tests.core.training.parallel_checks FOLDER

A file in the folder says what to do next: the arguments of `python -m core`, or `checks`. To start
two processes takes ten times as long as to train in them.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import core  # noqa: F401  (before torch)

# isort: split
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from core.command_line import main as core_main
from core.models import build_model
from core.settings.config import RunConfig
from core.text.corpus import Corpus
from core.training.parallel import World, joined_world
from core.training.trainer import Trainer
from tests.helpers import play
from tests.recipes import RUNS, config_of

N_STEPS = 12
init_process_group = dist.init_process_group


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    parent = os.getppid()
    store = dist.TCPStore(
        os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False
    )
    for number in itertools.count():
        job = folder / f"{number}.json"
        while not job.exists():
            if os.getppid() != parent:
                return
            time.sleep(0.01)
        arguments, os.environ["LAB_HOME"] = json.loads(job.read_text("utf-8"))
        if not arguments:
            return
        meet_in(dist.PrefixStore(job.name, store))
        write_into(folder, number)
        code = checks() if arguments == ["checks"] else core_main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        code_path = folder / f"{number}-{os.environ['RANK']}.code"
        code_path.with_suffix(".new").write_text(str(code), encoding="utf-8")
        code_path.with_suffix(".new").replace(code_path)


def meet_in(store: dist.Store) -> None:
    """Let the processes find each other anew: where they met before, old addresses lie about."""
    group = dict(rank=int(os.environ["RANK"]), world_size=int(os.environ["WORLD_SIZE"]))
    dist.init_process_group = partial(init_process_group, store=store, **group)


def write_into(folder: Path, number: int) -> None:
    """Send what this process says from now on into two files, one for all processes."""
    for descriptor, name in ((1, "out"), (2, "err")):
        file = os.open(folder / f"{number}.{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)


def checks() -> int:
    """Compare with what one process would do; the first process prints what came out."""
    corpus = Corpus("tiny", play(4_000))
    with joined_world() as world:
        results: dict[str, Any] = {"rows": rows(world)}
        for name in RUNS:
            results[name] = gradients(name, world) | losses(name, corpus, world)
        if not world.follows:
            print(json.dumps(results))
    return 0


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
        steps.append(trainer.take_step())
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
