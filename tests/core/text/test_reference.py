"""The counted reference lines against counting by hand, with dicts and loops."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import pytest
import torch

from core.text.corpus import Corpus, Vocabulary
from core.text.reference import (
    add_one,
    bigram_counts,
    bigram_loss,
    bigram_probabilities,
    counts_after,
    ngram_losses,
    ngram_sizes,
    reference_lines,
    unigram_loss,
)
from tests.helpers import play


def random_text(seed: int, letters: str, length: int) -> str:
    """Letters with a memory: each is likely to be followed by its neighbour."""
    rng = random.Random(seed)
    text = list(letters)
    while len(text) < length:
        after = letters[(letters.index(text[-1]) + 1) % len(letters)]
        text.append(after if rng.random() < 0.6 else rng.choice(letters))
    return "".join(text)


CASES = [
    pytest.param(random_text(1, "abc", 300), id="every-context-seen"),
    pytest.param(random_text(2, "abcdefghij", 200), id="many-contexts-never-seen"),
    pytest.param(random_text(3, "abcd", 60), id="validation-split-of-six"),
    pytest.param("ab" * 50 + "xyzxyzxyz", id="characters-that-training-never-saw"),
    pytest.param("abcabcabca" + "bc", id="training-split-about-as-long-as-a-gram"),
]


def splits(text: str) -> tuple[str, str]:
    n_train = int(len(text) * 0.9)
    return text[:n_train], text[n_train:]


def naive_unigram(text: str) -> float:
    train, val = splits(text)
    seen, V = Counter(train), len(set(text))
    return -sum(math.log((seen[c] + 1) / (len(train) + V)) for c in val[1:]) / (len(val) - 1)


def naive_bigram(text: str) -> float:
    train, val = splits(text)
    V = len(set(text))
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for before, after in pairwise(train):
        seen[before][after] += 1
    loss = 0.0
    for before, after in pairwise(val):
        loss -= math.log((seen[before][after] + 1) / (sum(seen[before].values()) + V))
    return loss / (len(val) - 1)


def naive_witten_bell(text: str, n: int) -> float:
    """The recursion of the module's docstring, one target after another."""
    train, val = splits(text)
    V = len(set(text))
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for length in range(n):
        for i in range(length, len(train)):
            after[train[i - length : i]][train[i]] += 1

    @cache
    def p(c: str, h: str) -> float:
        shorter = 1 / V if h == "" else p(c, h[1:])
        followers = after.get(h)
        if not followers:
            return shorter
        t = len(followers)
        return (followers[c] + t * shorter) / (sum(followers.values()) + t)

    loss = 0.0
    for i in range(1, len(val)):
        loss -= math.log(p(val[i], val[max(0, i - n + 1) : i]))
    return loss / (len(val) - 1)


@pytest.mark.parametrize("text", CASES)
def test_lines_are_what_counting_by_hand_gives(text: str) -> None:
    corpus = Corpus("random", text)
    losses = {line.name: line.loss_nats for line in reference_lines(corpus)}
    assert list(losses) == ["uniform", "unigram", "bigram", "3-gram", "4-gram", "5-gram"]
    assert losses["uniform"] == pytest.approx(math.log(len(set(text))), rel=1e-12)
    assert losses["unigram"] == pytest.approx(naive_unigram(text), rel=1e-12)
    assert losses["bigram"] == pytest.approx(naive_bigram(text), rel=1e-12)
    for n in (3, 4, 5):
        assert losses[f"{n}-gram"] == pytest.approx(naive_witten_bell(text, n), rel=1e-12)


@pytest.mark.parametrize("text", CASES)
def test_short_n_grams_are_the_first_steps_of_the_long_ones(text: str) -> None:
    corpus = Corpus("random", text)
    losses = ngram_losses(corpus.train, corpus.val, len(corpus.vocabulary), longest=2)
    for n in (1, 2):
        assert losses[n] == pytest.approx(naive_witten_bell(text, n), rel=1e-12)


def test_counts_are_of_neighbours() -> None:
    counts = bigram_counts(torch.tensor([0, 1, 0, 1, 2]), vocab_size=3)
    assert counts.tolist() == [[0, 2, 0], [1, 0, 1], [0, 0, 0]]


def test_rows_of_probabilities_sum_to_one_even_where_nothing_was_seen() -> None:
    probabilities = bigram_probabilities(torch.tensor([0, 1, 0, 1, 2]), vocab_size=4)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(4, dtype=torch.float64))
    assert probabilities[3].tolist() == [0.25] * 4
    assert probabilities[0].tolist() == pytest.approx([1 / 6, 3 / 6, 1 / 6, 1 / 6])


def test_on_text_with_a_memory_a_longer_context_wins() -> None:
    corpus = Corpus("random", random_text(4, "abcdef", 3000))
    uniform, unigram, bigram, *_ = [line.loss_nats for line in reference_lines(corpus)]
    assert uniform > bigram and unigram > bigram


def test_losses_by_themselves_are_those_of_the_lines(tiny_corpus: Corpus) -> None:
    train, val, V = tiny_corpus.train, tiny_corpus.val, len(tiny_corpus.vocabulary)
    losses = {line.name: line.loss_nats for line in reference_lines(tiny_corpus)}
    assert unigram_loss(train, val, V) == losses["unigram"]
    assert bigram_loss(train, val, V) == losses["bigram"]


def test_n_grams_are_exact_however_many_characters_there_are() -> None:
    """Five digits in base 12,000 would not fit into 63 bits."""
    rng = random.Random(5)
    letters = "".join(chr(0x4E00 + i) for i in range(12_000))
    often = letters[-30:]
    text = letters + "".join(rng.choice(often) for _ in range(4_000))
    corpus = Corpus("wide", text)
    losses = ngram_losses(corpus.train, corpus.val, len(corpus.vocabulary), longest=5)
    for n in (3, 5):
        assert losses[n] == pytest.approx(naive_witten_bell(text, n), rel=1e-12)
    loss = bigram_loss(corpus.train, corpus.val, len(corpus.vocabulary))
    assert loss == pytest.approx(naive_bigram(text), rel=1e-12)


def test_a_part_of_the_matrix_is_the_whole_matrixs(tiny_corpus: Corpus) -> None:
    train, V = tiny_corpus.train, len(tiny_corpus.vocabulary)
    kept = torch.tensor([5, 1, 8])
    part = counts_after(train, V, kept)
    assert torch.equal(part, bigram_counts(train, V)[kept])
    assert torch.equal(add_one(part), bigram_probabilities(train, V)[kept])


def test_an_n_gram_keeps_a_count_for_each_distinct_stretch_up_to_its_length() -> None:
    text = play(2_000)
    vocabulary = Vocabulary.of(text)
    sizes = ngram_sizes(vocabulary.encode(text), len(vocabulary), longest=4)
    distinct = [len({text[i : i + n] for i in range(len(text) - n + 1)}) for n in range(1, 5)]
    assert sizes == {n: sum(distinct[:n]) for n in range(1, 5)}


@pytest.mark.parametrize("text", ["ab", "abc"])
def test_of_a_text_without_a_target_only_uniform_is_known(text: str) -> None:
    (only,) = reference_lines(Corpus("tiny", text))
    assert (only.name, only.loss_nats) == ("uniform", math.log(len(text)))
