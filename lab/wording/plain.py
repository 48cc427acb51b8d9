"""Names and characters that somebody typed, in sentences that Streamlit reads as Markdown. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

from core.text.characters import in_quotes, printable


def plain(text: str) -> str:
    """A text that stays what it is in Markdown: no emphasis, formula, link or colour of it.

    Nor does it turn around the line that it stands in. An address becomes a link whether or not its
    signs are escaped: so a word joiner, which takes no room, stands in it where it would be
    recognised.
    """
    text = _LINKED.sub("\u2060", printable(text))
    return "".join(f"\\{c}" if c in string.punctuation else c for c in text)


_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=[\w.+-])(?=@)", re.IGNORECASE)
"""Within `https://…`, `www.…` and `name@…` (https://github.github.com/gfm/#autolinks-extension-)."""


def plain_but_code(text: str) -> str:
    """The same for a message that may name a command in backticks: that stays code.

    A backtick within a word, or one that has no other, is only a sign.
    """
    parts = _CODE.split(text)  # what is between, code, what is between, ...
    return "".join(part if i % 2 else plain(part) for i, part in enumerate(parts))


_CODE = re.compile(r"(?<![^\s(])(`[^`\s](?:[^`\n]*[^`\s])?`)(?![\w`])")


def unmarked(markdown: str) -> str:
    """A sentence for the screen as a screen reader says it: no `**`, and `plain` undone."""
    return _MARKS.sub(lambda mark: mark[1] or "", markdown)


_MARKS = re.compile(rf"\\([{re.escape(string.punctuation)}])|\*\*|\u2060")


def quoted(characters: Iterable[str], at_most: int = 10) -> str:
    """Single characters in quotes with commas between, for Markdown: ‘a’, ‘␣’ and others.

    One that cannot be seen as it is gets its name too: ‘⍽’ (U+00A0 no-break space).
    """
    every = list(characters)
    named = ", ".join(plain(in_quotes(character)) for character in every[:at_most])
    return named + " and others" * (len(every) > at_most)
