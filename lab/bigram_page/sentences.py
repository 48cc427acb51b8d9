"""The page's sentences, each made of measured numbers. Pure; Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping

from core.findings import meaning
from core.interpretability.averaged import AveragedTransitions
from core.interpretability.divergence import Divergence
from lab.figures.map_axes import percent
from lab.session.bigram_choices import Source, TableView
from lab.wording import words
from lab.wording.plain import quoted

FAR_NATS = 0.1
"""Guesses so far from the counts are not what the counts say."""

SOURCE_WORDS: dict[Source, str] = {
    "table": "bigram table",
    "alone": "other model, one character",
    "averaged": "other model, in context",
}
SWITCHES_HELP = (
    "**Other model, one character**: what attention or a transformer guesses after one character "
    "with nothing before it. **In context**: its guesses at all places of a text where a character "
    "stands, averaged, whatever came before.\n\n"
    "**Learned**: probabilities, softmax over each row of logits. **Logits**: the scores before "
    "softmax. **Counted**: what follows what in the training text. **Difference**: learned less "
    "counted.\n\n"
    "**Frequency**: the most frequent character in the training text first. **Similarity**: "
    "characters that are followed by the same stand together. Each begins as a chain of its own; "
    "again and again the two chains whose counted rows are most alike on average are joined at "
    "the ends that are most alike (by the distance between the square roots of the "
    "probabilities). It goes by the counts, so it stays while a table learns."
)
MEANINGS: dict[TableView, str] = {
    "learned": "What the model expects to follow each character: softmax over each row of its "
    "table.",
    "logits": "The numbers of the table as they are: logits. Only differences within a row count; "
    "softmax makes probabilities of them.",
    "counted": "What follows each character in the training text, with one added to every count, "
    "so that nothing is impossible: where a character is rare, that makes its followers less sure "
    "than in the text itself. No training is needed for it.",
    "difference": "Above 0 the model expects it more often than the counts say (with one added to "
    "each), below 0 less often. Where the table is blank, the two agree.",
}
LEARNED_MEANINGS: dict[Source, str] = {
    "table": MEANINGS["learned"],
    "alone": "What the other model expects after one character with nothing before it.",
    "averaged": "The mean of the other model's guesses at all places where the character stands.",
}


def meaning_of(view: TableView, source: Source) -> str:
    """What is seen in a view, in a sentence or two."""
    if view == "learned":
        return LEARNED_MEANINGS[source]
    if view == "logits" and source == "alone":
        return (
            "The other model's logits after one character with nothing before it. Only "
            "differences within a row count."
        )
    return MEANINGS[view]


def row_sentence(character: str, learned_nats: float) -> str:
    """How uncertain a character leaves what comes next, where nothing is counted."""
    return (
        f"What follows {quoted(character)} is {meaning.unsure_among(learned_nats)}: an entropy of "
        f"{learned_nats:.2f} nats."
    )


def row_beside_counts_sentence(
    character: str, n_times: int, learned_nats: float, counted_nats: float, divergence_nats: float
) -> str:
    """How often a character comes, and how uncertain it leaves what comes next."""
    often = f"{quoted(character)} comes {words.count(n_times)} times in the training text."
    if math.isnan(learned_nats):
        return f"{often} It does not come in the windows that were read, so its row is empty."
    return (
        f"{often} What follows is {meaning.unsure_among(learned_nats)}: entropy "
        f"{learned_nats:.2f} nats learned, {counted_nats:.2f} counted. A guess costs "
        f"{divergence_nats:.3f} nats more than by the counts, to each of which one is added."
    )


def rest_sentence(step: int, over_training: Mapping[int, Divergence], now: Divergence) -> str:
    """What is left between a table and the counts, and what that is made of."""
    earlier = [s for s in over_training if 0 < s <= step / 2]
    before = ""
    if earlier:
        half = earlier[-1]
        before = f", after {over_training[half].total_nats:.3f} at step {words.count(half)}"
    unseen = share_of(now.unseen_nats, now.total_nats)
    return (
        f"At step {words.count(step)} a guess costs **{now.total_nats:.3f} nats** more than by "
        f"the counts{before}. {percent(unseen)} of that is probability for pairs that the "
        "training text never has."
    )


def rare_sentence(now: Divergence, rare_below: int) -> str:
    """How much of what is left comes from rows that were seldom seen, to unseen pairs or not."""
    if not now.n_rare or now.total_nats <= 0 or now.rare_share >= 1:
        return ""
    share = share_of(now.rare_nats, now.total_nats)
    per_rare = share / max(now.rare_share, 1e-12)
    per_other = (1 - share) / (1 - now.rare_share)
    times = per_rare / max(per_other, 1e-12)
    plural = now.n_rare != 1
    said = (
        f"{percent(share)} of all of it comes from the {now.n_rare} "
        f"row{'s' * plural} of characters that come fewer than {words.count(rare_below)} times "
        f"(1 in 100). They make {percent(now.rare_share)} of the guesses, so such a guess "
        f"is {times:.1f} times as far off as another"
    )
    why = ": a row learns only when its character comes by." if times > 1.1 else "."
    return said + why


def share_of(part: float, whole: float) -> float:
    """A part of a whole from 0 to 1; 0 where there is nothing."""
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


def alone_sentence(name: str, divergence_nats: float) -> str:
    """What it means that a model with context guesses so after a single character."""
    return (
        f"After one character with nothing before it, **{name}** pays **{divergence_nats:.3f} "
        "nats** a guess more than the counts. It learned what follows what on its way, though "
        "only the first place of each window asks it for that alone."
    )


def averaged_sentence(
    name: str, divergence_nats: float, averaged: AveragedTransitions, counted_loss_nats: float
) -> str:
    """What it means that a model's guesses, averaged over contexts, come so near to the counts.

    `counted_loss_nats` is the loss of the counts at the places that were averaged over.
    """
    n_places = int(averaged.n_places.sum())
    gain_nats = counted_loss_nats - averaged.loss_nats
    side = "below" if gain_nats >= 0 else "above"
    left = "forget the context, and the bigram table is what is left"
    if divergence_nats >= FAR_NATS:
        left = "even without the context they are not the bigram table yet"
    return (
        f"Averaged over {words.count(n_places)} places in {words.count(averaged.n_windows)} "
        f"windows of the training text, the guesses of **{name}** are **{divergence_nats:.3f} "
        f"nats** from the counts: {left}. A single guess is "
        f"{words.loss(averaged.context_nats)} nats from that average: so much the context says. "
        f"Its loss here is {words.loss(abs(gain_nats))} nats {side} the counts'."
    )


def empty_rows_sentence(n_empty: int, share: float) -> str:
    """Rows that nothing is known of, and how little of the text they are."""
    if not n_empty:
        return ""
    return (
        f"{n_empty} row{'s are' if n_empty != 1 else ' is'} empty: their characters do not come "
        f"in these windows ({percent(share)} of the training text)."
    )
