"""What may become a text of the lab: the bytes of a file in, plain characters out.

A text is characters with newlines between its lines, at most `MAX_TEXT_BYTES` of UTF-8, at least
two distinct ones, and no more than a model can learn in the memory that is free: the bigram table
alone grows with their square. Rare ones beyond that can be folded into one sign.

Knows bytes and texts; names and folders are `core.library.texts`'s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from core.errors import CorpusError
from core.findings.meaning import percent
from core.library.encodings import MARK, decode
from core.training.preflight import largest_vocabulary

MAX_TEXT_BYTES = 10_000_000
"""Of UTF-8, in a text to learn from."""
FEW = 1_000
"""So many distinct characters are always taken: no model needs 60 MiB for them."""
LITTLE = 10_000
"""With fewer characters a model learns the text by heart before it learns to write like it."""
RARE = "\N{REPLACEMENT CHARACTER}"
"""The one sign that rare characters are folded into, where the user asks for that."""


@dataclass(frozen=True)
class Folding:
    """What folding the rare characters of a text into one sign does to it."""

    limit: int
    """How many distinct characters there may be."""
    rare: frozenset[str]
    n_replaced: int
    """Characters of the text that become `RARE`."""
    n_chars: int

    @property
    def share(self) -> float:
        """The part of the text that is replaced, from 0 to 1."""
        return self.n_replaced / self.n_chars

    def of(self, text: str) -> str:
        """The text with its rare characters folded."""
        return text.translate({ord(character): RARE for character in self.rare})

    def __str__(self) -> str:
        return f"{self.n_replaced:,} characters, {percent(self.share)} of the text"


@dataclass(frozen=True)
class Reading:
    """A text that passed the rules, and what was changed to make it pass."""

    text: str
    notes: tuple[str, ...] = ()

    @property
    def is_little(self) -> bool:
        """Whether there is too little of it to learn anything but itself."""
        return len(self.text) < LITTLE


def read_text(
    raw: bytes, what: str, *, encoding: str | None = None, fold_rare: bool = False
) -> Reading:
    """Turn the bytes of a file into a text, or say in one sentence why not.

    Args:
        raw: the file's content.
        what: how the file is named in a message.
        encoding: read it in this one; None: it must be UTF-8.
        fold_rare: replace the rarest characters by `RARE` instead of refusing too many.

    Raises EncodingError when the bytes are text in another encoding; CorpusError when they are
    empty, too many, binary, or hold fewer than two or too many distinct characters.
    """
    reading = plain_text(raw, what, encoding=encoding)
    n_distinct, folding = len(set(reading.text)), folding_for(reading.text)
    if folding is None:
        return reading
    if not fold_rare:
        raise CorpusError(
            f"{what} has {n_distinct:,} distinct characters, and the memory that is free here is "
            f"enough for {folding.limit:,}. Folding the rare ones into one sign "
            f"({RARE}) would replace {folding}: --fold_rare, or the switch on the Corpus page."
        )
    note = f"{len(folding.rare):,} rare characters were folded into {RARE}: {folding}"
    return Reading(folding.of(reading.text), (*reading.notes, note))


def plain_text(raw: bytes, what: str, *, encoding: str | None = None) -> Reading:
    """The same for any number of distinct characters, such as a text that is here already has."""
    reading = characters_in(raw, what, encoding=encoding)
    if len(reading.text) < 2:
        found = "is empty" if not reading.text else "has one character"
        raise CorpusError(f"{what} {found}; a model needs a text to learn from.")
    if len(set(reading.text)) < 2:
        raise CorpusError(f"{what} repeats one character; there is nothing to predict in it.")
    return reading


def characters_in(raw: bytes, what: str, *, encoding: str | None = None) -> Reading:
    """The same for any text, however short, such as a prompt."""
    check_size(len(raw), what)
    notes = [f"it was read as {encoding}"] if encoding else []
    text = decode(raw, what, encoding)
    if text.startswith(MARK):
        text = text[1:]
        notes.append("a byte-order mark at the start was removed")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        notes.append("line ends were made plain newlines")
    return Reading(text, tuple(notes))


def folding_for(text: str) -> Folding | None:
    """What has to be folded before the models can learn a text here; None where nothing has."""
    n_distinct = len(set(text))
    limit = FEW if n_distinct <= FEW else max(FEW, largest_vocabulary())
    if n_distinct <= limit:
        return None
    counts = Counter(text)
    # Equally rare ones by their place in Unicode: the same text always folds to the same.
    ordered = sorted(counts.keys() - {RARE}, key=lambda c: (-counts[c], c))
    rare = frozenset(ordered[limit - 1 :])
    return Folding(limit, rare, sum(counts[character] for character in rare), len(text))


def check_size(n_bytes: int, what: str) -> None:
    """Raise CorpusError for more bytes than a text may have."""
    if n_bytes > MAX_TEXT_BYTES:
        raise CorpusError(
            f"{what} is too large: {n_bytes / 1e6:.1f} MB or more, and the limit is "
            f"{MAX_TEXT_BYTES / 1e6:.0f} MB. Cut it to a part."
        )
