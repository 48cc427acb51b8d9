"""torch's global generator, lent to one trainer at a time.

Dropout draws from it and from nothing else, and there is one for all threads of the process. So
whoever draws puts a state of its own in place and takes it away again, and nobody else draws
meanwhile: a page that takes a step on a copy of a run does not change the run's next numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_generator_is_lent = threading.Lock()


def random_state(seed: int, device: torch.device) -> dict[str, Tensor]:
    """States for the generators of a device, seeded without touching the global ones."""
    state = {"cpu": torch.Generator().manual_seed(seed).get_state()}
    if device.type == "cuda":
        state["cuda"] = torch.Generator(device).manual_seed(seed).get_state()
    return state


@contextmanager
def borrowed_generator(state: dict[str, Tensor], device: torch.device) -> Iterator[None]:
    """Inside, torch draws from `state`, which is moved on; afterwards it is as it was before.

    Waits while another thread is inside.
    """
    on_gpu = device.type == "cuda"
    with _generator_is_lent, torch.random.fork_rng([device] if on_gpu else []):
        torch.set_rng_state(state["cpu"])
        if on_gpu:
            torch.cuda.set_rng_state(state["cuda"], device)
        yield
        state["cpu"] = torch.get_rng_state()
        if on_gpu:
            state["cuda"] = torch.cuda.get_rng_state(device)
