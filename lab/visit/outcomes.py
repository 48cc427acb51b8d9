"""What came of a task, measured: the numbers behind its sentence, and what its picture is to show.

Everything measured here is what the page that shows it measures too, and is cached with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from core.errors import LabError
from core.interpretability.habits import HeadHabits
from core.interpretability.transitions import transition_probabilities
from core.records.records import RunRecord
from core.settings.config import ModelKind
from core.text.corpus import Vocabulary
from core.text.reference import add_one, reference_lines
from lab.session.measured import habits_of_heads
from lab.session.state import loaded_model, model_key, the_lab
from lab.session.transitions import CountedText, counted_text
from lab.visit.tasks import Facts, TaskName
from lab.visit.words import gain_text, head_text, limit_text, row_text, table_text, written_text

OFTEN_ENOUGH = 100
"""A character that comes less often in a text has a row that says little."""


@dataclass(frozen=True)
class Row:
    """One row of a bigram table, and the character that follows there most often."""

    character: str
    follower: str
    learned: float
    in_text: float
    """How often the one really follows the other in the training text."""


def outcome_text(task: TaskName, facts: Facts) -> str:
    """What came of a task that is done; nothing where that can no longer be measured."""
    try:
        return _OUTCOMES[task](facts)
    except LabError:  # the text is gone, or a run of a moment ago
        return ""


def surest_row(run: RunRecord) -> Row:
    """The row of a table where one character leaves least open what comes next.

    That of a letter that is not rare, where there is one. Raises CorpusError, CheckpointError.
    """
    loaded, counted = loaded_model(run), counted_text(the_lab().corpus_of(run))
    row = place_of_surest(counted, loaded.vocabulary)
    follows = counted.counts[row]
    follower = int(follows.argmax())
    learned = transition_probabilities(loaded.model, counted.kept[row : row + 1])[0]
    characters = loaded.vocabulary.characters
    return Row(
        characters[int(counted.kept[row])], characters[follower],
        float(learned[follower]), float(follows[follower] / follows.sum().clamp_min(1)),
    )  # fmt: skip


def place_of_surest(counted: CountedText, vocabulary: Vocabulary) -> int:
    """The place among the counted rows (K, V) of the one that `surest_row` is about."""
    letters = torch.tensor([vocabulary.characters[int(t)].isalpha() for t in counted.kept])
    wanted = letters & (counted.often >= OFTEN_ENOUGH)
    entropies = torch.special.entr(add_one(counted.counts)).sum(dim=1)
    if wanted.any():
        entropies = entropies.masked_fill(~wanted, torch.inf)
    return int(entropies.argmin())


def clearest_head(run: RunRecord) -> HeadHabits:
    """The head of a run that most clearly looks back. Raises CorpusError, CheckpointError."""
    loaded, corpus = loaded_model(run), the_lab().corpus_of(run)
    return head_that_looks_back(habits_of_heads(model_key(run, loaded), loaded, corpus))


def head_that_looks_back(habits: Sequence[HeadHabits]) -> HeadHabits:
    """Of all heads the one whose habit says most, but for evenness and looking at itself."""
    looking = [head for head in habits if head.name not in ("even", "none", "itself")]
    return max(looking or habits, key=lambda head: head.score * math.log(head.times_even or 1))


# --- each task ------------------------------------------------------------------------------------


def _table(facts: Facts) -> str:
    run = facts.finished["bigram"]
    return table_text(run.name, _loss_of(run), run.config.model.vocab_size)


def _row(facts: Facts) -> str:
    run = facts.finished["bigram"]
    row = surest_row(run)
    return row_text(run.name, row.character, row.follower, row.learned, row.in_text)


def _limit(facts: Facts) -> str:
    run = facts.finished["bigram"]
    lines = {line.name: line.loss_nats for line in reference_lines(the_lab().corpus_of(run))}
    return limit_text(_loss_of(run), lines["bigram"], lines["5-gram"])


def _attention(facts: Facts) -> str:
    block_size = facts.finished["attention"].config.model.block_size
    what = f"with up to {block_size} characters to look back at"
    return _gain(facts, "attention", what, "bigram", "the bigram table")


def _transformer(facts: Facts) -> str:
    what = f"with {facts.finished['transformer'].config.model.n_layer} layers"
    return _gain(facts, "transformer", what, "attention", "one layer of attention")


def _gain(facts: Facts, kind: ModelKind, what: str, other: ModelKind, called: str) -> str:
    run, before = facts.finished[kind], facts.finished.get(other)
    if before is None or before.fingerprint != run.fingerprint:  # not to be compared
        return ""
    return gain_text(run.name, what, _loss_of(run), called, _loss_of(before))


def _head(facts: Facts) -> str:
    run = facts.finished["attention"]
    return head_text(run.name, clearest_head(run))


def _written(facts: Facts) -> str:
    run = facts.finished["transformer"]
    return written_text(run.name, _loss_of(run))


def _loss_of(run: RunRecord) -> float:
    """Of the best checkpoint, as every page says it. Raises LabError where it was not measured."""
    if run.best_val_loss_nats is None:
        raise LabError(f"The loss of run {run.name} was not measured.")
    return run.best_val_loss_nats


_OUTCOMES: dict[TaskName, Callable[[Facts], str]] = {
    "train_bigram": _table,
    "read_matrix": _row,
    "see_limit": _limit,
    "train_attention": _attention,
    "see_head": _head,
    "train_transformer": _transformer,
    "write": _written,
}
