"""A text as the models see it: characters become tokens, tokens a split, the split seeded batches.

Owns the vocabulary, the 90/10 split and the order of the batches. Knows nothing of files (see
`core.library.texts`), of counts (see `core.text.reference`) or of models.

Shapes: N characters of text, B sequences in a batch, T = block_size, V = vocabulary size.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from core.errors import ConfigError, PromptError
from core.text.characters import in_quotes

TRAIN_SHARE = 0.9  # as in nanoGPT's data/shakespeare_char/prepare.py


@dataclass(frozen=True)
class Vocabulary:
    """The distinct characters of a text, sorted; a character's token is its place in the line."""

    characters: str

    @classmethod
    def of(cls, text: str) -> Vocabulary:
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        return len(self.characters)

    def unknown(self, text: str) -> str:
        """The characters of `text` that have no token, each once, in order of appearance."""
        return "".join(c for c in dict.fromkeys(text) if c not in self.characters)

    def drop_unknown(self, text: str) -> str:
        """`text` without the characters that have no token."""
        return "".join(c for c in text if c in self.characters)

    def encode(self, text: str) -> Tensor:
        """N characters to tokens (N,), int64. Raises PromptError, naming what is unknown."""
        unknown = self.unknown(text)
        if unknown:
            named = ", ".join(in_quotes(c) for c in unknown[:10]) + (
                " …" if len(unknown) > 10 else ""
            )
            raise PromptError(
                f"The text this model learned from has no {named}. "
                "Leave out what it has never seen, or pick a run on another corpus.",
                unknown,
            )
        if not text:
            return torch.empty(0, dtype=torch.int64)
        # One table look-up for the whole text instead of a Python loop over a million characters.
        table = torch.zeros(ord(self.characters[-1]) + 1, dtype=torch.int64)
        table[_code_points(self.characters)] = torch.arange(len(self))
        return table[_code_points(text)]

    def decode(self, tokens: Tensor | list[int]) -> str:
        """Tokens (N,) to text, the inverse of `encode`."""
        ids = tokens.tolist() if isinstance(tokens, Tensor) else tokens
        return "".join(self.characters[i] for i in ids)


@dataclass(frozen=True, eq=False)
class Corpus:
    """One text, ready to learn from."""

    name: str
    text: str
    vocabulary: Vocabulary = field(init=False)
    fingerprint: str = field(init=False)
    """sha256 of the text in UTF-8: two corpora with one fingerprint are the same text."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "vocabulary", Vocabulary.of(self.text))
        object.__setattr__(self, "fingerprint", fingerprint_of(self.text))

    def __eq__(self, other: object) -> bool:
        """Two corpora with the same text are the same, so that it is counted only once."""
        return isinstance(other, Corpus) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def tokens(self) -> Tensor:
        """The whole text (N,), int64."""
        return self.vocabulary.encode(self.text)

    @property
    def train(self) -> Tensor:
        """The first 90 % of the tokens."""
        return self.tokens[: self.n_train]

    @property
    def val(self) -> Tensor:
        """The rest, which no model is trained on."""
        return self.tokens[self.n_train :]

    @property
    def n_train(self) -> int:
        return int(len(self.text) * TRAIN_SHARE)

    def check_long_enough(self, block_size: int) -> None:
        """Raise ConfigError unless a window and its target fit into each of the two splits."""
        largest = largest_block_size(len(self.text))
        if block_size > largest:
            raise ConfigError(
                f"Corpus {self.name} is too short for block_size {block_size}: its validation "
                f"tenth has {largest + 1:,} character{'s' * (largest > 0)} and must have at least "
                f"{block_size + 1:,}. "
                + (
                    f"Take block_size {largest} or less, or a longer text."
                    if largest > 0
                    else "Take a longer text."
                )
            )


def largest_block_size(n_characters: int) -> int:
    """The largest block size that a text of that length can be trained with; 0: none at all.

    A window and its target have to fit into the validation split.
    """
    return n_characters - int(n_characters * TRAIN_SHARE) - 1


def most_frequent(corpus: Corpus, at_most: int) -> list[str]:
    """The characters that occur most often in the training split, the most frequent first."""
    counts = torch.bincount(corpus.train, minlength=len(corpus.vocabulary))
    order = counts.argsort(descending=True, stable=True)[:at_most]
    return [corpus.vocabulary.characters[i] for i in order.tolist()]


def example_line(corpus: Corpus, at_most: int) -> str:
    """A line of the validation split to show a model, the same for the same text.

    The first that takes up most of `at_most` characters, else the longest that fits; where all are
    longer, the beginning of the first.
    """
    val = corpus.text[corpus.n_train :]
    whole = val[val.find("\n") + 1 :]  # the split may begin within a line
    lines = [line.strip() for line in (whole or val)[:_SEARCHED].splitlines()]
    fitting = [line for line in lines if 1 < len(line) <= at_most]
    for line in fitting:
        if len(line) >= 0.75 * at_most:
            return line
    if fitting:
        return max(fitting, key=len)
    return max(lines, key=len, default="")[:at_most].strip()


def passage_at_random(corpus: Corpus, at_most: int, seed: int) -> str:
    """A stretch of the validation split, the same for the same text and seed.

    From the beginning of a line to the end of one, where lines are not too long for that.
    """
    val = corpus.text[corpus.n_train :]
    start = random.Random(seed).randrange(max(1, len(val) - at_most))
    line = val.find("\n", start, start + at_most // 2) + 1 or start
    stretch = val[line:].lstrip("\n")[:at_most]
    end = stretch.rfind("\n")
    return stretch[:end] if end >= at_most // 2 else stretch


_SEARCHED = 20_000
"""So many characters are enough to find a line in."""


class Batches:
    """An endless, seeded sequence of random windows of one split.

    Of one text, cut into the same blocks and batches, batch number k depends on the seed and k
    alone. So the generator's state is the position in the data: saving and loading it goes on with
    exactly the batches that would have come. With another `block_size` or `batch_size` the windows
    are others.
    """

    def __init__(self, tokens: Tensor, block_size: int, batch_size: int, seed: int) -> None:
        self._tokens = tokens
        self._batch_size = batch_size
        self._n_starts = len(tokens) - block_size
        self._window = torch.arange(block_size + 1)
        self._generator = torch.Generator().manual_seed(seed)

    def next(self) -> tuple[Tensor, Tensor]:
        """Inputs (B, T) and targets (B, T): the same windows, one character further."""
        starts = torch.randint(self._n_starts, (self._batch_size, 1), generator=self._generator)
        windows = self._tokens[(starts + self._window).to(self._tokens.device)]  # B, T+1
        return windows[:, :-1], windows[:, 1:]

    def coming(self) -> tuple[Tensor, Tensor]:
        """What `next` will give; it will then give the same."""
        position = self.state_dict()
        batch = self.next()
        self.load_state_dict(position)
        return batch

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._generator.set_state(state["generator"])


def fingerprint_of(text: str) -> str:
    """sha256 of the text in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _code_points(text: str) -> Tensor:
    """The Unicode code points of a text (N,), int64."""
    raw = bytearray(text.encode("utf-32-le"))
    return torch.frombuffer(raw, dtype=torch.int32).to(torch.int64)
