"""Names and characters that somebody typed, in sentences that Streamlit reads as Markdown. Pure."""

from __future__ import annotations

import string
from collections.abc import Iterable

from core.characters import in_quotes


def plain(text: str) -> str:
    """A text that stays what it is in Markdown: no emphasis, formula, link or colour of it."""
    return "".join(f"\\{c}" if c in string.punctuation else c for c in text)


def quoted(characters: Iterable[str], at_most: int = 10) -> str:
    """Single characters in quotes with commas between, for Markdown: ‘a’, ‘␣’ and others.

    One that cannot be seen as it is gets its name too: ‘⍽’ (U+00A0 no-break space).
    """
    every = list(characters)
    named = ", ".join(plain(in_quotes(character)) for character in every[:at_most])
    return named + " and others" * (len(every) > at_most)
