"""Checkpoints are whole or not there, safe to load, and never mistaken for something else."""

from __future__ import annotations

import os
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import CheckpointError, StorageError
from core.settings.config import ModelKind
from core.storage.checkpoint import Checkpoint, CheckpointFolder
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests.helpers import assert_equal_states, small_config


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "run")


def checkpoint(step: int, **trainer: Any) -> Checkpoint:
    weights = {"w": torch.arange(600, dtype=torch.float32).view(20, 30) + step}
    return Checkpoint(
        config=small_config("bigram", 5).flat(),
        vocabulary="abcde",
        fingerprint="f" * 64,
        trainer={"iter": step, "model": weights} | trainer,
        best_step=step - 1,
        best_val_loss_nats=1.5,
    )


def test_a_checkpoint_comes_back_as_it_was(
    kind: ModelKind, folder: CheckpointFolder, tiny_corpus: Corpus
) -> None:
    config = small_config(kind, len(tiny_corpus.vocabulary))
    trainer = Trainer(config, tiny_corpus)
    for _ in range(3):
        trainer.take_step()
    saved = Checkpoint(
        config=config.flat(),
        vocabulary=tiny_corpus.vocabulary.characters,
        fingerprint=tiny_corpus.fingerprint,
        trainer=trainer.state_dict(),
        best_step=2,
        best_val_loss_nats=None,
    )
    folder.save(saved)
    loaded = folder.load(3)
    assert (loaded.step, loaded.best_step, loaded.best_val_loss_nats) == (3, 2, None)
    assert loaded.run_config == config
    assert loaded.vocabulary == tiny_corpus.vocabulary.characters
    assert loaded.fingerprint == tiny_corpus.fingerprint
    assert_equal_states(
        {**loaded.trainer, "model": dict(loaded.trainer["model"])},
        {**saved.trainer, "model": dict(saved.trainer["model"])},
    )


def test_steps_are_listed_in_order_and_other_files_are_not(folder: CheckpointFolder) -> None:
    assert folder.steps() == []
    for step in (20, 3, 100):
        folder.save(checkpoint(step))
    folder.path(3).with_name("lock").touch()
    folder.path(3).with_name(".checkpoint-000000004.pt.1.tmp").touch()
    assert folder.steps() == [3, 20, 100]


def test_within_the_budget_all_are_kept(folder: CheckpointFolder) -> None:
    for step in (1, 2, 3):
        folder.save(checkpoint(step))
    folder.thin({3})
    assert folder.steps() == [1, 2, 3]


def test_over_the_budget_the_smallest_gaps_close_first_and_what_is_needed_stays(
    folder: CheckpointFolder,
) -> None:
    for step in (10, 20, 25, 30, 100):
        folder.save(checkpoint(step))
    one_mib = folder.path(10).stat().st_size / 2**20
    CheckpointFolder(folder.path(0).parent, 4.5 * one_mib).thin({100})
    assert folder.steps() == [10, 20, 30, 100]
    CheckpointFolder(folder.path(0).parent, 2.5 * one_mib).thin({20, 100})
    assert folder.steps() == [20, 100]
    CheckpointFolder(folder.path(0).parent, 0.0).thin({20, 100})
    assert folder.steps() == [20, 100]


def test_what_somebody_else_has_just_deleted_is_passed_over(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (10, 30):
        folder.save(checkpoint(step))
    with monkeypatch.context() as patched:
        patched.setattr(CheckpointFolder, "steps", lambda self: [10, 20, 30])  # as they just were
        CheckpointFolder(folder.path(0).parent, 0.0).thin({30})
    assert folder.steps() == [30]


def test_later_checkpoints_are_forgotten(folder: CheckpointFolder) -> None:
    for step in (10, 20, 30):
        folder.save(checkpoint(step))
    folder.forget_after(20)
    assert folder.steps() == [10, 20]


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_checkpoint_and_no_rubbish(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    folder.save(checkpoint(5))
    before = folder.path(5).read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(*((os, "fsync") if broken == "fsync" else (Path, "replace")), fail)
        for step in (5, 6):
            with pytest.raises(StorageError, match=r"The disk is full: .* MiB free, needed"):
                folder.save(checkpoint(step, more=torch.ones(5)))
    assert [p.name for p in folder.path(5).parent.iterdir()] == [folder.path(5).name]
    assert folder.path(5).read_bytes() == before
    folder.save(checkpoint(6))
    assert folder.load(6).step == 6


def test_the_content_is_on_the_disk_before_the_name_is(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        order.append("fsync")
        fsync(descriptor)

    def watched_replace(path: Path, target: Path) -> Path:
        order.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    folder.save(checkpoint(5))
    assert order[:2] == ["fsync", "replace"]
    assert order[2:] == (["fsync"] if os.name == "posix" else [])  # the folder's entry


# --- reading --------------------------------------------------------------------------------------


def test_a_missing_checkpoint_is_said(folder: CheckpointFolder) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint of step 1,200"):
        folder.load(1200)


def test_a_file_cut_short_anywhere_is_said_to_be_damaged(folder: CheckpointFolder) -> None:
    folder.save(checkpoint(5))
    raw = folder.path(5).read_bytes()
    for length in range(0, len(raw), 97):
        folder.path(5).write_bytes(raw[:length])
        with pytest.raises(CheckpointError, match=r"checkpoint-000000005\.pt cannot be read"):
            folder.load(5)


def test_the_newest_that_can_be_read_is_found_and_what_is_wrong_with_later_ones(
    folder: CheckpointFolder,
) -> None:
    assert folder.newest_readable() == (None, [])
    for step in (1, 2, 3, 4):
        folder.save(checkpoint(step))
    for step in (1, 3, 4):
        folder.path(step).write_bytes(b"")
    newest, damaged = folder.newest_readable()
    assert newest is not None and newest.step == 2
    assert [str(error).split()[2] for error in damaged] == [folder.path(n).name for n in (4, 3)]
    folder.path(2).unlink()
    newest, damaged = folder.newest_readable()
    assert newest is None and len(damaged) == 3


def test_a_single_flipped_bit_is_noticed_where_it_matters(folder: CheckpointFolder) -> None:
    original = checkpoint(5)
    folder.save(original)
    raw, rng = folder.path(5).read_bytes(), random.Random(1)
    n_noticed = 0
    for _ in range(150):
        spoiled = bytearray(raw)
        spoiled[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        folder.path(5).write_bytes(spoiled)
        try:
            loaded = folder.load(5)
        except CheckpointError:
            n_noticed += 1
        else:  # in the padding between two entries
            assert_equal_states(loaded.trainer, original.trainer)
    assert n_noticed > 100


@pytest.mark.parametrize(
    "content", [{"format": 99}, {"weights": torch.ones(3)}, [1, 2, 3]], ids=["newer", "other", "no"]
)
def test_another_programs_file_is_said_to_be_one(folder: CheckpointFolder, content: Any) -> None:
    folder.save(checkpoint(5))
    torch.save(content, folder.path(5))
    with pytest.raises(CheckpointError, match="not of this lab's format"):
        folder.load(5)


@pytest.mark.parametrize("change", [{"trainer": ...}, {"vocabulary": ...}, {"more": 1}], ids=str)
def test_a_field_too_few_or_too_many_is_said(folder: CheckpointFolder, change: Any) -> None:
    folder.save(checkpoint(5))
    folder.save(checkpoint(6))
    content = torch.load(folder.path(6), weights_only=True) | change
    torch.save({k: v for k, v in content.items() if v is not ...}, folder.path(6))
    with pytest.raises(CheckpointError, match="does not hold what a checkpoint holds"):
        folder.load(6)
    newest, damaged = folder.newest_readable()
    assert newest is not None and (newest.step, len(damaged)) == (5, 1)


class Malice:
    """Unpickling this would make a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("how", ["zip", "pickle"])
def test_loading_never_runs_code(folder: CheckpointFolder, tmp_path: Path, how: str) -> None:
    mark = tmp_path / "pwned"
    folder.save(checkpoint(5))
    if how == "zip":
        torch.save({"format": 1, "trainer": Malice(mark)}, folder.path(5))
    else:
        folder.path(5).write_bytes(pickle.dumps(Malice(mark)))
    with pytest.raises(CheckpointError):
        folder.load(5)
    assert not mark.exists()
