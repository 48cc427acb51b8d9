"""Figures of a text, counted again in a plainer way."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from core.text.corpus import Corpus
from core.text.reference import ngram_losses
from core.text.repeats import longest_repeats
from core.text.statistics import (
    LONGEST_CONTEXT,
    conditionals,
    finite,
    orders_of,
    statistics_of,
    word_counts,
    zipf_line,
)
from tests.helpers import play


def entropy_of(text: str, n: int) -> float:
    """H(c | h) for h of n characters, from its definition."""
    grams = Counter(text[i : i + n + 1] for i in range(len(text) - n))
    contexts: Counter[str] = Counter()
    for gram, times in grams.items():
        contexts[gram[:n]] += times
    total = sum(grams.values())
    return sum(t / total * math.log(contexts[g[:n]] / t) for g, t in grams.items())


def test_entropies_are_those_of_the_definition() -> None:
    corpus = Corpus("tiny", play(600))
    found = conditionals(corpus.tokens, len(corpus.vocabulary), 5)
    for n, conditional in enumerate(found):
        contexts = Counter(corpus.text[i : i + n] for i in range(len(corpus.text) - n))
        assert conditional.entropy_nats == pytest.approx(entropy_of(corpus.text, n))
        assert conditional.n_contexts == len(contexts)
        assert conditional.n_once == sum(times == 1 for times in contexts.values())


def test_the_same_text_seems_to_be_known_better_and_better_and_another_one_does_not(
    tiny_corpus: Corpus,
) -> None:
    random_text = "".join(np.random.default_rng(1).choice(list("abcdefgh"), 4_000))
    orders = orders_of(Corpus("dice", random_text))
    in_sample = [order.train.entropy_nats for order in orders]
    assert in_sample == sorted(in_sample, reverse=True) and in_sample[-1] < 0.2
    assert all(order.cross_nats > math.log(8) - 0.01 for order in orders)


def test_the_crossed_numbers_are_those_of_the_counted_lines(tiny_corpus: Corpus) -> None:
    losses = ngram_losses(
        tiny_corpus.train, tiny_corpus.val, len(tiny_corpus.vocabulary), LONGEST_CONTEXT + 1
    )
    orders = orders_of(tiny_corpus)
    assert [order.context for order in orders] == [0, 1, 2, 3, 4, 5]
    assert [order.cross_nats for order in orders] == [losses[n] for n in range(1, 7)]


@pytest.mark.parametrize("text", ["ab", "a", "abcdefghij", "aaaaaaaaaaaaaaaaaaaa"])
def test_a_short_text_has_no_number_rather_than_a_wrong_one(text: str) -> None:
    found = statistics_of(Corpus("short", text))
    assert len(found.orders) == LONGEST_CONTEXT + 1
    assert finite(found.orders[-1].cross_nats) is None or len(text) > 10
    assert found.words.zipf_exponent is None
    assert all(math.isnan(c.entropy_nats) for c in conditionals(torch.zeros(0).long(), 3, 2))


def test_words_by_rank_and_how_many_occur_once() -> None:
    counts = word_counts("The king, the King's man and THE dog. And so")
    assert counts.by_rank[:2] == (("the", 3), ("and", 2))
    assert counts.n_words == 10 and counts.n_once == 5
    assert dict(counts.by_rank)["king's"] == 1


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.4])
def test_the_line_through_words_has_the_slope_that_they_have(exponent: float) -> None:
    times = [round(1e7 / rank**exponent) for rank in range(1, 3_000)]
    line = zipf_line(times)
    assert line is not None
    assert line[0] == pytest.approx(-exponent, abs=0.01)
    assert math.exp(line[1]) == pytest.approx(1e7, rel=0.05)


def test_all_figures_of_a_text(tiny_corpus: Corpus) -> None:
    found = statistics_of(tiny_corpus)
    assert found.n_searched == len(tiny_corpus.text)
    assert [*found.repeats] == longest_repeats(tiny_corpus.text, 10) and found.repeats
    for repeat in found.repeats:
        stretches = {tiny_corpus.text[place:][: repeat.length] for place in repeat.places}
        assert len(stretches) == 1


def test_only_the_beginning_of_a_long_text_is_searched(
    tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.text.statistics.MOST_SEARCHED", 500)
    found = statistics_of(tiny_corpus)
    assert found.n_searched == 500
    assert all(max(r.places) + r.length <= 500 for r in found.repeats)
