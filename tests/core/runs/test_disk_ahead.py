"""What a run will take on the disk is said before it starts, and the caps are kept."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from core.runs.active_run import ActiveRun
from core.runs.disk_ahead import checkpoint_bytes, most_disk_mib, snapshot_bytes
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.storage.budget import DiskBudget
from core.storage.checkpoint import CheckpointFolder
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from tests.helpers import CommandLine, small_flags, train

WIDE = dict(n_embd=64, n_head=2, block_size=16, dropout=0.0, max_iters=24)


def sizes_mib(lab: Lab, run_id: str) -> tuple[list[float], list[float]]:
    """Of its checkpoints and of its snapshots, in their order."""
    folder = lab.home.run_folder(run_id)
    kinds = CheckpointFolder(folder), SnapshotFolder(folder)
    checkpoints, snapshots = (
        [kind.path(step).stat().st_size / 2**20 for step in kind.steps()] for kind in kinds
    )
    return checkpoints, snapshots


@pytest.mark.parametrize(
    ("kind", "recipe"),
    [
        ("bigram", "classic"), ("attention", "classic"), ("transformer", "classic"),
        ("transformer", "fast"), ("transformer", "fastest"),
    ],
)  # fmt: skip
def test_a_run_takes_what_was_said_at_most_and_not_much_less_a_file(
    lab: Lab, corpus: Corpus, kind: ModelKind, recipe: str
) -> None:
    flags = small_flags(kind, **WIDE)
    config = resolve(kind, len(corpus.vocabulary), None, flags, recipe)
    run_id = train(lab, lab.create_run(config, corpus))
    checkpoints, snapshots = sizes_mib(lab, run_id)
    said = checkpoint_bytes(config) / 2**20, snapshot_bytes(config) / 2**20
    for largest, bound in zip((max(checkpoints), max(snapshots)), said):
        assert largest <= bound
        assert bound < (2 if recipe == "classic" else 10) * largest + 0.1
    wall_s = lab.run(run_id).wall_s
    assert sum(checkpoints) + sum(snapshots) <= most_disk_mib(config, wall_s)
    assert most_disk_mib(config, wall_s) <= most_disk_mib(config, None)


def test_the_caps_are_kept_but_for_the_last_and_the_best(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.active_run.MIN_CHECKPOINT_INTERVAL_S", 0.0)
    monkeypatch.setattr("core.runs.active_run.CHECKPOINT_COST_FACTOR", 0.0)
    flags = small_flags("attention", **WIDE)
    config = resolve("attention", len(corpus.vocabulary), None, flags)
    taken = []
    for budget in (DiskBudget(), DiskBudget(checkpoint_mib=0.0, snapshot_mib=0.0)):
        run_id = lab.create_run(config, corpus)
        run = ActiveRun.open(lab.home, lab.store, run_id, budget=budget)
        run.advance(60.0)
        run.finish()
        run.close()
        checkpoints, snapshots = sizes_mib(lab, run_id)
        taken.append((len(checkpoints), len(snapshots)))
        assert sum(checkpoints) + sum(snapshots) <= most_disk_mib(config, None, budget)
    assert taken[0][0] > 10 and taken[1][0] <= 2 and taken[1][1] == 2 < taken[0][1]


@pytest.mark.parametrize("mib", [-1.0, float("nan"), float("inf"), 1e9])
def test_a_cap_that_cannot_be_is_refused(mib: float) -> None:
    with pytest.raises(ConfigError, match="checkpoint_mib is a number from 0"):
        DiskBudget(checkpoint_mib=mib)


def test_a_dry_run_counts_with_the_caps(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    command = ["train", "--model", "transformer", "--corpus", "tiny", "--device", "cpu"]
    usual = cli.ok(*command, "--dry_run")["disk_mib"]
    small = cli.ok(*command, "--dry_run", "--checkpoint_mib", 0, "--snapshot_mib", 0)["disk_mib"]
    assert 0 < small < usual <= 128 + 256
