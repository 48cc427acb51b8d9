"""On how many CPU threads the lab computes: how many it may take, and how many a step then takes.

torch splits an operation up among the threads of an OpenMP team, and each thread that computes has
a team of its own. Two things follow that cost more than they look like:

* A small step is over before a second thread has woken up: it takes one.
* A team outlives its work, and while there are more threads in teams than cores, OpenMP no longer
  keeps them at the ready but puts them to sleep between any two operations. One thread that
  computed once and idles since makes each step of another take one and a half times as long, and a
  small model's four times. So a thread that has computed is to end.
"""

from __future__ import annotations

import os

import torch

from core.errors import ConfigError
from core.settings.config import RunConfig
from core.training.parts import step_flops_by_part

THREADS_VARIABLE = "LAB_THREADS"
ONE_THREAD_FLOPS = 100_000_000
"""A step of less takes one thread: on two cores one is 1.5 times as fast as two at 12 million, 1.2
times at 80 million, and 0.7 times at 340 million."""

_allowed: int | None = None


def n_threads() -> int:
    """How many CPU threads the lab may take: what `set_threads` said, else torch's own choice."""
    return torch.get_num_threads() if _allowed is None else _allowed


def set_threads(wanted: int | None) -> None:
    """Let the lab take so many CPU threads; None is what LAB_THREADS says, else torch's own choice.

    Raises ConfigError for a number that cannot be.
    """
    global _allowed
    text = os.environ.get(THREADS_VARIABLE, "") if wanted is None else str(wanted)
    if not text:
        return
    check_threads(text)
    _allowed = int(text)
    torch.set_num_threads(_allowed)


def check_threads(text: str) -> None:
    """Raise ConfigError for a number of threads that cannot be."""
    n_cores = os.cpu_count() or 1
    if not text.isdecimal() or not 1 <= int(text) <= n_cores:
        raise ConfigError(
            f"The number of threads (--threads or {THREADS_VARIABLE}) is a whole number from 1 to "
            f"{n_cores}, the cores of this machine, not {text!r}."
        )


def step_threads(config: RunConfig) -> int:
    """How many CPU threads a step of a run takes here."""
    flops = sum(step_flops_by_part(config).values())
    return 1 if flops < ONE_THREAD_FLOPS else n_threads()


def compute_on(threads: int) -> None:
    """Let the calling thread, and those that begin from now on, compute on so many."""
    global _allowed
    if torch.get_num_threads() != threads:
        _allowed = n_threads()
        torch.set_num_threads(threads)
