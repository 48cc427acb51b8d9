"""The settings of a run, step by step: those it began with, and what was changed on its way.

A run whose learning rate is changed in mid-run, or that branches off from another, has different
settings on different stretches. They follow from its settings as they are now and from its recorded
changes, so that a resume and a branch go the same way again, bit for bit.

Where a run ends (`max_iters`) is not part of this: a longer run is the same run, taken further.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from core.errors import ConfigError
from core.records.records import Change
from core.settings.config import RunConfig
from core.settings.presets import min_lr_for

FIXED = ("seed", "device", "dtype", "optimizer", "max_iters")
"""Settings of training that stay what they were: on them rests that a past can be shared."""


class Course:
    """Which settings hold at which step."""

    def __init__(self, config: RunConfig, changes: Iterable[Change] = ()) -> None:
        """`config` is what holds after all of `changes`, which are in order."""
        self._changes = list(changes)
        self._start = config.flat()
        for change in reversed(self._changes):
            self._start |= {name: old for name, (old, _) in change.settings.items()}

    def at(self, step: int) -> RunConfig:
        """What holds for the step after so many steps."""
        flat = dict(self._start)
        for change in self._changes:
            if change.step <= step:
                flat |= {name: new for name, (_, new) in change.settings.items()}
        return RunConfig.from_flat(flat)

    def turns_at(self, step: int) -> bool:
        """Whether something else holds from this step on."""
        return any(change.step == step for change in self._changes)

    def n_tokens(self, start: int, end: int) -> int:
        """Characters that the steps after `start`, up to `end`, learn from."""
        stretches = pairwise([start, *(c.step for c in self._changes if start < c.step < end), end])
        n_sequences = sum((b - a) * self.at(a).train.batch_size for a, b in stretches)
        return n_sequences * self.end.model.block_size

    def seen(self, until: int) -> tuple[tuple[int, int], ...]:
        """Steps, each with the characters that were learned from by then; a straight line between.

        The first step is 0 and the last `until`; in between are those where something changes.
        """
        steps = sorted({0, *(c.step for c in self._changes if c.step < until), until})
        return tuple((step, self.n_tokens(0, step)) for step in steps)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed on the way and will be, in order."""
        return tuple(self._changes)

    def values_of(self, name: str) -> tuple[tuple[int, Any], ...]:
        """The values of one setting, each with the step from which on it holds.

        One entry for each time that it becomes another; None where the run does not have it.
        """
        values: list[tuple[int, Any]] = []
        for step in (0, *(change.step for change in self._changes)):
            value = self.at(step).flat().get(name)
            if not values or value != values[-1][1]:
                values.append((step, value))
        return tuple(values)

    def flat_end(self, step: int, max_iters: int) -> tuple[int, float] | None:
        """From where on, at a step or after it, the rate stays to the end, and what it is then.

        What is still to be changed by then counts. None where no schedule ends before `max_iters`.
        """
        later = (c.step for c in self._changes if step < c.step < max_iters)
        held_from = max(step, *later, 0)
        train = self.at(held_from).train
        since = max(held_from, train.warmup_iters, train.lr_decay_iters)
        return (since, train.min_lr) if train.has_decayed(since) and since < max_iters else None

    def telling(self, change: Change) -> dict[str, tuple[Any, Any]]:
        """What is worth telling of a change on this course: name to old and new value.

        The rate comes first and stands for all that follows it. Past the end of its schedule it is
        the rate itself, which is not the old peak: that had long been left.
        """
        told = dict(change.settings)
        rate, ends_at = told.pop("learning_rate", None), told.get("min_lr")
        now = self.at(change.step).train
        has_decayed = now.has_decayed(change.step)
        if ends_at and ends_at[1] == now.learning_rate and (rate or has_decayed):
            del told["min_lr"]
            rate = ends_at if has_decayed else rate
        if rate is None:
            return told
        return {"learning_rate": rate} | {
            name: values for name, values in told.items() if name not in ("muon_lr", "table_lr")
        }

    @property
    def end(self) -> RunConfig:
        """What holds after all changes."""
        return self.at(max((change.step for change in self._changes), default=0))

    def for_another_run(self) -> RunConfig:
        """What a new run would begin with: all as it is by now, the schedule in its first shape.

        A rate that was set past the schedule's end took `min_lr` along, and would leave it flat.
        """
        first, now = self.at(0).train, self.end
        min_lr = min_lr_for(first, now.train.learning_rate)
        return RunConfig.from_flat(now.flat() | {"min_lr": min_lr})

    def change(self, step: int, settings: Mapping[str, Any]) -> Change | None:
        """Let other settings hold from a step on; None where they hold already.

        What follows the learning rate changes with it, but for what `settings` names itself.

        Changes that were to come after it do not come any more: a run that was killed and is taken
        up before them goes another way now.

        Raises ConfigError for settings that cannot be, or that a run keeps for life.
        """
        if fixed := [name for name in settings if name in FIXED]:
            raise ConfigError(f"A run keeps its {fixed[0]}; start a new run to try another.")
        here = self.at(step)
        before = here.flat()
        if unknown := [name for name in settings if name not in before]:
            raise ConfigError(f"There is no setting {unknown[0]} in this run.")
        if "learning_rate" in settings:
            shape = {n: settings[n] for n in ("schedule", "lr_decay_iters") if n in settings}
            shaped = RunConfig.from_flat(before | shape)
            settings = {**with_learning_rate(shaped, settings["learning_rate"], step), **settings}
        after = RunConfig.from_flat(before | dict(settings))
        if after.model != here.model:
            raise ConfigError("A run keeps its model; how it is trained can change.")
        new = {n: (before[n], v) for n, v in after.flat().items() if v != before[n]}
        if not new and all(c.step <= step for c in self._changes):
            return None
        change = Change(step, new)
        self._changes = [*(c for c in self._changes if c.step <= step), change]
        return change


def with_learning_rate(config: RunConfig, learning_rate: float, step: int) -> dict[str, float]:
    """The settings that change when the learning rate does after so many steps.

    That is the peak, and all that follow it. Muon's rate and that of the tables keep their
    proportion to it, the schedule its shape; where it would end above the new peak, it ends there.
    Past the end of the schedule there is no shape left, nor where the warm-up outlasts it: the new
    rate itself holds, and stays.
    """
    train = config.train
    share = learning_rate / train.learning_rate
    settings = {"learning_rate": learning_rate}
    if train.min_lr > learning_rate or train.has_decayed(max(step, train.warmup_iters)):
        settings["min_lr"] = learning_rate
    if train.optimizer == "muon":
        settings["muon_lr"] = train.muon_lr * share
    if config.model.ngrams:
        settings["table_lr"] = train.table_lr * share
    return settings
