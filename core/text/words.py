"""The words of a text: letters, with apostrophes inside. Pure."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def words_in(text: str) -> list[str]:
    """Every word of a text in small letters, in their order."""
    return _WORD.findall(text.lower())
