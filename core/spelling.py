"""How much of what a model wrote are words: those that its corpus has.

A small language model learns to spell long before it makes sense, so the share is a number to watch
beside the loss. Knows texts only.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Spelling:
    """How many words a text has, and how many of them its writer's corpus has too."""

    n_words: int
    n_known: int

    @property
    def share(self) -> float:
        """From 0 to 1; 0 for a text without words."""
        return self.n_known / self.n_words if self.n_words else 0.0


def lexicon_of(text: str) -> frozenset[str]:
    """The words of a text in small letters: letters, and apostrophes between letters."""
    return frozenset(_WORD.findall(text.lower()))


def spelling_of(sample: str, lexicon: AbstractSet[str]) -> Spelling:
    """Count the words of a sample. A last word that the sample's end may have cut is left out."""
    found = list(_WORD.finditer(sample.lower()))
    if found and found[-1].end() == len(sample):
        found.pop()
    return Spelling(len(found), sum(match[0] in lexicon for match in found))
