"""What a lower loss costs, in sentences: who is beaten by nobody, and where counting still wins.

Pure: runs and counted n-grams in, words out.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.findings.meaning import loss_in, number_in
from lab.figures.loss_costs import Cost, CountedCost, RunCost, front_of, with_cost
from lab.figures.palette import in_model_color
from lab.wording import words
from lab.wording.plain import plain

MAX_LISTED = 5


def front_text(runs: Sequence[RunCost], by: Cost, in_bits: bool = False) -> str:
    """The runs that no other beats in both, the cheapest first. Markdown."""
    front, known = front_of(runs, by), with_cost(runs, by)
    if len(known) < 2:
        return ""
    said = [
        f"{called(run)} ({amount_text(run, by)}, {number_in(run.loss_nats, in_bits)})"
        for run in front
    ]
    if len(said) > MAX_LISTED:
        said = [*said[: MAX_LISTED - 1], f"{len(said) - MAX_LISTED} more", said[-1]]
    what = "with as few parameters" if by == "parameters" else "in as little time"
    unit = "bits" if in_bits else "nats"
    are = "is" if len(front) == 1 else "are"
    return (
        f"Of {len(known)} runs, {words.listed(said)} {are} beaten by none: no other came lower "
        f"{what} (losses in {unit})."
    )


def counting_text(
    runs: Sequence[RunCost], counted: Sequence[CountedCost], in_bits: bool = False
) -> str:
    """Which counted n-grams the runs beat, and where counting still wins. Markdown."""
    if not runs or not counted:
        return ""
    best = min(runs, key=lambda run: run.loss_nats)
    beaten = [each for each in counted if best.loss_nats < each.loss_nats]
    ahead = [each for each in counted if best.loss_nats >= each.loss_nats]
    who = f"{called(best)}, the best of them with {loss_in(best.loss_nats, in_bits)}"
    said = []
    if ahead:
        first = min(ahead, key=lambda each: each.n)
        counts = f"{words.count(first.n_counts)} stored counts"
        said.append(
            f"**Counting still beats every run here**: {_the(first)} reaches "
            f"{number_in(first.loss_nats, in_bits)} with {counts} and no training; {who}, has "
            f"{words.count(best.n_params)} parameters."
        )
    else:
        last = min(counted, key=lambda each: each.loss_nats)
        said.append(
            f"**No counting beats** {called(best)}: it reaches {loss_in(best.loss_nats, in_bits)} "
            f"with {words.count(best.n_params)} parameters, the best counted, {last.name}, "
            f"{number_in(last.loss_nats, in_bits)} with {words.count(last.n_counts)} stored counts."
        )
    for each in beaten[-1:]:
        better = [run for run in runs if run.loss_nats < each.loss_nats]
        smallest = min(better, key=lambda run: run.n_params)
        are = "is" if len(better) == 1 else "are"
        said.append(
            f"{len(better)} of {len(runs)} runs {are} better than {each.name} "
            f"({number_in(each.loss_nats, in_bits)}, {words.count(each.n_counts)} stored counts), "
            f"the smallest of them {called(smallest)} with {words.count(smallest.n_params)} "
            "parameters."
        )
    if not beaten:
        pairs = min(counted, key=lambda each: each.n)
        said.append(
            f"Not even {pairs.name} ({number_in(pairs.loss_nats, in_bits)}) are beaten yet."
        )
    return " ".join(said)


def called(run: RunCost) -> str:
    """A run by its name, with the dot of its model. Markdown."""
    return f"{in_model_color(run.model, '●')} **{plain(run.name)}**"


def _the(counted: CountedCost) -> str:
    """An n-gram as the subject of a sentence in the singular."""
    return "the table of counted pairs" if counted.n == 2 else f"the counted {counted.name}"


def amount_text(run: RunCost, by: Cost) -> str:
    """What it cost, with the unit."""
    if by == "parameters":
        return f"{words.count(run.n_params)} parameters"
    return words.duration(run.waited_s or 0.0)
