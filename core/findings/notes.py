"""How the findings on a loss curve are said: sentences from numbers, in nats or in bits.

Pure. Pages and command line say the same; what is found, and by which rule, is
`core.findings.curve`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.findings.curve import (
    Best,
    Broken,
    Crossed,
    Diverged,
    Estimates,
    Finding,
    Lines,
    Overfitting,
    State,
    Steps,
    StepsRose,
    Trend,
    findings,
)
from core.findings.meaning import loss_in, number_in
from core.findings.thresholds import (
    DIVERGING_NATS,
    DIVERGING_SHARE,
    DIVERGING_STEPS,
    FLAT_NATS,
    JUST_BEGUN_SHARE,
    NOISE_NATS,
    OVERFITTING_ESTIMATES,
    OVERFITTING_NATS,
    STRETCH_ESTIMATES,
    STRETCH_SHARE,
)
from core.records.records import Estimate
from core.text.reference import ReferenceLine

NoteKind = Literal[
    "passed_unigram", "beat_bigram", "beat_5gram",
    "best", "overfitting", "flat", "worse", "learning", "diverging", "diverged",
]  # fmt: skip

_CROSSINGS: dict[str, tuple[NoteKind, str]] = {
    "unigram": ("passed_unigram", "passed"),
    "bigram": ("beat_bigram", "beat"),
    "5-gram": ("beat_5gram", "beat"),
}
_LINES = {"uniform": "uniform line", "unigram": "unigram line", "bigram": "bigram counts"}


@dataclass(frozen=True, slots=True)
class Note:
    """One finding in words."""

    kind: NoteKind
    step: int
    """The step that `text` names, where a chart marks it."""
    text: str
    rule: str
    """When such a note is made, in one sentence."""
    numbers: tuple[tuple[str, float], ...]
    """What the rule was applied to, (label, value), in nats and unrounded."""


def notes_on(
    estimates: Estimates,
    steps: Steps,
    references: Lines,
    max_iters: int,
    in_bits: bool = False,
    broke_at: int | None = None,
) -> list[Note]:
    """All findings on a curve in words, in the order of the steps where a chart marks them.

    All arguments but `in_bits` are those of `core.findings.curve.findings`.
    """
    found = findings(estimates, steps, references, max_iters, broke_at)
    return sorted((note_of(each, in_bits) for each in found), key=lambda note: note.step)


def note_of(finding: Finding, in_bits: bool = False) -> Note:
    """A finding in words, with the rule by which it was made."""
    if isinstance(finding, Crossed):
        return _crossed(finding, in_bits)
    if isinstance(finding, Best):
        best = finding.best
        text = f"best validation estimate {_val_in(best, in_bits)} at step {best.step:,}"
        rule = (
            "The lowest validation estimate so far, the first of them where several are the same."
        )
        return Note("best", best.step, text, rule, (_val(best),))
    return _state(finding, in_bits)


def _crossed(found: Crossed, in_bits: bool) -> Note:
    (kind, verb), name = _CROSSINGS[found.line.name], _in_words(found.line)
    step, so_far = found.first.step, ", so far" * found.is_last
    following = "which no next one can undo yet" if found.is_last else "and the next is below too"
    return Note(
        kind, step, f"{verb} {named(found.line, in_bits)} at step {step:,}{so_far}",
        f"The first validation estimate below {name}, {following}; an estimate is of sample "
        "windows and the line of the whole validation split, so a lead of a few hundredths can be "
        "luck.",
        (_val(found.first), (_label(found.line), found.line.loss_nats)),
    )  # fmt: skip


def _state(state: State, in_bits: bool) -> Note:
    word, clause = headline(state, in_bits)
    joined = "," if isinstance(state, Diverged) else ":"
    kind, step = _kind_and_step(state)
    text = f"{word}{joined} {clause}"
    return Note(kind, step, text, _rule(state, in_bits), _numbers(state))


def _kind_and_step(state: State) -> tuple[NoteKind, int]:
    if isinstance(state, Broken):
        return "diverging" if state.loss_nats is not None else "diverged", state.step
    if isinstance(state, StepsRose):
        return "diverging", state.since
    if isinstance(state, Diverged):
        return "diverged", state.since
    if isinstance(state, Overfitting):
        return "overfitting", state.best.step
    if state.is_learning:
        return "learning", state.since
    return "flat" if state.rise_nats < FLAT_NATS else "worse", state.since


def _numbers(state: State) -> tuple[tuple[str, float], ...]:
    """What the rule was applied to; the last number stands in the sentence."""
    if isinstance(state, Broken):
        loss_nats = state.loss_nats
        return () if loss_nats is None else ((f"loss at step {state.step:,}", loss_nats),)
    if isinstance(state, Diverged):
        best, peak, now = state.best, state.peak, state.now
        up = [] if peak == now else [_train(peak), _val(peak)]
        return (_train(best), _val(best), *up, _train(now), _val(now))
    rise = ("rise", state.rise_nats)
    if isinstance(state, StepsRose):
        n = state.n_steps
        lowest = f"median of the lowest {n} steps, up to step {state.lowest_until:,}"
        return (
            (lowest, state.lowest_nats),
            ("highest loss of these", state.highest_nats),
            (f"median of the last {n} steps", state.now_nats),
            rise,
        )
    if isinstance(state, Overfitting):
        best, now = state.best, state.now
        return (_train(best), _train(now), _val(best), _val(now), rise)
    fall = ("fall", -state.rise_nats)
    return (_val(state.before), _val(state.after), rise if state.rise_nats > 0 else fall)


def headline(state: State, in_bits: bool) -> tuple[str, str]:
    """Which way a run is going, and the numbers that say so."""
    if isinstance(state, Broken) and state.loss_nats is None:
        so = f"at step {state.step:,} its loss or its gradient was no longer a finite number"
        return "diverged", so
    if isinstance(state, Broken):
        return "diverging", f"the loss at step {state.step:,} is not a finite number"
    if isinstance(state, Diverged):
        best = loss_in(state.best.val_loss_nats, in_bits)
        at = f" at step {state.best.step:,}" if state.since != state.best.step else ""
        so = f"from {best}{at} up to {_val_in(state.peak, in_bits)}"
        if state.peak != state.now:
            so += f", and is at {_val_in(state.now, in_bits)} now"
        return f"diverged after step {state.since:,}", so
    rise = loss_in(abs(state.rise_nats), in_bits)
    if isinstance(state, StepsRose):
        so = f"the loss of the steps rose by {rise} to {number_in(state.now_nats, in_bits)}"
        return f"diverging after step {state.since:,}", so
    if isinstance(state, Overfitting):
        fall = number_in(state.best.train_loss_nats - state.now.train_loss_nats, in_bits)
        so = f"the validation estimate rose by {rise} while the training estimate fell by {fall}"
        return f"overfitting since step {state.best.step:,}", so
    return _trend(state, rise, in_bits)


def _trend(trend: Trend, change: str, in_bits: bool) -> tuple[str, str]:
    since = f"after step {trend.since:,}"
    if trend.is_learning:
        return "still learning", f"the best validation estimate fell by {change} {since}"
    if trend.rise_nats <= 0:
        return "flat", f"the best validation estimate fell by only {change} {since}"
    word = "flat" if trend.rise_nats < FLAT_NATS else "worse than before"
    lowest = _val_in(trend.after, in_bits)
    return word, f"the lowest validation estimate {since} is {lowest}, {change} above the best"


def _rule(state: State, in_bits: bool) -> str:
    clear, noise = _limit(DIVERGING_NATS, in_bits), _limit(NOISE_NATS, in_bits)
    if isinstance(state, Broken):
        return (
            "A loss, of a step or an estimate, or the norm of a gradient that is infinite or not a "
            "number."
        )
    if isinstance(state, StepsRose):
        n = state.n_steps
        return (
            f"The median loss of the last {n} recorded steps ({DIVERGING_SHARE:.0%} of all, but at "
            f"least {DIVERGING_STEPS}) lies above every loss of the lowest {n} before them, and at "
            f"least {clear} above their median or above the uniform line; it began after the last "
            "step whose own loss was no higher than that median."
        )
    if isinstance(state, Diverged):
        return (
            f"A validation estimate after the best one lay at least {clear} above it (or {noise} "
            "and above the uniform line), and the training estimate had risen as far since the "
            f"best one's step; it is over when the last estimate is less than {noise} above the "
            "best; it began after the last step up to the first estimate so high whose own loss "
            "was no higher than the training estimate at the best one's step."
        )
    if isinstance(state, Overfitting):
        least = _limit(OVERFITTING_NATS, in_bits)
        return (
            f"Each of the last {OVERFITTING_ESTIMATES} validation estimates lies at least {least} "
            "above the best one, and each training estimate of the same steps at least "
            f"{least} below that of the best one's step."
        )
    return (
        f"A run is still learning when the best of the last {state.n_estimates} validation "
        f"estimates ({STRETCH_SHARE:.0%} of all, but at least {STRETCH_ESTIMATES}) lies "
        f"{_limit(FLAT_NATS, in_bits)} or more below the best before them, worse than before when "
        f"it lies as much above, and flat otherwise; of the first {JUST_BEGUN_SHARE:.0%} of its "
        "steps nothing is said."
    )


# --- small things ---------------------------------------------------------------------------------


def _val(e: Estimate) -> tuple[str, float]:
    return f"validation estimate at step {e.step:,}", e.val_loss_nats


def _train(e: Estimate) -> tuple[str, float]:
    return f"training estimate at step {e.step:,}", e.train_loss_nats


def _val_in(e: Estimate, in_bits: bool) -> str:
    return number_in(e.val_loss_nats, in_bits)


def _limit(nats: float, in_bits: bool) -> str:
    """A threshold of a rule."""
    return loss_in(nats, in_bits) if in_bits else f"{nats:g} nats"


def named(line: ReferenceLine, in_bits: bool) -> str:
    """A counted line and its loss: "the bigram counts (2.482)"."""
    return f"{_in_words(line)} ({number_in(line.loss_nats, in_bits)})"


def _in_words(line: ReferenceLine) -> str:
    return f"the {_LINES[line.name]}" if line.name in _LINES else _label(line)


def _label(line: ReferenceLine) -> str:
    """What a reference is called beside its number."""
    return _LINES.get(line.name, f"a counted {line.name}")
