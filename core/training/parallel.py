"""Several processes that train one model: who leads, who follows, and what they tell each other.

`torchrun` starts N processes with the same command line. All hold the same model and draw the same
seeded batch; each takes its own rows of it, and torch's DistributedDataParallel averages the
gradients, so that every process makes the same step. Process 0 leads: it alone has the run's lock,
writes rows and checkpoints, estimates, and decides when to step and when to stop. The others only
step when they are told to.

Exact to the last bit with a given number of processes, but for dropout: each process draws masks
of its own, and only the leader's generator is saved.

Knows nothing of runs, stores and screens. Source: Li et al. 2020, "PyTorch Distributed",
https://arxiv.org/abs/2006.15704.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.errors import ConfigError

PATIENCE = timedelta(hours=2)
"""How long the followers wait for word from the leader, who may be evaluating."""
_STEP, _STOP = 1, 0


@dataclass(frozen=True)
class World:
    """Which process this is, of how many. A world of one never says a word to anybody."""

    rank: int = 0
    size: int = 1

    @property
    def follows(self) -> bool:
        return self.rank > 0

    def own_rows(self, batch: Tensor) -> Tensor:
        """This process's share of a batch (B, …): B / size rows in a stretch."""
        n_rows = len(batch) // self.size
        return batch[self.rank * n_rows : (self.rank + 1) * n_rows]

    def check(self, batch_size: int, device: torch.device) -> None:
        """Raise ConfigError when these processes cannot train such batches on such a device."""
        if self.size == 1:
            return
        if batch_size % self.size:
            below = batch_size - batch_size % self.size
            around = f"{below} or {below + self.size}" if below else f"{self.size}"
            raise ConfigError(
                f"batch_size is shared out among the {self.size} processes, and {batch_size} "
                f"cannot be in equal parts. Take {around}."
            )
        if int(os.environ.get("LOCAL_WORLD_SIZE", self.size)) != self.size:
            raise ConfigError(
                "All processes of a run must be on one machine, where its files are. "
                "Start torchrun with one node."
            )
        n_devices = torch.cuda.device_count() if device.type == "cuda" else self.size
        if device.type == "mps" or n_devices < self.size:
            raise ConfigError(
                f"Each of {self.size} processes needs a device of its own, and there are fewer "
                f"{device.type} devices. Start fewer processes, or use device cpu."
            )

    def device(self, device: torch.device) -> torch.device:
        """A GPU for each process, which becomes torch's current one, or the CPU for all."""
        if device.type == "cuda" and self.size > 1:
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(device)  # else all would take up memory on the first
        return device

    def replica(self, model: nn.Module) -> nn.Module:
        """The model, with gradients that are averaged over the processes. All must call it.

        Sparse gradients are left to `average_sparse`: torch's wrapper divides them, and all others
        beside them, once too often.
        """
        if self.size == 1:
            return model
        sparse = [
            f"{name}.weight" for name, module in model.named_modules()
            if isinstance(module, nn.Embedding) and module.sparse
        ]  # fmt: skip
        ignore = DistributedDataParallel._set_params_and_buffers_to_ignore_for_model
        ignore(model, sparse)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(model)

    def average_sparse(self, model: nn.Module) -> None:
        """Put all processes' rows together where gradients are sparse. All must call it."""
        if self.size == 1:
            return
        for parameter in model.parameters():
            if parameter.grad is not None and parameter.grad.is_sparse:
                rows = self._gathered(parameter.grad._indices()[0])  # one for each look-up
                values = self._gathered(parameter.grad._values()) / self.size
                parameter.grad = torch.sparse_coo_tensor(
                    rows[None], values, parameter.shape, check_invariants=False
                )

    def _gathered(self, own: Tensor) -> Tensor:
        """The processes' tensors of one shape, one after the other."""
        every = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(every, own.contiguous())
        return torch.cat(every)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a number over the processes. All must call it."""
        if self.size > 1:
            value = value.detach().clone()
            dist.all_reduce(value)
            value /= self.size
        return value

    # --- leader and followers ---------------------------------------------------------------------

    def announce_run(self, run_id: str | None, step: int = 0) -> None:
        """The leader tells which run it is and from which checkpoint; None: there will be none."""
        if self.size > 1:
            dist.broadcast_object_list([run_id, step])

    def hear_of_run(self) -> tuple[str | None, int]:
        """What the leader announced."""
        heard: list[str | int | None] = [None, 0]
        dist.broadcast_object_list(heard)
        run_id, step = heard
        return (None if run_id is None else str(run_id)), int(step or 0)

    def announce_step(self) -> None:
        """The leader is about to step; the followers step along."""
        self._tell(_STEP)

    def announce_end(self) -> None:
        """The leader will not step any more."""
        self._tell(_STOP)

    def hear_of_step(self) -> bool:
        """Wait for the leader: True to step along, False at the end."""
        word = torch.zeros(1, dtype=torch.int64)
        dist.broadcast(word, src=0)
        return int(word) == _STEP

    def _tell(self, word: int) -> None:
        if self.size > 1 and not self.follows:
            dist.broadcast(torch.tensor([word]), src=0)


ALONE = World()


def is_follower() -> bool:
    """Whether `torchrun` started this process, and not as the first."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and os.environ.get("RANK", "0") != "0"


@contextmanager
def joined_world() -> Iterator[World]:
    """The processes that `torchrun` started together with this one; a world of one without it."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    has_nccl = torch.cuda.is_available() and dist.is_nccl_available()  # Windows has none
    backend = "cpu:gloo,cuda:nccl" if has_nccl else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
