"""How a head came to its habit, in a sentence made of what was measured. Pure."""

from __future__ import annotations

from core.interpretability.habits import Name
from core.interpretability.history import HeadHistory, Stage
from lab.attention_page.head_words import HABIT_WORDS
from lab.figures.map_axes import percent
from lab.wording.words import count


def history_sentence(head: HeadHistory) -> str:
    """When the head got the name that it has, what it was before, and its share. Markdown."""
    name = HABIT_WORDS[head.names[-1]][1]
    who = f"**Layer {head.layer} · head {head.head}: {name}.**"
    return f"{who} {_birth_text(head)} {_share_text(head)}"


def stages_text(head: HeadHistory) -> str:
    """All names that the head had, in their order, with the steps at which each was found."""
    return " · ".join(f"{_short(stage)} {_span(stage)}" for stage in head.stages)


def _birth_text(head: HeadHistory) -> str:
    stages, n = head.stages, len(head.steps)
    if len(stages) == 1:
        return f"So at all {n} snapshots." if n > 1 else "There is one snapshot so far."
    last, now = stages[-2:]
    if now.name == "none" and [stage.name for stage in stages] == ["even", "none"]:
        return f"It stopped spreading evenly {_between(last, now)}, and has no clear habit since."
    if now.name in ("even", "none"):
        return f"So from somewhere {_between(last, now)} on: until then {_was(last.name)}."
    again = f"lost it on the way, and has it without a break from step {count(now.first_step)} on"
    if head.birth is None:
        return f"It began so, {again}."
    before, first = head.birth
    born = f"Born {_between(before, first)}: until then {_was(before.name)}."
    return born if first == now else f"{born} It {again}."


def _between(before: Stage, after: Stage) -> str:
    return f"between step {count(before.last_step)} and {count(after.first_step)}"


def _was(name: Name) -> str:
    if name == "even":
        return "it spread its weight evenly, or almost"
    if name == "none":
        return "it had no clear habit"
    return f"its habit was {HABIT_WORDS[name][1]}"


def _share_text(head: HeadHistory) -> str:
    return (
        f"Its share for {HABIT_WORDS[head.habit][1]}: {percent(head.shares[0])} at step "
        f"{count(head.steps[0])}, {percent(head.shares[-1])} at step {count(head.steps[-1])}; "
        f"spreading evenly would give {percent(head.even_share)}."
    )


def _short(stage: Stage) -> str:
    return HABIT_WORDS[stage.name][0] or "no habit"


def _span(stage: Stage) -> str:
    if stage.first_step == stage.last_step:
        return f"at {count(stage.first_step)}"
    return f"{count(stage.first_step)} to {count(stage.last_step)}"
