"""Words that the corpus has, counted by hand."""

from __future__ import annotations

import pytest

from core.spelling import Spelling, lexicon_of, spelling_of

LEXICON = lexicon_of("To be, or not to be: that's the question.\nO'er the sea — Éclair!")


def test_the_lexicon_has_each_word_once_in_small_letters() -> None:
    words = "to be or not that's the question o'er sea éclair"
    assert frozenset(words.split()) == LEXICON


@pytest.mark.parametrize(
    ("sample", "n_words", "n_known"),
    [
        ("", 0, 0),
        ("BE or bee, ", 3, 2),
        ("to be or no", 3, 3),  # the last may have been going to be "not"
        ("to be or no.", 4, 3),
        ("123 !?", 0, 0),
        ("that's o'er\n", 2, 2),
    ],
)
def test_words_are_counted(sample: str, n_words: int, n_known: int) -> None:
    assert spelling_of(sample, LEXICON) == Spelling(n_words, n_known)


def test_the_share_of_no_words_is_no_division_by_zero() -> None:
    assert Spelling(0, 0).share == 0.0
    assert Spelling(4, 3).share == 0.75
