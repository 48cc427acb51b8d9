"""The weights of a run over time: which are kept, what they hold, and what they may take."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import CheckpointError
from core.models import build_model
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.storage.checkpoint import CheckpointFolder, Snapshot
from core.storage.snapshots import SnapshotFolder, is_due
from core.text.corpus import Corpus
from core.training.evaluation import split_loss
from tests.helpers import (
    CommandLine,
    assert_equal_states,
    small_config,
    small_run,
    train,
    trained,
)

TAKEN = [0, 1, 2, 4, 8, 10, 16, 20, 30, 32, 40]
"""Of the small runs: 40 steps with an estimate every 10."""


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    return SnapshotFolder(tmp_path / "run")


def snapshot(step: int, size: int = 100, **weights: Any) -> Snapshot:
    matrix = torch.randn(size, size, generator=torch.Generator().manual_seed(step))
    config = small_config("bigram", 7).flat()
    return Snapshot(
        config=config, vocabulary="abcdefg", step=step, weights=weights or {"matrix": matrix}
    )


def folder_of(lab: Lab, run_id: str) -> SnapshotFolder:
    return SnapshotFolder(lab.home.run_folder(run_id))


# --- what a run keeps -----------------------------------------------------------------------------


def test_early_steps_are_close_together_and_later_ones_at_estimates(
    lab: Lab, corpus: Corpus, kind: ModelKind
) -> None:
    run_id = trained(lab, corpus, kind)
    assert folder_of(lab, run_id).steps() == TAKEN
    assert [step for step in range(100) if is_due(step)] == [0, 1, 2, 4, 8, 16, 32, 64]


def test_the_first_is_the_untrained_model_and_the_last_the_trained(
    lab: Lab, corpus: Corpus, kind: ModelKind
) -> None:
    record = lab.run(trained(lab, corpus, kind))
    untrained = build_model(record.config.model, record.config.train.seed)
    last = lab.model(record, "last")
    for loaded, model in (
        (lab.snapshot(record, 0), untrained),
        (lab.snapshot(record, 40), last.model),
    ):
        for name, weight in loaded.model.state_dict().items():
            torch.testing.assert_close(weight, model.state_dict()[name], rtol=1e-3, atol=1e-7)
    loaded = lab.snapshot(record, 40)
    assert (loaded.step, loaded.origin) == (40, "snapshot, step 40")
    assert loaded.vocabulary == corpus.vocabulary and not loaded.model.training
    assert split_loss(loaded.model, corpus.val) == pytest.approx(record.val_loss_nats, abs=1e-4)


def test_a_resumed_run_keeps_what_it_would_have_kept(lab: Lab, corpus: Corpus) -> None:
    whole, parts = trained(lab, corpus), small_run(lab, corpus)
    train(lab, parts, until=18)
    run = ActiveRun.open(lab.home, lab.store, parts)
    run.advance(60.0, until=33)  # and ends without a word
    run.close()
    assert folder_of(lab, parts).steps() == [step for step in TAKEN if step <= 33]
    run = ActiveRun.open(lab.home, lab.store, parts)
    assert folder_of(lab, parts).steps() == [step for step in TAKEN if step <= 18]
    run.close()
    train(lab, parts)
    for step in TAKEN:
        one, other = (folder_of(lab, run_id).load(step) for run_id in (whole, parts))
        assert_equal_states(one.weights, other.weights)


def test_a_branch_begins_with_its_parents(lab: Lab, corpus: Corpus, cli: CommandLine) -> None:
    parent = trained(lab, corpus)
    child = cli.ok("runs", "branch", parent, "--at", 20)["runs"][0]["run"]
    assert folder_of(lab, child).steps() == [step for step in TAKEN if step <= 20]
    train(lab, child)
    assert folder_of(lab, child).steps() == TAKEN


def test_snapshots_are_no_checkpoints(lab: Lab, corpus: Corpus) -> None:
    run_id = trained(lab, corpus)
    assert set(CheckpointFolder(lab.home.run_folder(run_id)).steps()) <= {0, 40}


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def test_the_command_line_looks_at_any_of_them(lab: Lab, corpus: Corpus, cli: CommandLine) -> None:
    run_id = trained(lab, corpus)
    losses = [cli.ok("eval", run_id, "--at", step) for step in (0, 8, 40)]
    assert [fields["iter"] for fields in losses] == [0, 8, 40]
    assert losses[0]["val_loss"] > losses[1]["val_loss"] > losses[2]["val_loss"]
    assert cli.ok("generate", run_id, "--at", 8, "--max_new_tokens", 5)["text"]
    assert cli.refused("eval", run_id, "--at", 7).endswith("0, 1, 2, 4, 8, 10, 16, 20, 30, 32, 40.")


def test_the_budget_is_a_flag(lab: Lab, corpus: Corpus, cli: CommandLine) -> None:
    fields = cli.ok(
        "train", "--model", "bigram", "--corpus", "tiny", "--max_iters", 40, "--snapshot_mib", 0.01
    )  # fmt: skip
    kept = folder_of(lab, fields["run"])
    assert 2 <= len(kept.steps()) < 10
    assert {0, 40} <= set(kept.steps())


# --- files ----------------------------------------------------------------------------------------


def test_matrices_are_halved_and_what_halving_would_hurt_is_not(folder: SnapshotFolder) -> None:
    matrix = torch.randn(100, 100, generator=torch.Generator().manual_seed(1))
    large, small = matrix * 1e5, matrix[:3]
    folder.save(snapshot(1, matrix=matrix, large=large, small=small))
    loaded = folder.load(1).weights
    assert torch.equal(loaded["matrix"], matrix.half().float())
    assert torch.equal(loaded["large"], large) and torch.equal(loaded["small"], small)
    assert {w.dtype for w in loaded.values()} == {torch.float32}


def test_a_view_takes_no_more_room_than_what_it_shows(folder: SnapshotFolder) -> None:
    folder.save(snapshot(1, few=torch.zeros(1000, 1000)[:2, :2]))
    assert folder.path(1).stat().st_size < 10_000


def test_thinning_keeps_the_ends_and_even_ratios(tmp_path: Path) -> None:
    whole = SnapshotFolder(tmp_path / "whole")
    whole.save(snapshot(0))
    size_mib = whole.path(0).stat().st_size / 2**20
    folder = SnapshotFolder(tmp_path / "run", budget_mib=6.5 * size_mib)
    for step in (0, 1, 2, 4, 8, 16, 32, 64, 100, 128, 200, 256, 300):
        folder.save(snapshot(step))
        assert len(folder.steps()) <= 6 and folder.steps()[-1] == step
    kept = folder.steps()
    ratios = [(later + 1) / (step + 1) for step, later in itertools.pairwise(kept)]
    assert kept[0] == 0 and kept[-1] == 300
    assert max(ratios) < 8 and kept != sorted(range(295, 301))


def test_two_stay_whatever_the_budget(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, budget_mib=0.0)
    for step in range(5):
        folder.save(snapshot(step))
    assert folder.steps() == [0, 4]


def test_what_is_thinned_out_meanwhile_is_passed_over(
    folder: SnapshotFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2, 4):
        folder.save(snapshot(step))
    folder.path(2).unlink()
    monkeypatch.setattr(SnapshotFolder, "steps", lambda self: [1, 2, 4])  # as they were just now
    other = SnapshotFolder(tmp_path / "other")
    folder.copy_to(other, until=4)
    folder.save(snapshot(8))  # looks at the sizes
    monkeypatch.undo()
    assert other.steps() == [1, 4] and folder.steps() == [1, 4, 8]


def test_a_damaged_or_missing_one_is_said(folder: SnapshotFolder) -> None:
    with pytest.raises(CheckpointError, match=r"no snapshot of step 3; .* no step at all"):
        folder.load(3)
    folder.save(snapshot(3))
    folder.path(3).write_bytes(folder.path(3).read_bytes()[:500])
    with pytest.raises(CheckpointError, match=r"The snapshot snapshot-000000003\.pt cannot be"):
        folder.load(3)
