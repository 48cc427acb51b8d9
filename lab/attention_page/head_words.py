"""What attention heads do, in words: names of habits, sentences with their numbers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.findings.meaning import choices
from core.interpretability.attention import AttentionWorth
from core.interpretability.habits import (
    MIN_TIMES,
    NEARLY_ALL,
    NEARLY_EVEN,
    RECENT,
    SINGLE_SHARE,
    HeadHabits,
    Name,
)
from core.settings.config import ModelConfig
from lab.figures.map_axes import Matrix, percent
from lab.wording import words
from lab.wording.plain import quoted

HABIT_WORDS: dict[Name, tuple[str, str]] = {
    "previous": ("previous", "the character just before"),
    "itself": ("itself", "the looking character itself"),
    "recent": (f"last {RECENT}", f"the last {RECENT} characters"),
    "first": ("first", "the first character of the window"),
    "same": ("same", "the same character, earlier"),
    "after_same": ("induction", "what followed the same character the last time"),
    "spaces": ("spaces", "spaces and line ends"),
    "word_starts": ("word starts", "first letters of words"),
    "vowels": ("vowels", "vowels"),
    "capitals": ("capitals", "capital letters"),
    "even": ("even", "spread almost evenly"),
    "none": ("", "none of these habits"),
}
"""Each habit in the corner of a map, and in a sentence."""
HABIT_RULES = (
    "The name follows rules, on averages over many places of the validation text, not over the "
    "text typed here. *Spread almost evenly*: the weights have at least "
    f"{NEARLY_EVEN:.0%} of the entropy of even spreading. Else a habit counts where a head gives "
    f"such places at least {MIN_TIMES:g} times what even spreading would; a single place needs "
    f"{SINGLE_SHARE:.0%} of the weight as well, and for the last {RECENT} characters "
    f"{NEARLY_ALL:.0%} is enough. Of those that count the name is the one that says most about "
    "the head. *None of these*: no rule fits."
)


def corner_label(head: HeadHabits) -> str:
    """A head's habit in two short lines of Plotly's HTML, for the corner of its map."""
    short, _ = HABIT_WORDS[head.name]
    return f"{short}<br>{percent(head.score)}" if short and head.name != "even" else short


def hover_text(head: HeadHabits) -> str:
    """What the pointer finds on a head, in Plotly's HTML."""
    _, name = HABIT_WORDS[head.name]
    return (
        f"<b>layer {head.layer} · head {head.head}</b>: {name}"
        f"<br>{_share_text(head)}<br>click to see it large"
    )


def habit_sentence(head: HeadHabits) -> str:
    """What a head has a habit of, with its numbers beside those of spreading evenly. Markdown."""
    _, name = HABIT_WORDS[head.name]
    return f"**{name[0].upper()}{name[1:]}.** {_share_text(head)}."


def _share_text(head: HeadHabits) -> str:
    if head.name == "even":
        return f"The weight is spread out to {percent(head.score)} of what is possible"
    if head.name == "none":
        nearest = max(head.shares, key=lambda h: head.shares[h] / max(head.even_shares[h], 1e-9))
        share, even = head.shares[nearest], head.even_shares[nearest]
        return (
            f"The nearest is {HABIT_WORDS[nearest][1]}, with {percent(share)} of its weight where "
            f"even spreading gives {percent(even)}"
        )
    even = head.even_shares[head.name]
    return (
        f"{percent(head.score)} of its weight, where even spreading would give {percent(even)}: "
        f"{head.times_even:.1f} times as much"
    )


def heads_sentence(habits: Sequence[HeadHabits]) -> str:
    """How many heads have a habit, and which ones, the most frequent first. Markdown."""
    counts = Counter(head.name for head in habits)
    n_even, n_none = counts.pop("even", 0), counts.pop("none", 0)
    if n_even == len(habits):
        return f"**All {len(habits)} heads spread almost evenly**: they have learned nothing yet."
    named = [f"{HABIT_WORDS[name][1]} ({n})" for name, n in counts.most_common()]
    which = f", looking at {words.listed(named)}" if named else ""
    rest = [f"{n_even} spread almost evenly"] * (n_even > 0)
    rest += [f"for {n_none} no rule fits"] * (n_none > 0)
    others = f" Of the others {words.listed(rest)}." if rest else ""
    return f"**{counts.total()} of {len(habits)} heads have a habit**{which}.{others}"


def look_sentence(row: Matrix, text: str, place: int) -> str:
    """Where the character at `place` (from 0) looks, from its row of weights (T,). Markdown."""
    most = int(row.argmax())
    to_whom = "itself" if most == place else f"{quoted(text[most])} ({most + 1})"
    return (
        f"{quoted(text[place])} ({place + 1}) takes most from {to_whom}: "
        f"{percent(float(row[most]))}."
    )


def cell_sentence(weight: float, text: str, place: int, key: int) -> str:
    """One weight in words; places from 0. Markdown."""
    whom = "itself" if key == place else f"{quoted(text[key])} ({key + 1})"
    return f"{quoted(text[place])} ({place + 1}) takes {percent(weight)} from {whom}."


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
    # The modern block's token shifts and tables look back too; the ladder's has other parts.
    if bigram_nats is None or model.block != "classic":
        return sentence
    # What is left to see. In the model of one layer, all that it knows goes through attention.
    left = "nothing" if model.model == "attention" else "one character only"
    return (
        f"{sentence} It is not the bigram model: a guess then sees {left}, and the rest of the "
        f"model never learned to do without. Made for one character, bigram counts get to "
        f"{words.loss(bigram_nats)} ({choices(bigram_nats)})."
    )
