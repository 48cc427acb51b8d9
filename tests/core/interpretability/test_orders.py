"""The orders of a table: permutations, the same each time, that put together what is alike."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from core.interpretability.orders import by_frequency, by_similarity
from core.text.corpus import Corpus
from core.text.reference import bigram_probabilities


def test_frequency_is_a_count(tiny_corpus: Corpus) -> None:
    train, characters = tiny_corpus.train, tiny_corpus.vocabulary.characters
    order = by_frequency(torch.bincount(train, minlength=len(characters)))
    counted = Counter(tiny_corpus.vocabulary.decode(train))
    said = sorted(characters, key=lambda c: (-counted[c], characters.index(c)))
    assert tiny_corpus.vocabulary.decode(order) == "".join(said)


def test_similarity_is_a_permutation_and_the_same_each_time(tiny_corpus: Corpus) -> None:
    V = len(tiny_corpus.vocabulary)
    rows = bigram_probabilities(tiny_corpus.train, V)
    order = by_similarity(rows)
    assert sorted(order.tolist()) == list(range(V))
    assert torch.equal(by_similarity(rows.clone()), order)


@pytest.mark.parametrize("seed", range(5))
def test_two_rows_that_are_the_same_stand_side_by_side(seed: int) -> None:
    rows = torch.rand(12, 9, generator=torch.Generator().manual_seed(seed))
    rows = rows / rows.sum(dim=1, keepdim=True)
    rows[10] = rows[1]
    order = by_similarity(rows).tolist()
    assert abs(order.index(1) - order.index(10)) == 1


def test_groups_stay_together_and_their_ends_meet() -> None:
    """Rows along a line, in two groups that are far apart: the line is found again."""
    places = torch.tensor([0.0, 0.9, 0.1, 1.0, 0.2, 0.8])
    rows = torch.stack([places, 1 - places], dim=1)
    order = by_similarity(rows).tolist()
    assert order in ([0, 2, 4, 5, 1, 3], [3, 1, 5, 4, 2, 0])


def test_few_rows_are_orders_too() -> None:
    assert by_similarity(torch.zeros(0, 3)).tolist() == []
    assert by_similarity(torch.ones(1, 3) / 3).tolist() == [0]
