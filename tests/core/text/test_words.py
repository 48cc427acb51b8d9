"""What counts as a word."""

from __future__ import annotations

import pytest

from core.text.words import words_in


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("To be, or NOT", ["to", "be", "or", "not"]),
        ("o'er the king’s 'tis", ["o'er", "the", "king’s", "tis"]),
        ("naïve café_3x", ["naïve", "café", "x"]),
        ("12 — 34\n", []),
    ],
)
def test_words_are_letters_with_apostrophes_inside(text: str, words: list[str]) -> None:
    assert words_in(text) == words
