"""What attention heads do, in words: names of patterns, sentences with their numbers. Pure."""

from __future__ import annotations

from core.findings.meaning import choices
from core.interpretability.attention import (
    NEARBY,
    NEARLY_EVEN,
    STRONG_SHARE,
    AttentionWorth,
    HeadSummary,
    Pattern,
    name_pattern,
)
from core.settings.config import ModelConfig
from lab.figures.map_axes import Matrix, percent
from lab.wording import words
from lab.wording.plain import quoted

PATTERN_WORDS: dict[Pattern, str] = {
    "previous": "mostly the previous character",
    "itself": "mostly itself",
    "first": "mostly the first character",
    "nearby": "nearby characters",
    "even": "spread almost evenly",
    "mixed": "no simple pattern",
}
PATTERN_RULES = (
    "The name follows rules, on averages over this text. *Spread almost evenly*: the weights have "
    f"at least {NEARLY_EVEN:.0%} of the entropy of even spreading. *Mostly* one place: it gets at "
    f"least {STRONG_SHARE:.0%} of the weight, and twice its even share. *Nearby*: the head looks "
    f"at most {NEARBY:.0%} as far back as even spreading would. Else: *no simple pattern*. "
    "The first character has no choice and is left out."
)


def corner_label(head: HeadSummary, even: HeadSummary) -> str:
    """A head's pattern in two short lines of Plotly's HTML, for the corner of its map."""
    pattern = name_pattern(head, even)
    share = _share_of(head, pattern)
    return pattern if share is None else f"{pattern}<br>{percent(share)}"


def hover_text(layer: int, head: int, summary: HeadSummary, even: HeadSummary) -> str:
    """What the pointer finds on a head (layer and head from 0), in Plotly's HTML."""
    return (
        f"<b>layer {layer + 1} · head {head + 1}</b>: {PATTERN_WORDS[name_pattern(summary, even)]}"
        f"<br>previous {percent(summary.previous)} · itself {percent(summary.itself)} · "
        f"first {percent(summary.first)}<br>click to see it large"
    )


def habit_sentence(head: HeadSummary, even: HeadSummary) -> str:
    """The numbers of a head, each beside what spreading evenly would give. Markdown."""
    name = PATTERN_WORDS[name_pattern(head, even)]
    return (
        f"**{name[0].upper()}{name[1:]}.** On average a character takes "
        f"{percent(head.previous)} from the one before it, {percent(head.itself)} from itself and "
        f"{percent(head.first)} from the first, and looks {head.mean_distance:.1f} characters "
        f"back. Spread evenly, that would be {percent(even.previous)}, {percent(even.itself)}, "
        f"{percent(even.first)} and {even.mean_distance:.1f} characters."
    )


def look_sentence(row: Matrix, text: str, place: int) -> str:
    """Where the character at `place` (from 0) looks, from its row of weights (T,). Markdown."""
    most = int(row.argmax())
    to_whom = "itself" if most == place else f"{quoted(text[most])} ({most + 1})"
    return (
        f"{quoted(text[place])} ({place + 1}) takes most from {to_whom}: "
        f"{percent(float(row[most]))}."
    )


def worth_sentence(worth: AttentionWorth, model: ModelConfig, bigram_nats: float | None) -> str:
    """What attention does for a model's guesses. Markdown.

    `bigram_nats` is what counting reaches with one character of context; None: unknown.
    """
    before, after = worth.with_nats, worth.without_nats
    sentence = (
        f"**This same model with its attention switched off**, all else as it was trained: the "
        f"loss over {words.count(worth.n_guesses)} guesses on the validation text goes from "
        f"**{words.loss(before)}** to **{words.loss(after)} nats**, as unsure as among "
        f"**{choices(after)}** characters instead of **{choices(before)}**."
    )
    if bigram_nats is None or model.block == "modern":  # its token shifts and tables look back too
        return sentence
    # What is left to see. In the model of one layer, all that it knows goes through attention.
    left = "nothing" if model.model == "attention" else "one character only"
    return (
        f"{sentence} It is not the bigram model: a guess then sees {left}, and the rest of the "
        f"model never learned to do without. Made for one character, bigram counts get to "
        f"{words.loss(bigram_nats)} ({choices(bigram_nats)})."
    )


def _share_of(head: HeadSummary, pattern: Pattern) -> float | None:
    match pattern:
        case "previous":
            return head.previous
        case "itself":
            return head.itself
        case "first":
            return head.first
        case _:
            return None
