"""The names that files of older versions have stay, whatever a field is called in the code."""

from __future__ import annotations

from core.records.records import Estimate, HealthReading, RunRecord, Sample, StepRecord
from core.records.stored import from_stored, stored, stored_names
from core.storage.checkpoint import Checkpoint, Snapshot


def test_stored_names_are_those_of_the_first_version() -> None:
    renamed = {
        kind: {own: name for own, name in stored_names(kind).items() if own != name}
        for kind in (RunRecord, StepRecord, Estimate, Sample, HealthReading, Checkpoint, Snapshot)
    }
    assert renamed == {
        RunRecord: {
            "step": "iter", "train_loss_nats": "train_loss", "val_loss_nats": "val_loss",
            "best_val_loss_nats": "best_val_loss", "best_step": "best_iter",
            "train_s": "train_seconds", "checkpoint_step": "checkpoint_iter",
            "parent_step": "parent_iter", "wall_s": "wall_seconds",
        },
        StepRecord: {"step": "iter"}, Estimate: {"step": "iter"}, Sample: {"step": "iter"},
        HealthReading: {"step": "iter"}, Checkpoint: {"best_step": "best_iter"},
        Snapshot: {"step": "iter"},
    }  # fmt: skip


def test_what_was_stored_comes_back() -> None:
    estimate = Estimate(20, 1.5, 1.75)
    kept = stored(estimate)
    assert kept == {"iter": 20, "train_loss_nats": 1.5, "val_loss_nats": 1.75}
    assert Estimate(**from_stored(Estimate, kept)) == estimate


def test_what_has_no_field_stays_as_it_is() -> None:
    assert from_stored(Sample, {"iter": 3, "mood": "good"}) == {"step": 3, "mood": "good"}
