"""The tables that the page shows: what a model learned, what was counted, in the order chosen.

Shapes: K characters that there is room for, V in the vocabulary. Rows are whole, (K, V), so that
they sum to 1; only drawing them leaves out columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from core.interpretability.divergence import divergence_parts, row_divergences, row_entropies
from core.interpretability.orders import ORDERS, Order, by_frequency, by_similarity
from core.interpretability.transitions import transition_logits
from core.runs.lab import LoadedModel
from core.settings.config import ModelKind
from core.text.corpus import Vocabulary
from core.text.reference import add_one
from lab.figures.base import compact
from lab.figures.map_axes import Matrix
from lab.figures.transitions import RowEntropies
from lab.session.transitions import MAX_SHOWN, SHOWN_OF_MANY, CountedText


@dataclass(frozen=True, eq=False, kw_only=True)
class Tables:
    """One learned table and, where its text is there, the counted one, row by row alike."""

    vocabulary: Vocabulary
    kind: ModelKind
    kept: Tensor
    """The tokens whose rows these are, in the order shown: (K,)."""
    learned: Tensor
    """(K, V) probabilities; a row that is not known is NaN."""
    logits: Tensor | None
    """(K, V), before softmax; None where there are none, as for a mean of probabilities."""
    counts: Tensor | None
    """(K, V): how often each follows in the training split."""
    often: Tensor | None
    """(K,): how often each comes there."""
    similar: Tensor
    """(K,): places in the order of likeness."""

    @classmethod
    def of(
        cls, loaded: LoadedModel, counted: CountedText | None, learned: Tensor | None = None
    ) -> Tables:
        """A model's guesses after one character; or `learned` (K, V), probabilities alone."""
        V = len(loaded.vocabulary)
        kept = counted.kept if counted else torch.arange(V if V <= MAX_SHOWN else SHOWN_OF_MANY)
        logits = transition_logits(loaded.model, kept) if learned is None else None
        if logits is not None:
            learned = logits.softmax(dim=-1)
        assert learned is not None
        return cls(
            vocabulary=loaded.vocabulary, kind=loaded.model.config.model, kept=kept,
            learned=learned, logits=logits,
            counts=counted.counts if counted else None, often=counted.often if counted else None,
            similar=counted.by_similarity if counted else by_similarity(learned),
        )  # fmt: skip

    @property
    def characters(self) -> str:
        return self.vocabulary.decode(self.kept)

    @property
    def n_left_out(self) -> int:
        """Rare characters for which there is no room."""
        return len(self.vocabulary) - len(self.kept)

    @cached_property
    def counted(self) -> Tensor | None:
        """(K, V) probabilities, one added to each count; None without the text."""
        return None if self.counts is None else add_one(self.counts)

    @property
    def orders(self) -> list[Order]:
        """The orders that can be had: without the text nobody knows what is frequent."""
        return [order for order in ORDERS if order != "frequency" or self.often is not None]

    def in_order(self, order: Order) -> Tables:
        """The same with rows, and so columns, in another order."""
        if order == "alphabet":
            return self
        places = self.similar
        if order == "frequency" and self.often is not None:
            places = by_frequency(self.often)
        return replace(
            self, kept=self.kept[places], learned=self.learned[places],
            logits=None if self.logits is None else self.logits[places],
            counts=None if self.counts is None else self.counts[places],
            often=None if self.often is None else self.often[places],
            similar=places.argsort()[self.similar],  # where these places are now
        )  # fmt: skip

    def square(self, rows: Tensor) -> Matrix:
        """The part of rows (K, V) that is drawn: the columns of the characters shown, (K, K)."""
        return compact(rows[:, self.kept])

    @property
    def entropies(self) -> RowEntropies:
        counted = None if self.counted is None else compact(row_entropies(self.counted))
        most_nats = torch.tensor(float(len(self.vocabulary))).log()
        return RowEntropies(
            compact(row_entropies(self.learned)), counted, self.kind, float(most_nats)
        )

    @property
    def divergence_nats(self) -> float | None:
        """What a guess by the learned table costs more than by the counts, on average."""
        if self.counted is None or self.often is None:
            return None
        return float(divergence_parts(self.counted, self.learned, self.often).sum())

    def row_divergence_nats(self, row: int) -> float:
        """The same for a guess after one character alone; NaN without the text."""
        if self.counted is None:
            return float("nan")
        return float(row_divergences(self.counted[[row]], self.learned[[row]]))
