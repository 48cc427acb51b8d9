"""Runs trained one after another: the cells of a sweep, the rungs of a ladder."""

from __future__ import annotations

import time
from collections.abc import Callable

from tqdm import tqdm

from core.commands.common import BAR
from core.commands.training import caught_signals
from core.experiments.sweep import SweepProgress
from core.runs.lab import Lab
from core.service.service import TrainingService

POLL_S = 0.1


def train_together(
    lab: Lab, sweep_id: str, progress_now: Callable[[], SweepProgress], unit: str
) -> list[int]:
    """Train what is left of them until the end or a signal, with a progress bar.

    `unit` is what they are called there: "runs", "rungs". Returns the signals that arrived.
    """
    service = TrainingService(lab)
    try:
        with caught_signals() as signals:
            service.start_sweep(sweep_id)
            progress = progress_now()
            n_done, n_steps = progress.n_steps_done, progress.n_steps
            with tqdm(initial=n_done, total=n_steps, unit=" steps", **BAR) as bar:
                while not signals and service.is_sweeping(sweep_id):
                    time.sleep(POLL_S)
                    progress = progress_now()
                    done = f"{progress.n_done} of {progress.n_cells} {unit}"
                    bar.set_postfix_str(done, refresh=False)
                    bar.update(progress.n_steps_done - bar.n)
    finally:
        service.close()  # the run in hand is saved
    return signals
