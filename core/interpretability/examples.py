"""Where in a text a part of a model mattered most: the guesses that were worst without it.

Reads models and never changes them. Shapes: B windows of T characters and one more, the last
target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.interpretability.parts import Part, without
from core.models import LanguageModel
from core.text.corpus import Vocabulary
from core.training.evaluation import evaluating

N_BEFORE = 40
"""So many characters are shown before the one that was guessed; more where the head looks further
back."""
MIN_PROBABILITY = 0.1
"""Of the right character, by the whole model: where that had hardly an idea of it, a rise of the
loss is noise among improbable things, and no example of what the part is for."""
_WINDOWS_PER_PASS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A guess that a part of the model was for."""

    text: str
    """What the model had read, its end: the guess is what follows."""
    character: str
    """What did follow."""
    probability_with: float
    """Of that character, by the whole model."""
    probability_without: float
    looked_at: int | None
    """The place in `text`, from 0, that the head gave most of its weight to when it made the guess.
    None for a part that is no single head."""

    @property
    def n_back(self) -> int | None:
        """How many characters before the last one of the text it looked; 0 for that one itself."""
        return None if self.looked_at is None else len(self.text) - 1 - self.looked_at


def where_it_mattered(
    model: LanguageModel, vocabulary: Vocabulary, windows: Tensor, part: Part, n: int
) -> list[Example]:
    """The guesses whose loss rises most when the part is off, the most first; at most n.

    Of each of the windows (B, T + 1) the one where it rises most, so that no two are of one place,
    among those to which the whole model gives at least `MIN_PROBABILITY`; windows where none rises
    give none. Raises ConfigError for a part that the model does not have.
    """
    rest = without(model, [part])
    full, left = (_target_nats(each, windows) for each in (model, rest))  # B, T
    had_an_idea = full <= -math.log(MIN_PROBABILITY)
    rises, places = (left - full).where(had_an_idea, 0.0).max(dim=1)
    order = rises.argsort(descending=True, stable=True)[:n]
    return [
        _example(model, vocabulary, windows[w], int(places[w]), part, (full[w], left[w]))
        for w in order.tolist()
        if rises[w] > 0
    ]


def _target_nats(model: LanguageModel, windows: Tensor) -> Tensor:
    """What each target of windows (B, T + 1) costs, in nats: (B, T)."""
    with evaluating(model):
        parts = [
            F.cross_entropy(model(batch[:, :-1]).transpose(1, 2), batch[:, 1:], reduction="none")
            for batch in torch.split(windows, _WINDOWS_PER_PASS)
        ]
    return torch.cat(parts)


def _example(
    model: LanguageModel,
    vocabulary: Vocabulary,
    window: Tensor,
    place: int,
    part: Part,
    nats: tuple[Tensor, Tensor],
) -> Example:
    """The guess at one place (from 0) of a window (T + 1,), whose targets cost nats (T,) each."""
    looked_at = _strongest_look(model, window[: place + 1], part)
    first = max(0, place + 1 - N_BEFORE)
    if looked_at is not None:
        first = min(first, looked_at)
    full, left = nats
    return Example(
        text=vocabulary.decode(window[first : place + 1]),
        character=vocabulary.decode(window[place + 1 : place + 2]),
        probability_with=float(full[place].neg().exp()),
        probability_without=float(left[place].neg().exp()),
        looked_at=None if looked_at is None else looked_at - first,
    )


def _strongest_look(model: LanguageModel, tokens: Tensor, part: Part) -> int | None:
    """The place that the last of the tokens (t,) takes most from in this head, from 0."""
    if part.kind != "head":
        return None
    with evaluating(model):
        attention = model.trace(tokens[None]).attention  # L, 1, H, t, t
    return int(attention[part.layer - 1, 0, part.head - 1, -1].argmax())
