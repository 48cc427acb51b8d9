"""What several runs have in common and where they differ: rows of a table, and the same as CSV.

Plain data in, text out; no screen. A run's column stands under its name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, get_args

import numpy as np

from core.findings.meaning import choices
from core.records.course import Course
from core.records.records import RunRecord
from core.records.stored import stored
from core.registry import Store
from lab.wording import words
from lab.wording.labels import in_a_sentence, with_unit
from lab.wording.plain import plain

BEST = "◆"
EVERY_TEXT = "every text"
"""What stands for all texts where one can be chosen."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a value for each run, how it is said, and which one is best."""

    name: str
    values: Sequence[Any]
    to_text: Callable[[Any], str]
    better: Callable[..., Any] | None = None
    """min or max, where some values are better than others."""

    def cells(self) -> list[str]:
        """The values in words, the best with a sign; None is a dash."""
        known = [value for value in self.values if value is not None]
        best = self.better(known) if self.better and len(known) > 1 else None
        said = ["–" if value is None else self.to_text(value) for value in self.values]
        return [f"**{s} {BEST}**" if v == best and v is not None else s
                for s, v in zip(said, self.values)]  # fmt: skip


RESULTS, DIFFERENT, ALIKE = "What came of it", "Set differently", "Set alike"
SECTIONS = (RESULTS, DIFFERENT, ALIKE)
"""Parts of the table, as they are called in it."""

Order = Literal[
    "newest", "best validation loss", "parameters", "training time", "time waited", "throughput"
]
ORDERS: tuple[Order, ...] = get_args(Order)
"""Which run stands first: the newest, the one with the lowest loss, … the one with most throughput.
"""


def ordered_runs(store: Store, runs: Sequence[RunRecord], order: Order) -> list[RunRecord]:
    """The runs in that order, the best first; those of which it is not known last.

    Args:
        runs: the newest first.
    """
    values: dict[Order, Callable[[RunRecord], float | None]] = {
        "best validation loss": lambda run: run.comparable_loss_nats,
        "parameters": lambda run: run.n_params,
        "training time": lambda run: run.train_s or None,
        "time waited": lambda run: run.wall_s,
        "throughput": lambda run: -rate if (rate := store.tokens_per_s(run)) else None,
    }
    if order not in values:
        return list(runs)
    by = values[order]
    return sorted(runs, key=lambda run: inf if (value := by(run)) is None else value)


def comparison_table(
    store: Store,
    runs: Sequence[RunRecord],
    in_bits: bool,
    named: Callable[[RunRecord], str],
    sections: Sequence[str] = (RESULTS, DIFFERENT),
) -> dict[str, list[str]]:
    """What came of the runs, then their settings; a column for each run, under its name.

    `sections` are those of `SECTIONS` that are wanted.
    """
    different, alike = _settings(store, runs)
    parts = {RESULTS: _results(store, runs, in_bits), DIFFERENT: different, ALIKE: alike}
    headings = ["run", *map(named, runs)]
    lines: list[list[str]] = []
    for title, rows in parts.items():
        if rows and title in sections:
            lines.append([f"**{title}**", *[""] * len(runs)])
            lines += [[plain(row.name), *row.cells()] for row in rows]
    return {heading: [line[i] for line in lines] for i, heading in enumerate(headings)}


def chars_per_step(run: RunRecord) -> int:
    """How many characters a step learns from."""
    return run.config.train.batch_size * run.config.model.block_size


def unequal_reading_text(runs: Sequence[RunRecord]) -> str:
    """That equal steps are not equal reading, where they are not; else nothing. Markdown."""
    amounts = {run.name: chars_per_step(run) for run in runs}
    if len(set(amounts.values())) < 2:
        return ""
    said = ", ".join(f"{plain(name)} {words.count(n)}" for name, n in amounts.items())
    return (
        f"**Equal steps are not equal reading**: {said} characters a step. "
        "The axis *characters* is fair there."
    )


def _settings(store: Store, runs: Sequence[RunRecord]) -> tuple[list[Row], list[Row]]:
    """The settings in which the runs differ, at the start or on the way, and the others.

    One that a model does not have is None; one that was changed has all its values, with the steps.
    """
    courses = [Course(run.config, store.changes(run.id)) for run in runs]
    names = dict.fromkeys(name for run in runs for name in run.config.flat())
    rows = [Row(in_a_sentence("corpus"), [run.corpus for run in runs], _setting_text)]
    rows += [
        Row(with_unit(name), [_values(each, name) for each in courses], _setting_text)
        for name in names
    ]
    different = [row for row in rows if len(set(row.values)) > 1]
    return different, [row for row in rows if len(set(row.values)) == 1]


def _values(course: Course, name: str) -> Any:
    """The value of a setting; where it was changed on the way, pairs of step and value.

    An empty one says nothing, like that of a model which does not have it.
    """
    values = course.values_of(name)
    return values if len(values) > 1 else None if values[0][1] == "" else values[0][1]


def _setting_text(value: Any) -> str:
    if isinstance(value, tuple):
        (_, first), *later = value
        changed = [f"from step {step:,} {_setting_text(each)}" for step, each in later]
        return ", ".join([_setting_text(first), *changed])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value) if isinstance(value, str) else f"{value:,.6g}"


def _results(store: Store, runs: Sequence[RunRecord], in_bits: bool) -> list[Row]:
    estimates = [store.estimates(run.id) for run in runs]

    def loss(nats: float) -> str:
        return words.loss(words.bits(nats) if in_bits else nats)

    def other_unit(nats: float) -> str:
        return words.loss(nats if in_bits else words.bits(nats))

    def comparable(losses_nats: Sequence[float | None]) -> list[float | None]:
        return [None if run.looks_ahead else nats for run, nats in zip(runs, losses_nats)]

    best = [run.comparable_loss_nats for run in runs]
    unit, other = ("bits", "nats") if in_bits else ("nats", "bits")

    # Losses on different texts cannot be ranked.
    lowest = min if len({run.fingerprint for run in runs}) == 1 else None
    return [
        Row("parameters", [run.n_params for run in runs], words.count),
        Row("steps", [f"{run.step:,} of {run.max_iters:,}" for run in runs], str),
        Row("characters a step", [chars_per_step(run) for run in runs], words.count),
        Row(f"training estimate ({unit})",
            comparable([run.train_loss_nats for run in runs]), loss, lowest),
        Row(f"validation estimate ({unit})",
            comparable([e[-1].val_loss_nats if e else None for e in estimates]), loss, lowest),
        Row(f"validation loss ({unit})",
            comparable([run.val_loss_nats for run in runs]), loss, lowest),
        Row(f"best validation loss ({unit})", best, loss, lowest),
        Row(f"the same in {other}", best, other_unit, lowest),
        Row("perplexity: as unsure as among … characters", best, choices),
        Row("best saved at step", [run.best_step or None for run in runs], words.count),
        Row("training time", [run.train_s or None for run in runs], words.duration, min),
        Row("time waited", [run.wall_s or None for run in runs], words.duration, min),
        Row("throughput (characters a second)", [store.tokens_per_s(run) for run in runs],
            words.short_count, max),
        Row("status", [words.STATUS[run.status] for run in runs], str),
    ]  # fmt: skip


def table_csv(store: Store, runs: Sequence[RunRecord]) -> str:
    """A line for each run as it stands now: what was measured, and all of its settings."""
    lines = [
        {name: value for name, value in stored(run).items() if name not in ("config", "message")}
        | {"tokens_per_s": store.tokens_per_s(run)}
        | run.config.flat()
        for run in (store.run(run.id) for run in runs)
    ]
    return _csv(list(dict.fromkeys(name for line in lines for name in line)), lines)


def curves_csv(store: Store, runs: Sequence[RunRecord]) -> str:
    """A line for each loss, of every step and every estimate, in nats per character."""
    columns = ["id", "name", "model", "measured", "step", "characters", "seconds",
               "seconds_waited", "loss_nats"]  # fmt: skip
    lines = []
    for run in runs:
        course = Course(run.config, store.changes(run.id))
        known_steps, known_chars = zip(*course.seen(run.max_iters))
        steps = store.steps(run.id)
        seconds = {0: (0.0, 0.0)} | {step.step: (step.elapsed_s, step.wall_s) for step in steps}
        losses = [("batch", step.step, step.loss_nats) for step in steps]
        for e in store.estimates(run.id):
            losses.append(("training estimate", e.step, e.train_loss_nats))
            losses.append(("validation estimate", e.step, e.val_loss_nats))
        for measured, step, loss_nats in losses:
            n_chars = round(float(np.interp(step, known_steps, known_chars)))
            values = (run.id, run.name, run.model, measured, step, n_chars,
                      *seconds.get(step, (None, None)), loss_nats)  # fmt: skip
            lines.append(dict(zip(columns, values)))
    return _csv(columns, lines)


def _csv(columns: Sequence[str], lines: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
