"""Characters become tokens and back; splits and batches are what they should be."""

from __future__ import annotations

import hashlib

import pytest
import torch

from core.errors import ConfigError, PromptError
from core.text.corpus import (
    Batches,
    Corpus,
    Vocabulary,
    example_line,
    most_frequent,
    passage_at_random,
)
from tests.helpers import assert_equal_states, play

# --- vocabulary -----------------------------------------------------------------------------------


def test_a_vocabulary_is_the_sorted_distinct_characters() -> None:
    assert Vocabulary.of("hello, owl").characters == " ,ehlow"


@pytest.mark.parametrize("text", ["hello\nowl", "naïve café", "\N{OWL}a\N{FOX FACE}b", "a"])
def test_decoding_undoes_encoding(text: str) -> None:
    vocabulary = Vocabulary.of(text)
    tokens = vocabulary.encode(text)
    assert tokens.dtype == torch.int64
    assert tokens.tolist() == [sorted(set(text)).index(c) for c in text]
    assert vocabulary.decode(tokens) == vocabulary.decode(tokens.tolist()) == text


def test_an_empty_text_has_no_tokens() -> None:
    assert Vocabulary.of("ab").encode("").shape == (0,)


def test_unknown_characters_are_named_once_each_in_order() -> None:
    vocabulary = Vocabulary.of("abc")
    with pytest.raises(PromptError, match="‘z’, ‘é’") as refusal:
        vocabulary.encode("azbzé")
    assert refusal.value.unknown == "zé"


def test_many_unknown_characters_are_not_all_listed() -> None:
    with pytest.raises(PromptError, match="‘9’ …") as refusal:
        Vocabulary.of("abc").encode("0123456789xyz")
    assert refusal.value.unknown == "0123456789xyz"


def test_unknown_characters_can_be_dropped() -> None:
    assert Vocabulary.of("abc").drop_unknown("xaybzc") == "abc"


# --- corpus ---------------------------------------------------------------------------------------


def test_the_first_nine_tenths_are_for_training(tiny_corpus: Corpus) -> None:
    n = len(tiny_corpus.text)
    assert len(tiny_corpus.train) == tiny_corpus.n_train == int(0.9 * n)
    assert torch.equal(torch.cat([tiny_corpus.train, tiny_corpus.val]), tiny_corpus.tokens)
    assert tiny_corpus.vocabulary.decode(tiny_corpus.tokens) == tiny_corpus.text


def test_a_fingerprint_is_the_sha256_of_the_text() -> None:
    assert Corpus("a", "naïve").fingerprint == hashlib.sha256("naïve".encode()).hexdigest()


def test_corpora_are_the_same_when_their_texts_are() -> None:
    assert Corpus("a", "owl") == Corpus("b", "owl")
    assert len({Corpus("a", "owl"), Corpus("b", "owl"), Corpus("a", "fox")}) == 2


def test_a_window_and_its_target_must_fit_into_the_validation_split() -> None:
    corpus = Corpus("short", play(100))  # 10 characters for validation
    corpus.check_long_enough(9)
    with pytest.raises(ConfigError, match="Take block_size 9 or less"):
        corpus.check_long_enough(10)
    with pytest.raises(ConfigError, match=r"1 character .*Take a longer text"):
        Corpus("short", "abcdefgh").check_long_enough(1)


# --- batches --------------------------------------------------------------------------------------


def batches(n_tokens: int = 100, seed: int = 1, block_size: int = 8) -> Batches:
    """Batches of 5 of tokens that tell their own place."""
    return Batches(torch.arange(n_tokens), block_size, 5, seed)


def test_targets_are_the_inputs_one_further() -> None:
    inputs, targets = batches().next()
    assert inputs.shape == targets.shape == (5, 8)
    assert torch.equal(inputs + 1, targets)  # the tokens count upwards
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(8))


def test_the_same_seed_gives_the_same_batches_and_another_seed_others() -> None:
    one, same, other = batches(seed=1), batches(seed=1), batches(seed=2)
    firsts = [b.next()[0] for b in (one, same, other)]
    assert torch.equal(firsts[0], firsts[1])
    assert not torch.equal(firsts[0], firsts[2])
    assert not torch.equal(one.next()[0], firsts[0])


def test_batches_reach_all_of_the_split_and_nothing_else(tiny_corpus: Corpus) -> None:
    endless = batches(n_tokens=20)
    drawn = [endless.next() for _ in range(100)]
    seen = torch.cat([torch.cat(pair, dim=1) for pair in drawn]).unique()
    assert seen.tolist() == list(range(20))  # any window beyond the end would have failed

    train = Batches(tiny_corpus.train, 8, 4, seed=1)
    inputs, _ = train.next()
    assert all(
        tiny_corpus.vocabulary.decode(row) in tiny_corpus.text[: tiny_corpus.n_train]
        for row in inputs
    )


def test_a_split_of_exactly_one_window_is_enough() -> None:
    inputs, targets = batches(n_tokens=9).next()
    assert (inputs[0, 0], targets[0, -1]) == (0, 8)


def test_batches_go_on_from_a_saved_state() -> None:
    one = batches()
    for _ in range(3):
        one.next()
    state = one.state_dict()
    expected = [one.next() for _ in range(3)]
    another = batches(seed=99)
    another.load_state_dict(state)
    assert_equal_states([another.next() for _ in range(3)], expected)


def test_batches_leave_torchs_own_randomness_alone() -> None:
    before = torch.get_rng_state()
    batches().next()
    assert torch.equal(torch.get_rng_state(), before)


# --- examples -------------------------------------------------------------------------------------


def with_end(end: str) -> Corpus:
    """A text whose validation split begins with a cut line and then is `end`."""
    return Corpus("x", "." * 9 * (len(end) + 2) + "x\n" + end)


EXAMPLES = [
    pytest.param("a\nlong enough line\nanother long enough\n", 20, "long enough line", id="a-line"),
    pytest.param("emma\nolivia\nalexander\nava\n" * 9, 32, "alexander", id="names"),
    pytest.param("GATTACA" * 30, 32, ("GATTACA" * 30)[:32], id="no-lines-at-all"),
    pytest.param("\n\n  \nfour words, no more\n", 20, "four words, no more", id="blank-lines"),
    pytest.param("too long for it\n" * 3, 8, "too long", id="all-too-long"),
]


@pytest.mark.parametrize(("end", "at_most", "line"), EXAMPLES)
def test_an_example_is_a_line_of_the_validation_split(end: str, at_most: int, line: str) -> None:
    corpus = with_end(end)
    assert example_line(corpus, at_most) == line == example_line(with_end(end), at_most)
    assert line in corpus.text[corpus.n_train :] and len(line) <= at_most


def test_an_example_of_a_single_long_line_is_its_beginning() -> None:
    corpus = Corpus("dna", "GATTACA" * 100)
    assert example_line(corpus, 16) == corpus.text[corpus.n_train :][:16]


def test_the_most_frequent_characters_come_first() -> None:
    assert most_frequent(Corpus("x", "bbbcca" * 9 + "zzzzzz"), 2) == ["b", "c"]


def test_an_unknown_character_is_shown_by_its_sign_and_name() -> None:
    with pytest.raises(PromptError, match=r"has no ‘⍽’ \(U\+00A0 no-break space\), ‘x’\."):
        Vocabulary.of("ab").encode("a\u00a0x")


def test_the_coming_batch_can_be_seen_without_taking_it(tiny_corpus: Corpus) -> None:
    batches, same = (Batches(tiny_corpus.train, 8, 4, seed=3) for _ in range(2))
    for _ in range(3):
        seen = batches.coming()
        for one, taken, other in zip(seen, batches.next(), same.next(), strict=True):
            assert torch.equal(one, taken) and torch.equal(taken, other)


def test_a_passage_at_random_is_of_the_validation_split_and_the_same_for_its_seed() -> None:
    corpus = Corpus("tiny", play(4_000))
    val = corpus.text[corpus.n_train :]
    passages = [passage_at_random(corpus, 80, seed) for seed in range(20)]
    assert passages == [passage_at_random(corpus, 80, seed) for seed in range(20)]
    assert len(set(passages)) > 5
    for passage in passages:
        assert passage in val and 1 < len(passage) <= 80
        assert val[val.index(passage) - 1] == "\n" or val.startswith(passage)


@pytest.mark.parametrize("text", ["a", "ab", "abcdefghijklmnopqrstuvwxyz" * 3, "a\n" * 30])
def test_a_passage_of_a_short_text_is_what_there_is(text: str) -> None:
    corpus = Corpus("short", text)
    assert passage_at_random(corpus, 10, 1) in corpus.text[corpus.n_train :]
