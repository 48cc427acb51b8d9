"""Names and characters that somebody typed, in sentences that Streamlit reads as Markdown. Pure."""

from __future__ import annotations

import string
from collections.abc import Iterable

from core.characters import name_of, sign_of

_KNOWN_SIGNS = " \n\t"
"""Their signs are explained on the pages and need no name in a sentence."""


def plain(text: str) -> str:
    """A text that stays what it is in Markdown: no emphasis, formula, link or colour of it."""
    return "".join(f"\\{c}" if c in string.punctuation else c for c in text)


def quoted(characters: Iterable[str], at_most: int = 10) -> str:
    """Single characters in quotes with commas between, for Markdown: ‘a’, ‘␣’ and others.

    One that cannot be seen as it is gets its name too: ‘⍽’ (U+00A0 no-break space).
    """
    every = list(characters)
    named = ", ".join(_in_quotes(character) for character in every[:at_most])
    return named + " and others" * (len(every) > at_most)


def _in_quotes(character: str) -> str:
    sign = sign_of(character)
    is_clear = sign == character or character in _KNOWN_SIGNS
    return f"‘{plain(sign)}’" + ("" if is_clear else f" ({plain(name_of(character))})")
