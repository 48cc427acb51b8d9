"""How much of what a model wrote is not its own: known by heart, or said before.

Two measures, each beside what new text of the same kind has. *By heart*: stretches that stand word
for word in the training split. *Repetition*: stretches that stand earlier in the text itself. Both
count from `core.text.repeats.LEAST` characters on, since shorter ones are common property.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from core.text.corpus import Corpus
from core.text.repeats import LEAST, Passage, covered_share, repeated_share, verbatim_passages

YARDSTICK_CHARACTERS = 20_000
"""Of the validation split, from its beginning, so much is held against the training split."""


@dataclass(frozen=True, slots=True)
class Originality:
    """What of a text stands elsewhere. Shares are from 0 to 1."""

    passages: tuple[Passage, ...]
    """Those in the training split, the longest first."""
    by_heart_share: float
    """Of the characters, those that lie in one of the passages."""
    repeated_share: float
    """Of the characters, those in stretches that stand earlier in the text."""

    @property
    def longest(self) -> int:
        """Characters of the longest passage; 0 where there is none."""
        return self.passages[0].length if self.passages else 0


@dataclass(frozen=True, slots=True)
class UsualOriginality:
    """The same of new text: pieces of the validation split."""

    longest: float
    """Of the middle one: half of the pieces have a longer passage, half a shorter one."""
    by_heart_share: float
    """On average, as the next."""
    repeated_share: float
    n_pieces: int


def originality_of(text: str, corpus: Corpus) -> Originality:
    """Hold a text against the training split of a corpus and against itself."""
    passages = verbatim_passages(text, corpus.text[: corpus.n_train])
    return Originality(tuple(passages), covered_share(passages, len(text)), repeated_share(text))


def usual_originality(corpus: Corpus, length: int) -> UsualOriginality | None:
    """What pieces of the validation split of that length have; None where it has no whole one."""
    val = corpus.text[corpus.n_train :][:YARDSTICK_CHARACTERS]
    n_pieces = len(val) // length if length else 0
    if not n_pieces:
        return None
    passages = verbatim_passages(val, corpus.text[: corpus.n_train])
    inside = [_within(passages, i * length, length) for i in range(n_pieces)]
    return UsualOriginality(
        longest=median(max((p.length for p in each), default=0) for each in inside),
        by_heart_share=fmean(covered_share(each, length) for each in inside),
        repeated_share=fmean(
            repeated_share(val[i * length : (i + 1) * length]) for i in range(n_pieces)
        ),
        n_pieces=n_pieces,
    )


def _within(passages: Sequence[Passage], start: int, length: int) -> list[Passage]:
    """What of the passages lies in a piece, as they would be found in the piece alone."""
    found = []
    for passage in passages:
        first = max(passage.start, start)
        last = min(passage.start + passage.length, start + length)
        if last - first >= LEAST:
            found.append(Passage(first - start, last - first, passage.at + first - passage.start))
    return found
