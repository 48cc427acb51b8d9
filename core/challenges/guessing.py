"""The game of guesses: what comes next at a place of the validation split, to models and a learner.

A place is asked about once, the same for all. What models say of it is computed from the place
whenever it is wanted, so a model that comes later has answered all of them too.

Shapes: N tokens of the validation split, P places, T = block_size, V = vocabulary size.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.challenges.kept import Guess
from core.errors import PromptError
from core.models import LanguageModel
from core.text.characters import in_quotes, sign_of
from core.text.corpus import Corpus
from core.text.reference import add_one, counts_after
from core.training.evaluation import evaluating

CONTEXT = 120
"""So many characters before a place are shown to the learner."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said of one place."""

    character: str
    """The likeliest, in their eyes."""
    is_right: bool
    probability: float | None = None
    """Of that character; None of a learner, who says none."""
    probability_of_truth: float | None = None
    """Of the character that came."""


def place_number(corpus: Corpus, n: int) -> int:
    """The place that is asked about after n guesses: the same for the same text.

    Counted from 0 in the validation split; there is at least one character before it, and where
    the split is long enough, `CONTEXT`. Raises PromptError for a split without a target.
    """
    n_val = len(corpus.text) - corpus.n_train
    if n_val < 2:
        raise PromptError(f"{corpus.name} is too short to guess in.", "")
    first = min(CONTEXT, n_val - 1)
    return random.Random(f"{corpus.fingerprint} {n}").randrange(first, n_val)


def character_at(corpus: Corpus, place: int) -> str:
    """The character that came at a place of the validation split."""
    return corpus.text[corpus.n_train + place]


def context_of(corpus: Corpus, place: int) -> str:
    """What stands before a place, `CONTEXT` characters or as many as there are in the split."""
    start = corpus.n_train + max(0, place - CONTEXT)
    return corpus.text[start : corpus.n_train + place]


def read_guess(corpus: Corpus, typed: str) -> str:
    """The character that was typed, or whose sign (␣, ↵) was.

    Raises PromptError for none, for several, and for one that the text does not have.
    """
    known = corpus.vocabulary.characters
    if typed in known and len(typed) == 1:
        return typed
    signs = {sign_of(character): character for character in known}
    if typed in signs:
        return signs[typed]
    if len(typed) != 1:
        raise PromptError("A guess is one character.", "")
    raise PromptError(f"{corpus.name} has no {in_quotes(typed)} anywhere.", typed)


def learner_answers(corpus: Corpus, guesses: Sequence[Guess]) -> list[Answer]:
    """What a learner said, place by place."""
    return [
        Answer(guess.character, guess.character == character_at(corpus, guess.place))
        for guess in guesses
    ]


def in_this_text(corpus: Corpus, guesses: Sequence[Guess]) -> list[Guess]:
    """The guesses whose places the validation split has."""
    n_val = len(corpus.text) - corpus.n_train
    return [g for g in guesses if g.fingerprint == corpus.fingerprint and g.place < n_val]


def model_answers(model: LanguageModel, corpus: Corpus, places: Sequence[int]) -> list[Answer]:
    """What a model thinks likeliest at each place, from the past alone; changes nothing.

    It sees the last T characters before a place, fewer at the beginning of the split.
    """
    val, T = corpus.val, model.config.block_size
    rows: dict[int, Tensor] = {}
    with evaluating(model):
        for n in sorted({min(place, T) for place in places}):
            having = [place for place in places if min(place, T) == n]
            windows = torch.stack([val[place - n : place] for place in having])
            for place, logits in zip(having, model(windows)[:, -1].double()):
                rows[place] = logits.softmax(dim=-1)  # V
    return [_answer(corpus, rows[place], place) for place in places]


def counted_answers(corpus: Corpus, places: Sequence[int]) -> list[Answer]:
    """The same of the counted bigram: what followed the character before most often."""
    if not places:
        return []
    before = corpus.val[[place - 1 for place in places]]  # P
    kept, row_of = torch.unique(before, return_inverse=True)
    table = add_one(counts_after(corpus.train, len(corpus.vocabulary), kept))  # rows of `kept`
    return [_answer(corpus, table[row], place) for row, place in zip(row_of, places)]


def _answer(corpus: Corpus, probabilities: Tensor, place: int) -> Answer:
    """The answer that probabilities (V,) are at a place."""
    likeliest, truth = int(probabilities.argmax()), int(corpus.val[place])
    return Answer(
        corpus.vocabulary.characters[likeliest], likeliest == truth,
        float(probabilities[likeliest]), float(probabilities[truth]),
    )  # fmt: skip


def n_right(answers: Sequence[Answer]) -> int:
    """How many of the answers are right."""
    return sum(answer.is_right for answer in answers)
