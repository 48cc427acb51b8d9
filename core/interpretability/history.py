"""How heads came to their habits: each head at several steps of a run, on the same windows.

What a head does at one step is `core.interpretability.habits`'s; here its names are put in a row.
Knows no run and no disk: who has the models of the steps measures each, and hands over the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from core.interpretability.habits import HABITS, Habit, HeadHabits, Name


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of a head's history in which it had one name, from step to step, both measured."""

    name: Name
    first_step: int
    last_step: int


@dataclass(frozen=True, kw_only=True)
class HeadHistory:
    """One head at S steps, ascending. Layers and heads count from 1."""

    layer: int
    head: int
    steps: tuple[int, ...]
    """(S,), at least one."""
    measured: tuple[HeadHabits, ...]
    """(S,): what it did at each of them."""

    @property
    def names(self) -> tuple[Name, ...]:
        """(S,)"""
        return tuple(each.name for each in self.measured)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Its names without repetition, each with the steps at which it had it."""
        runs = groupby(zip(self.steps, self.names), key=lambda pair: pair[1])
        stages = []
        for name, pairs in runs:
            steps = [step for step, _ in pairs]
            stages.append(Stage(name, steps[0], steps[-1]))
        return tuple(stages)

    @property
    def habit(self) -> Habit:
        """The habit that it ended up with.

        Of a head that ended without one, the last that it had; of one that never had any, what it
        gives most to in the end, beside spreading evenly.
        """
        for name in reversed(self.names):
            if name != "even" and name != "none":
                return name
        last = self.measured[-1]
        return max(HABITS, key=lambda h: last.shares[h] / max(last.even_shares[h], 1e-9))

    @property
    def shares(self) -> tuple[float, ...]:
        """(S,): the share of its weight for `habit`."""
        return tuple(each.shares[self.habit] for each in self.measured)

    @property
    def even_share(self) -> float:
        """What spreading evenly would give to such places; the windows are those of every step."""
        return self.measured[-1].even_shares[self.habit]

    @property
    def birth(self) -> tuple[Stage, Stage] | None:
        """The stage before it first had the name that it ended with, and that one.

        None where it began with that name. It may have lost the name and found it again since.
        """
        for before, first in pairwise(self.stages):
            if first.name == self.names[-1] and self.names[0] != first.name:
                return before, first
        return None


def head_histories(
    steps: Sequence[int], habits: Sequence[Sequence[HeadHabits]]
) -> list[HeadHistory]:
    """The history of every head, by layer and head, from what `head_habits` found at each step.

    Raises ValueError where a step has other heads than the first, or there are no steps.
    """
    who = {tuple((h.layer, h.head) for h in each) for each in habits}
    if len(who) != 1 or len(steps) != len(habits):
        raise ValueError("a history needs the same heads at every step, and at least one step")
    return [
        HeadHistory(
            layer=of_head[0].layer, head=of_head[0].head, steps=tuple(steps), measured=of_head
        )
        for of_head in zip(*habits, strict=True)
    ]
