"""Telemetry of real small runs, and the head that looks most at the previous character."""

from __future__ import annotations

import pytest
import torch

from core.challenges.heads import can_be_measured, previous_head
from core.challenges.telemetry import runs_on_text, telemetry_of
from core.interpretability.habits import head_habits
from core.runs.lab import Lab
from core.text.corpus import Corpus
from core.text.windows import sample_windows
from tests.helpers import small_run, trained


def test_the_head_is_the_one_that_its_habits_say(lab: Lab, corpus: Corpus) -> None:
    run = lab.run(trained(lab, corpus, "transformer"))
    loaded = lab.model(run)
    before = torch.get_rng_state()
    head = previous_head(loaded, corpus)
    assert torch.equal(torch.get_rng_state(), before)
    _, windows = sample_windows(corpus, 8, 32)
    habits = head_habits(loaded.model, loaded.vocabulary, windows[:, :-1])
    named = [h for h in habits if h.name == "previous"] or habits
    best = max(named, key=lambda h: h.shares["previous"])
    assert head and (head.layer, head.head) == (best.layer, best.head)
    assert head.share == pytest.approx(best.shares["previous"])
    assert head.is_named == (best.name == "previous")


def test_only_what_is_over_and_has_heads_is_measured(lab: Lab, corpus: Corpus) -> None:
    waiting, table, whole = (
        small_run(lab, corpus, "transformer"), trained(lab, corpus, "bigram"),
        trained(lab, corpus, "attention"),
    )  # fmt: skip
    assert [can_be_measured(lab.run(i)) for i in (waiting, table, whole)] == [False, False, True]
    assert previous_head(lab.model(lab.run(table)), corpus) is None


def test_telemetry_is_what_the_registry_holds_and_the_bin_is_left_out(
    lab: Lab, corpus: Corpus
) -> None:
    kept, binned = trained(lab, corpus, "attention"), trained(lab, corpus, "bigram")
    lab.bin_run(binned)
    (run,) = runs_on_text(lab, corpus.fingerprint)
    telemetry = telemetry_of(lab, run)
    assert run.id == kept and telemetry.is_honest and telemetry.is_from_scratch
    assert telemetry.estimates == lab.store.estimates(kept)
    assert telemetry.whole_loss_nats == run.best_val_loss_nats
    lowest = min(e.val_loss_nats for e in telemetry.estimates)
    assert telemetry.estimated_loss_nats == lowest
    lab.restore_run(binned)
    assert len(runs_on_text(lab, corpus.fingerprint)) == 2
