"""Which runs a search finds."""

from __future__ import annotations

import pytest

from core.records.records import RunRecord
from core.runs.lab import Lab
from core.text.corpus import Corpus
from lab.wording.run_search import found
from tests.helpers import add_corpus, play, small_run


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[RunRecord]:
    """Three runs that only say that they are finished, the newest first: hen, fox, owl."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    tiny = add_corpus(lab, "tiny", play(3_000))
    small_run(lab, tiny, "bigram", name="owl")
    small_run(lab, tiny, "bigram", name="fox", learning_rate=0.02)
    small_run(lab, tiny, "attention", name="hen", block_size=16)
    for run in lab.runs():
        lab.store.update_run(run.id, status="finished")
    return lab.runs()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "hen fox owl"),
        ("  ", "hen fox owl"),
        ("OW", "owl"),
        ("bigram", "fox owl"),
        ("tiny bigram", "fox owl"),
        ("tiny bigram fo", "fox"),
        ("finished", "hen fox owl"),
        ("status finished", "hen fox owl"),
        ("status paused", ""),
        ("block_size 16", "hen"),
        ("block size 8", "fox owl"),
        ("Block_size=8, bigram", "fox owl"),
        ("block_size 1", ""),
        ("block_size: 8.0", "fox owl"),
        ("learning_rate 2e-2", "fox"),
        ("learning_rate 0.02 block_size 8", "fox"),
        ("model attention", "hen"),
        ("schedule cos", "hen fox owl"),
        ("n_head 2", "hen"),
        ("n_head many", ""),
        ("heads 2", "hen"),
        ("Width: 8, learning rate 0.02", ""),
        ("Learning rate=0.02", "fox"),
        ("corpus tiny", "hen fox owl"),
        ("corpus moby", ""),
    ],
)
def test_a_query_finds(records: list[RunRecord], query: str, names: str) -> None:
    assert [run.name for run in found(records, query)] == names.split()


def test_a_run_that_is_called_like_a_setting_is_found(lab: Lab, corpus: Corpus) -> None:
    small_run(lab, corpus, name="seed 5, again")
    assert [run.name for run in found(lab.runs(), "seed 5")] == ["seed 5, again"]
