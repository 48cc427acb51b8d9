"""Three questions about a loss curve, answered in words: is it good, still learning, overfitting?

Pure. What is found on a curve is `core.findings.curve`'s, how a finding is said
`core.findings.notes`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.findings.curve import (
    OUT_OF_HAND,
    Broken,
    Diverged,
    Lines,
    Overfitting,
    Standing,
    State,
    Trend,
    Verdict,
)
from core.findings.meaning import about_in, is_said_as_zero, loss_in, unsure_among
from core.findings.notes import headline, named
from core.findings.thresholds import NOISE_NATS
from core.records.records import RunRecord
from core.settings.ideas import SEES_AHEAD
from core.text.reference import ReferenceLine


@dataclass(frozen=True, slots=True)
class Answers:
    """Three questions about a curve, answered in words."""

    is_good: str
    still_learning: str
    overfitting: str


@dataclass(frozen=True, slots=True)
class Reached:
    """The validation loss that a run has come to, in nats, and its best."""

    now_nats: float
    best_nats: float
    best_step: int
    is_whole: bool
    """Over the whole validation split, as counted lines are; else estimates on sample windows."""

    @property
    def is_at_its_best(self) -> bool:
        """Whether the last is the best, but for noise."""
        return self.now_nats - self.best_nats < NOISE_NATS

    @property
    def is_from_earlier(self) -> bool:
        """Whether the best is another state than the last."""
        return self.best_nats != self.now_nats

    @property
    def loss_nats(self) -> float:
        """The loss that counts: of a run at its best the best, else the last."""
        return self.best_nats if self.is_at_its_best else self.now_nats

    def in_words(self, nats: float, in_bits: bool) -> str:
        """One of its losses with its unit, as exactly as it is known."""
        return loss_in(nats, in_bits) if self.is_whole else about_in(nats, in_bits)


def reached_by(standing: Standing, run: RunRecord | None) -> Reached:
    """How far a run has come: by the whole validation split once it has ended, else by estimates.

    A finished run has one loss then, on every page.
    """
    if run and run.status == "finished" and run.val_loss_nats is not None:
        best_nats = run.val_loss_nats if run.best_val_loss_nats is None else run.best_val_loss_nats
        return Reached(run.val_loss_nats, best_nats, run.best_step, is_whole=True)
    now, best = standing.now, standing.best
    return Reached(now.val_loss_nats, best.val_loss_nats, best.step, is_whole=False)


def answers_on(
    said: Verdict, references: Lines, in_bits: bool = False, run: RunRecord | None = None
) -> Answers:
    """Is it good, is it still learning, and does it overfit.

    Args:
        run: how the run stands, where that is known; one that has finished is measured by more
            than its estimates.
    """
    standing, state, none = said.standing, said.state, "no estimate yet"
    learning = "too early to say" if standing else none
    if state:
        learning = _still_learning(state, in_bits)
    if standing is None:
        return Answers(none, learning, none)
    reached = reached_by(standing, run)
    if run and run.looks_ahead:
        is_good = f"{_loss(reached, in_bits)}, but {SEES_AHEAD}: no measure of how well it guesses"
    else:
        is_good = _is_good(reached, references, in_bits)
    return Answers(is_good, learning, _gap(standing, state, in_bits))


def _is_good(reached: Reached, references: Lines, in_bits: bool) -> str:
    """The loss that counts, and the counted lines around it."""
    nats = reached.loss_nats
    by_loss = sorted(references, key=lambda line: line.loss_nats)

    def is_beaten(line: ReferenceLine) -> bool:
        by = line.loss_nats - nats
        return by > 0 and not is_said_as_zero(by)  # what is said as the same is not better

    beaten = [line for line in by_loss if is_beaten(line)][:1]
    ahead = [line for line in by_loss if not is_beaten(line)][-1:]
    said = [f"better than {named(line, in_bits)}" for line in beaten]
    for line in ahead:
        is_new = reached.best_nats >= line.loss_nats or reached.is_at_its_best
        word = "not yet" if is_new else "no longer"
        said.append(f"{word} better than {named(line, in_bits)}")
    if beaten and not ahead:
        said.append("the best of the lines")
    return _loss(reached, in_bits) + (f": {', '.join(said)}" if said else "")


def _loss(reached: Reached, in_bits: bool) -> str:
    """Of a run at its best one loss and how large it feels, else the last and the best."""
    said = reached.in_words(reached.loss_nats, in_bits)
    if reached.is_at_its_best:
        where = " (estimate)"
        if reached.is_whole:
            at = f" at best, at step {reached.best_step:,}," if reached.is_from_earlier else ""
            where = f"{at} over the whole validation split"
        return f"{said}{where}, {unsure_among(reached.loss_nats)}"
    where = ", over the whole validation split" if reached.is_whole else " (estimates)"
    return f"{said} now, {reached.in_words(reached.best_nats, in_bits)} at best{where}"


def _still_learning(state: State, in_bits: bool) -> str:
    word, clause = headline(state, in_bits)
    if isinstance(state, Trend) and state.is_learning:
        return f"yes: {clause}"
    if isinstance(state, Diverged):
        return f"{'coming back' if state.is_coming_back else 'no'}: it {word}, {clause}"
    if isinstance(state, Broken) and state.loss_nats is None:
        return f"no: it {word}: {clause}"
    return f"no: {word}: {clause}"


def _gap(standing: Standing, state: State | None, in_bits: bool) -> str:
    best, now = standing.best, standing.now
    rise = now.val_loss_nats - best.val_loss_nats
    both_rose = min(rise, now.train_loss_nats - best.train_loss_nats) >= NOISE_NATS
    if isinstance(state, Diverged) or (isinstance(state, Broken) and both_rose):
        return "no: training and validation loss both went up: it diverged"
    if now.step == 0:
        broke = isinstance(state, OUT_OF_HAND)
        return "cannot be said: no estimate after its first step" if broke else "too early to say"
    word, turn = "no", "validation has not turned up"
    if isinstance(state, Overfitting):
        word, turn = "yes", f"validation has turned up since step {best.step:,}"
    elif not standing.is_at_its_best:
        above = loss_in(rise, in_bits)
        word, turn = "not clearly", f"validation lies {above} above its best at step {best.step:,}"
    elif not is_said_as_zero(rise, in_bits):
        above = loss_in(rise, in_bits)
        turn = f"validation lies {above} above its best, which may be noise"
    gap = loss_in(now.val_loss_nats - now.train_loss_nats, in_bits)
    return f"{word}: validation minus training is {gap}, and {turn}"
