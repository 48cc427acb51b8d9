"""A run that is killed without a word, again and again, becomes the run that nobody killed.

The moments are random, so that some of them fall into the writing of a checkpoint, of rows or of a
snapshot. Children come from a server that has torch loaded already, which makes a kill cheap.
"""

from __future__ import annotations

import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

import core.runs.active_run
import core.settings.config
from core.runs.lab import Lab
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from tests.helpers import PATIENCE_S, assert_equal_states, assert_same_run, nursery, train
from tests.recipes import RUNS, config_of

N_KILLS = 4
N_ITERS = 120
"""More than are taken before the last kill; a bigram table is faster, and gets more."""
CASES = [
    *((name, "float32") for name in RUNS),
    ("classic", "bfloat16"),
    ("classic with muon", "bfloat16"),
]


def test_every_model_optimizer_and_schedule_is_here() -> None:
    trained = [config_of(name, 65) for name in RUNS]
    assert {c.model.model for c in trained} == {"bigram", "attention", "transformer"}
    assert {c.train.optimizer for c in trained} == {"adamw", "muon"}
    assert {c.train.schedule for c in trained} == {"cosine", "linear", "flat", "constant"}
    assert {c.model.block for c in trained} == {"classic", "modern", "ladder"}
    assert any(c.model.ngrams for c in trained) and any(c.model.dropout for c in trained)


def hurry() -> None:
    """Save and commit so often that a kill cannot but fall near to it."""
    torch.set_num_threads(1)
    core.runs.active_run.MIN_CHECKPOINT_INTERVAL_S = 0.03
    core.runs.active_run.CHECKPOINT_COST_FACTOR = 0.0
    core.runs.active_run.FLUSH_EVERY_S = 0.01
    core.settings.config.SAMPLE_LENGTH = 12


def train_in_child(home: Path, run_id: str, started: Any) -> None:
    hurry()
    lab = Lab(home)
    started.set()
    train(lab, run_id)


def start(lab: Lab, run_id: str) -> BaseProcess:
    started = nursery().Event()
    child = nursery().Process(target=train_in_child, args=(lab.home.path, run_id, started))
    child.start()
    assert started.wait(timeout=PATIENCE_S)
    return child


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_a_run_that_is_killed_at_random_moments_becomes_the_whole_run(
    name: str, dtype: str, lab: Lab, corpus: Corpus
) -> None:
    n_iters = 8 * N_ITERS if name == "bigram" else N_ITERS
    length = dict(max_iters=n_iters, eval_interval=n_iters // 6)
    config = config_of(name, len(corpus.vocabulary), dtype=dtype, **length)
    whole, killed = (lab.create_run(config, corpus) for _ in range(2))
    dice = random.Random(name)
    n_killed = 0
    for n_before in range(N_KILLS):
        child = start(lab, killed)
        # The first at once: a busy machine may sleep for as long as a whole run takes.
        time.sleep(dice.uniform(0.0, 0.3) if n_before else 0.0)
        child.kill()
        child.join(timeout=PATIENCE_S)
        n_killed += child.exitcode != 0
        assert lab.run(killed).status in ("queued", "interrupted", "finished")
    child = start(lab, killed)
    child.join(timeout=PATIENCE_S)
    assert child.exitcode == 0 and n_killed > 0

    train(lab, whole)
    assert_same_run(lab, killed, whole)
    snapshots = [SnapshotFolder(lab.home.run_folder(run_id)) for run_id in (killed, whole)]
    assert snapshots[0].steps() == snapshots[1].steps()
    for step in snapshots[0].steps():
        assert_equal_states(*(folder.load(step).weights for folder in snapshots))
