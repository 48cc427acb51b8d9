"""What a loss curve says, by rules that a learner can check against the numbers on the screen.

Pure: estimates, steps and counted lines in, sentences out; knows no disk, no screen, no thread.

Noise: an estimate always looks at the same sample windows, so that estimates compare well with each
other and less well with the counted lines, which are measured on the whole validation split.
Batches differ from step to step, so medians of step losses are compared, never single ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import median
from typing import Literal

from core.records import Estimate, StepRecord
from core.reference import ReferenceLine

NoteKind = Literal[
    "passed_unigram", "beat_bigram", "beat_5gram",
    "best", "overfitting", "flat", "learning", "diverging",
]  # fmt: skip

OVERFITTING_NATS = 0.03
"""Validation has turned up when it lies so far above its best; training has fallen by as much."""
OVERFITTING_ESTIMATES = 3
"""So many estimates in a row must show it, because one may be a bad moment."""
FLAT_NATS = 0.01
"""A validation estimate that falls by less over a stretch is flat."""
STRETCH_SHARE = 0.25
"""The stretch that is flat or not: this share of the estimates, the last ones."""
STRETCH_ESTIMATES = 3
"""The stretch has at least so many estimates."""
JUST_BEGUN_SHARE = 0.2
"""Before this share of its steps a run has just begun, and may be flat for no bad reason."""
DIVERGING_NATS = 0.3
"""A clear rise of the step losses."""
DIVERGING_STEPS = 20
"""Step losses are compared as medians over at least so many recorded steps."""
DIVERGING_SHARE = 0.05
"""And over this share of all, since luck finds a low stretch sooner or later among many."""

_CROSSINGS: dict[str, tuple[NoteKind, str]] = {
    "unigram": ("passed_unigram", "passed"),
    "bigram": ("beat_bigram", "beat"),
    "5-gram": ("beat_5gram", "beat"),
}
_LINES = {
    "uniform": "the uniform line",
    "unigram": "the unigram line",
    "bigram": "the bigram counts",
}

Estimates = Sequence[Estimate]
Steps = Sequence[StepRecord]
Lines = Sequence[ReferenceLine]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that a curve shows."""

    kind: NoteKind
    iter: int
    """The step that `text` names, where a chart marks it."""
    text: str
    rule: str
    """When such a note is made, in one sentence."""
    numbers: tuple[tuple[str, float], ...]
    """What the rule was applied to, (label, value), in nats and unrounded."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in words, and the number in it, in nats and unrounded; None where it has none."""

    text: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How good the model is, whether it still learns, and whether it overfits."""

    is_good: Answer
    """The value is the best validation estimate."""
    still_learning: Answer
    """The value is how far a loss fell or rose, never negative; the text says which."""
    overfitting: Answer
    """The value is validation minus training estimate, both the last."""


def notes_on(estimates: Estimates, steps: Steps, references: Lines, max_iters: int) -> list[Note]:
    """All that can be said of a curve, in the order of the steps where it is marked.

    Of "diverging", "overfitting" and "flat" or "learning" only the first that is true is said.

    Args:
        estimates: in the order of their steps.
        steps: in order; a thinned selection will do.
        max_iters: the steps of the whole run.
    """
    known = _finite(estimates)
    found = [_crossing(known, line) for line in references if line.name in _CROSSINGS]
    found += [_best_so_far(known), _state(estimates, steps, references, max_iters)]
    return sorted((note for note in found if note), key=lambda note: note.iter)


def verdict(estimates: Estimates, steps: Steps, references: Lines, max_iters: int) -> Verdict:
    """Three questions about a curve, answered from the arguments of `notes_on`."""
    known, state = _finite(estimates), _state(estimates, steps, references, max_iters)
    nothing = Answer("no estimate yet", None)
    learning = Answer("too early to say", None) if known else nothing
    if state:
        yes, change_nats = state.kind == "learning", state.numbers[-1][1]
        value = change_nats if math.isfinite(change_nats) else None
        said = f"yes: {state.text.removeprefix('still learning: ')}" if yes else f"no: {state.text}"
        learning = Answer(said, value)
    if not known:
        return Verdict(nothing, learning, nothing)
    return Verdict(_is_good(_best(known), references), learning, _gap(known, state))


def _is_good(best: Estimate, references: Lines) -> Answer:
    nats, by_loss = best.val_loss_nats, sorted(references, key=lambda line: line.loss_nats)
    beaten = [line for line in by_loss if nats < line.loss_nats][:1]
    ahead = [line for line in by_loss if nats >= line.loss_nats][-1:]
    said = [f"better than {_in_words(line)} ({line.loss_nats:.3f})" for line in beaten]
    better = "" if beaten else "better "
    said += [f"not yet {better}than {_in_words(line)} ({line.loss_nats:.3f})" for line in ahead]
    if beaten and not ahead:
        said.append("the best of the lines")
    return Answer(f"{nats:.3f} nats" + (": " + ", ".join(said) if said else ""), nats)


def _gap(known: Estimates, state: Note | None) -> Answer:
    best, last = _best(known), known[-1]
    gap_nats = last.val_loss_nats - last.train_loss_nats
    word, turn = "no", "has not turned up"
    if state and state.kind == "overfitting":
        word, turn = "yes", f"has turned up since step {best.iter:,}"
    elif _rise(best, last) >= OVERFITTING_NATS:
        word = "not clearly"
        turn = f"lies {_rise(best, last):.3f} above its best at step {best.iter:,}"
    text = f"{word}: validation minus training is {gap_nats:z.3f} nats, and validation {turn}"
    return Answer(text, gap_nats)


# --- notes ----------------------------------------------------------------------------------------


def _crossing(known: Estimates, line: ReferenceLine) -> Note | None:
    (kind, verb), name = _CROSSINGS[line.name], _in_words(line)
    for e, following in zip_longest(known, known[1:]):
        is_undone = following is not None and following.val_loss_nats >= line.loss_nats
        if e.val_loss_nats < line.loss_nats and not is_undone:
            return Note(
                kind, e.iter, f"{verb} {name} ({line.loss_nats:.3f}) at step {e.iter:,}",
                f"The first validation estimate below {name}, if the next is below it too; an "
                "estimate is of sample windows and the line of the whole validation split, so a "
                "lead of a few hundredths can be luck.",
                (_val(e), (name.removeprefix("the "), line.loss_nats)),
            )  # fmt: skip
    return None


def _best_so_far(known: Estimates) -> Note | None:
    if len(known) < 2:
        return None  # that the only one is the best says nothing
    best = _best(known)
    text = f"best validation estimate {best.val_loss_nats:.3f} at step {best.iter:,}"
    rule = "The lowest validation estimate so far, the first of them where several are the same."
    return Note("best", best.iter, text, rule, (_val(best),))


def _state(estimates: Estimates, steps: Steps, references: Lines, max_iters: int) -> Note | None:
    """Which way the run is going; the last of the note's numbers says how far it went."""
    known = _finite(estimates)
    trouble = _not_finite(estimates, steps) or _diverging(steps, references)
    return trouble or _overfitting(known) or _trend(known, max_iters)


def _not_finite(estimates: Estimates, steps: Steps) -> Note | None:
    losses = [(step.iter, step.loss_nats) for step in steps]
    losses += [(e.iter, nats) for e in estimates for nats in (e.train_loss_nats, e.val_loss_nats)]
    broken = [(step, nats) for step, nats in losses if not math.isfinite(nats)]
    if not broken:
        return None
    step, nats = min(broken, key=lambda each: each[0])
    text = f"diverging: the loss at step {step:,} is not a finite number"
    rule = "A loss is infinite or not a number."
    return Note("diverging", step, text, rule, ((f"loss at step {step:,}", nats),))


def _diverging(steps: Steps, references: Lines) -> Note | None:
    n = max(DIVERGING_STEPS, round(DIVERGING_SHARE * len(steps)))
    # Counted back from the end, so that the last stretch is whole.
    stretches = [steps[end - n : end] for end in range(len(steps), n - 1, -n)]
    if len(stretches) < 2:
        return None
    last, lowest = stretches[0], min(stretches[1:], key=_median_nats)
    now_nats, before_nats, since = _median_nats(last), _median_nats(lowest), lowest[-1].iter
    rise_nats, highest_nats = now_nats - before_nats, max(step.loss_nats for step in lowest)
    uniform_nats = next((line.loss_nats for line in references if line.name == "uniform"), math.inf)
    is_clear = rise_nats >= DIVERGING_NATS or now_nats > uniform_nats
    # Where batches are small, even medians are noisy; the steps' own spread says how much.
    if not is_clear or now_nats <= highest_nats:
        return None
    return Note(
        "diverging", since,
        f"diverging since step {since:,}: the loss of the steps rose by {rise_nats:.3f} nats to "
        f"{now_nats:.3f}",
        f"The median loss of the last {n} recorded steps ({DIVERGING_SHARE:.0%} of all, but at "
        f"least {DIVERGING_STEPS}) lies above every loss of the lowest {n} before them, and at "
        f"least {DIVERGING_NATS:g} nats above their median or above the uniform line.",
        (
            (f"median of the lowest {n} steps, up to step {since:,}", before_nats),
            ("highest loss of these", highest_nats),
            (f"median of the last {n} steps", now_nats),
            ("rise", rise_nats),
        ),
    )  # fmt: skip


def _overfitting(known: Estimates) -> Note | None:
    if len(known) <= OVERFITTING_ESTIMATES:
        return None
    best, last = _best(known), known[-1]
    rises = [_rise(best, e) for e in known[-OVERFITTING_ESTIMATES:]]
    falls = [best.train_loss_nats - e.train_loss_nats for e in known[-OVERFITTING_ESTIMATES:]]
    if min(*rises, *falls) < OVERFITTING_NATS:  # the best one's own rise is 0
        return None
    return Note(
        "overfitting", best.iter,
        f"overfitting since step {best.iter:,}: the validation estimate rose by {rises[-1]:.3f} "
        f"nats while the training estimate fell by {falls[-1]:.3f}",
        f"Each of the last {OVERFITTING_ESTIMATES} validation estimates lies at least "
        f"{OVERFITTING_NATS:g} nats above the best one, and each training estimate of the same "
        f"steps at least {OVERFITTING_NATS:g} nats below that of the best one's step.",
        (_train(best), _train(last), _val(best), _val(last), ("rise", rises[-1])),
    )  # fmt: skip


def _trend(known: Estimates, max_iters: int) -> Note | None:
    n = max(STRETCH_ESTIMATES, math.ceil(STRETCH_SHARE * len(known)))
    if len(known) <= n or known[-1].iter < JUST_BEGUN_SHARE * max_iters:
        return None
    # Bests and not ends, so that one high estimate at either end decides nothing.
    before, after, since = _best(known[:-n]), _best(known[-n:]), known[-n - 1].iter
    rise_nats = _rise(before, after)
    is_learning = rise_nats <= -FLAT_NATS
    word = "still learning" if is_learning else "flat" if rise_nats < FLAT_NATS else "not learning"
    fell, fall = ("rose", "rise") if rise_nats > 0 else ("fell", "fall")
    return Note(
        "learning" if is_learning else "flat", since,
        f"{word}: the best validation estimate {fell} by {abs(rise_nats):.3f} nats after step "
        f"{since:,}",
        f"A run is still learning when the best of the last {n} validation estimates "
        f"({STRETCH_SHARE:.0%} of all, but at least {STRETCH_ESTIMATES}) lies {FLAT_NATS:g} nats "
        f"or more below the best before them, and flat otherwise; of the first "
        f"{JUST_BEGUN_SHARE:.0%} of its steps nothing is said.",
        (_val(before), _val(after), (fall, abs(rise_nats))),
    )  # fmt: skip


# --- small things ---------------------------------------------------------------------------------


def _finite(estimates: Estimates) -> Estimates:
    return [e for e in estimates if math.isfinite(e.train_loss_nats + e.val_loss_nats)]


def _best(known: Estimates) -> Estimate:
    return min(known, key=lambda e: e.val_loss_nats)


def _rise(before: Estimate, after: Estimate) -> float:
    return after.val_loss_nats - before.val_loss_nats


def _median_nats(steps: Steps) -> float:
    return median(step.loss_nats for step in steps)


def _val(e: Estimate) -> tuple[str, float]:
    return f"validation estimate at step {e.iter:,}", e.val_loss_nats


def _train(e: Estimate) -> tuple[str, float]:
    return f"training estimate at step {e.iter:,}", e.train_loss_nats


def _in_words(line: ReferenceLine) -> str:
    return _LINES.get(line.name, f"a counted {line.name}")
