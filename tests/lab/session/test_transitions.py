"""What the Bigram page measures is measured once, and anew where a run has become another."""

from __future__ import annotations

import pytest
import torch

from core.interpretability.divergence import mean_divergence
from core.interpretability.transitions import transition_probabilities
from core.runs.lab import Lab, LoadedModel
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from core.text.reference import bigram_counts, bigram_loss, bigram_probabilities
from lab.session.transitions import (
    MAX_SHOWN,
    SHOWN_OF_MANY,
    averaged_guesses,
    counted_text,
    divergences_over_training,
)
from tests.helpers import play, trained
from tests.pages import pages

__all__ = ["pages"]


@pytest.fixture
def text(pages: Lab) -> Corpus:
    pages.library.add("tiny", play(4_000).encode(), "tiny")
    return pages.library.load("tiny")


def test_the_counts_are_those_of_the_training_split(text: Corpus) -> None:
    V, counted = len(text.vocabulary), counted_text(text)
    assert torch.equal(counted.counts, bigram_counts(text.train, V))
    assert counted.often.tolist() == [
        text.vocabulary.decode(text.train).count(c) for c in text.vocabulary.characters
    ]
    assert counted.val_loss_nats == bigram_loss(text.train, text.val, V)
    assert counted.rare_below == round(len(text.train) / 100)
    assert counted_text(text) is counted


def test_of_a_huge_alphabet_the_most_frequent_rows_are_whole() -> None:
    rare = "".join(chr(0x4E00 + i) for i in range(MAX_SHOWN * 3))
    corpus = Corpus("wide", rare + play(4_000))
    counted = counted_text(corpus)
    assert len(counted.kept) == SHOWN_OF_MANY
    assert counted.counts.shape == (SHOWN_OF_MANY, len(corpus.vocabulary))
    assert torch.equal(counted.kept, counted.kept.sort().values)


def test_each_snapshot_is_read_once_and_again_when_it_was_written_anew(
    pages: Lab, text: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, counted = pages.run(trained(pages, text, "bigram")), counted_text(text)
    read: list[int] = []
    snapshot = Lab.snapshot

    def noted(lab: Lab, record: object, step: int) -> LoadedModel:
        read.append(step)
        return snapshot(lab, record, step)  # type: ignore[arg-type]

    monkeypatch.setattr(Lab, "snapshot", noted)
    folder = SnapshotFolder(pages.home.run_folder(run.id))
    first = divergences_over_training(run, counted)
    assert list(first) == folder.steps() == read
    counts = bigram_probabilities(text.train, len(text.vocabulary))
    for step, divergence in first.items():
        learned = transition_probabilities(snapshot(pages, run, step).model)
        assert divergence.total_nats == pytest.approx(mean_divergence(counts, learned, text.train))
    assert divergences_over_training(run, counted) == first and len(read) == len(first)
    folder.save(folder.load(16))
    divergences_over_training(run, counted)
    assert read[len(first) :] == [16]


def test_averages_are_measured_once_a_checkpoint(
    pages: Lab, text: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.session.transitions.MAX_WINDOWS", 5)
    run = pages.run(trained(pages, text, "attention"))
    best = averaged_guesses(run, pages.model(run), text)
    assert best.n_windows == 5
    assert averaged_guesses(run, pages.model(run), text) is best
    assert averaged_guesses(run, pages.model(run, "last"), text) is not best
