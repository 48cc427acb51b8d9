"""What a sweep shows, in sentences that follow from its numbers. Pure; no screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from core.experiments.sweep import Cell, Sweep
from lab.figures.sweeps import COUNTED, best_cell, setting_text, value_text
from lab.wording import words
from lab.wording.labels import in_a_sentence, value_with_unit

NOTHING_NATS = 0.005
"""A difference below this is not worth a word."""
_SHAPE = ("n_layer", "n_head", "n_embd", "block_size", "batch_size", "learning_rate", "max_iters")
READS_MORE = {
    "block_size": "a longer block",
    "batch_size": "a larger batch",
}
"""Settings that let a step see more characters, and what they are called for it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one setting did, from its smallest to its largest value, all else equal."""

    title: str
    across: bool
    smallest: float
    largest: float
    nats: float
    """Loss at the largest less loss at the smallest, mean over the rows (columns) with both."""
    lowest_nats: float
    """The same in the row (column) where it fell most, and where it rose most."""
    highest_nats: float
    span_nats: float
    """From the lowest loss to the highest, mean over the same rows (columns)."""
    n_lines: int
    n_best_between: int
    """Lines whose lowest loss is at neither end."""
    n_worst_between: int
    """Lines whose highest loss is at neither end."""

    @property
    def is_mixed(self) -> bool:
        """Whether the loss falls in one line and rises in another."""
        return self.lowest_nats < 0 < self.highest_nats


def effect_of(cells: Sequence[Cell], title: str, across: bool) -> Effect | None:
    """What the setting across (else the one up) did; None while no line has both of its ends."""
    losses = {
        ((cell.x, cell.y) if across else (cell.y, cell.x)): round(cell.run.val_loss_nats, 3)
        for cell in cells
        if cell.run and cell.run.val_loss_nats is not None
    }
    if not losses:
        return None
    values = sorted({value for value, _ in losses})
    ends = values[0], values[-1]
    lines = [
        {v: losses[v, other] for v in values if (v, other) in losses}
        for other in sorted({other for _, other in losses})
    ]
    lines = [line for line in lines if all(end in line for end in ends)]
    if len(values) < 2 or not lines:
        return None
    span = mean(max(line.values()) - min(line.values()) for line in lines)
    best = sum(min(line, key=lambda v: line[v]) not in ends for line in lines)
    worst = sum(max(line, key=lambda v: line[v]) not in ends for line in lines)
    changes = [line[ends[1]] - line[ends[0]] for line in lines]
    return Effect(
        title, across, *ends, mean(changes), min(changes), max(changes), span, len(lines), best,
        worst,
    )  # fmt: skip


def base_text(sweep: Sweep) -> str:
    """The shape and the length of all its runs, but for the two settings that differ."""
    flat, swept = sweep.base.flat(), (sweep.x.name, sweep.y.name)
    kept = [
        f"{in_a_sentence(name)} {value_with_unit(name, flat[name])}"
        for name in _SHAPE
        if name in flat and name not in swept
    ]
    return f"In every cell: {', '.join(kept)}."


def best_text(cells: Sequence[Cell], x_title: str, y_title: str) -> str:
    """The best cell and its numbers; empty while there are no two to choose from."""
    best = best_cell(cells)
    run, loss = (best.run, best.run.val_loss_nats) if best and best.run else (None, None)
    if best is None or run is None or loss is None:
        return ""
    known = [c.run.val_loss_nats for c in cells if c.run and c.run.val_loss_nats is not None]
    n_others = [words.loss(nats) for nats in known].count(words.loss(loss)) - 1
    as_low = f" ({n_others} more {'cell is' if n_others == 1 else 'cells are'} as low)"
    return (
        f"Lowest: **{setting_text(x_title, best.x)} with {setting_text(y_title, best.y)}**"
        f"{as_low if n_others else ''}, "
        f"{words.loss(loss)} nats ({words.bits(loss):.3f} bits) per "
        f"character after {words.count(run.step)} steps, {words.duration(run.train_s)} of "
        f"training, {words.count(run.n_params)} parameters."
    )


def effects_text(cells: Sequence[Cell], x_title: str, y_title: str) -> str:
    """What each setting did to the loss, and which did more; empty while too little is measured."""
    effects = [effect_of(cells, x_title, True), effect_of(cells, y_title, False)]
    known = [effect for effect in effects if effect]
    sentences = [_effect_text(effect) for effect in known]
    if len(known) == 2:
        sentences.append(_larger_effect_text(*known))
    return " ".join(sentences)


def caution_text(swept: Sequence[str], held_characters: int | None = None) -> str:
    """What the comparison is not fair in.

    Args:
        swept: the settings that have more than one value.
        held_characters: what a step reads in every cell, where that was held.
    """
    more = [READS_MORE[name] for name in swept if name in READS_MORE]
    chance = "Each cell is one run with the same seed, so small differences may be chance."
    if held_characters:
        return (
            f"A step reads {words.count(held_characters)} characters in every cell: where blocks "
            f"are longer, a batch holds fewer of them. {chance}"
        )
    if not more:
        return chance
    return (
        f"All cells take equally many steps, and {' or '.join(more)} sees more characters in each: "
        f"part of the difference comes from that. {chance}"
    )


def _effect_text(effect: Effect) -> str:
    size = abs(effect.nats)
    if size < NOTHING_NATS:
        did = "stays as it is"
    else:
        did = f"{'falls' if effect.nats < 0 else 'rises'} by {size:.3f} nats"
    low, high = value_text(effect.smallest), value_text(effect.largest)
    said = f"{effect.title.capitalize()} from {low} to {high}: the loss {did}"
    if effect.n_lines > 1:
        each = "rows" if effect.across else "columns"
        # The lowest cell may then lie where the mean would not have it.
        apart = (
            f", from a fall of {-effect.lowest_nats:.3f} to a rise of {effect.highest_nats:.3f}"
            if effect.is_mixed
            else ""
        )
        said += f" (mean of {effect.n_lines} {each}{apart})"
    between = [
        where
        for where, n in (("lowest", effect.n_best_between), ("highest", effect.n_worst_between))
        if n * 2 > effect.n_lines
    ]
    if between:
        said += f", but it is {' and '.join(between)} in between"
    return said + "."


def _larger_effect_text(one: Effect, other: Effect) -> str:
    """Which of the two settings made the larger difference, wherever its best value lies."""
    less, more = sorted((one, other), key=lambda effect: effect.span_nats)
    if more.span_nats - less.span_nats < NOTHING_NATS:
        return "Neither makes a clearly larger difference than the other here."
    verb = "make" if more.title in COUNTED else "makes"
    alike = ", a fall and a rise counted alike" * (one.is_mixed or other.is_mixed)
    return (
        f"{more.title.capitalize()} {verb} the larger difference here: {more.span_nats:.3f} nats "
        f"between the best and the worst value, against {less.span_nats:.3f} for {less.title}"
        f"{alike}."
    )
