"""Which windows are looked at: of the text itself, spread over what is hard and what is easy."""

from __future__ import annotations

import torch

from core.text.corpus import Corpus
from core.text.reference import bigram_nats
from core.text.windows import sample_windows
from tests.helpers import play

T = 16


def _windows_of(split: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(split[i : i + T + 1].tolist()) for i in range(len(split) - T)}


def test_windows_are_different_windows_of_their_split() -> None:
    corpus = Corpus("play", play(6_000))
    for windows, split in zip(sample_windows(corpus, T, 12), (corpus.train, corpus.val)):
        assert windows.shape == (12, T + 1)
        rows = [tuple(row) for row in windows.tolist()]
        assert len(set(rows)) == len(rows)
        assert set(rows) <= _windows_of(split)


def test_the_same_text_has_the_same_windows() -> None:
    text = play(6_000)
    for first, second in zip(
        sample_windows(Corpus("a", text), T, 8), sample_windows(Corpus("b", text), T, 8)
    ):
        assert torch.equal(first, second)


def test_a_split_with_fewer_windows_gives_all_it_has() -> None:
    corpus = Corpus("short", play(500))
    _, val = sample_windows(corpus, T, 1_000)
    n_windows = (len(corpus.val) - 1) // T
    assert torch.equal(val.flatten().unique(), corpus.val[: n_windows * T + 1].unique())
    assert len(val) == n_windows


def test_they_are_as_hard_as_the_whole_split_where_random_ones_are_not() -> None:
    corpus = Corpus("play", play(60_000))
    V, n = len(corpus.vocabulary), 8
    costs = bigram_nats(corpus.train, corpus.val, V)
    whole = float(costs.mean())
    _, val = sample_windows(corpus, T, n)
    chosen = sum(float(bigram_nats(corpus.train, row, V).mean()) for row in val) / n

    starts = torch.randint(
        len(corpus.val) - T, (200, n), generator=torch.Generator().manual_seed(1)
    )
    at_random = costs.unfold(0, T, 1).mean(dim=1)[starts].mean(dim=1)  # 200 samples of n windows
    assert abs(chosen - whole) < float((at_random - whole).abs().mean()) / 2
