"""Three questions about a loss curve, answered in words: is it good, still learning, overfitting?

Pure. What is found on a curve is `core.findings`'s, how a finding is said `core.notes`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.findings import Broken, Diverged, Lines, Overfitting, Standing, State, Trend, Verdict
from core.meaning import loss_in, number_in, unsure_among
from core.notes import headline, named


@dataclass(frozen=True, slots=True)
class Answers:
    """Three questions about a curve, answered in words."""

    is_good: str
    still_learning: str
    overfitting: str


def answers_on(said: Verdict, references: Lines, in_bits: bool = False) -> Answers:
    """Is it good, is it still learning, and does it overfit."""
    standing, state, none = said.standing, said.state, "no estimate yet"
    learning = "too early to say" if standing else none
    if state:
        learning = _still_learning(state, in_bits)
    if standing is None:
        return Answers(none, learning, none)
    is_good = _is_good(standing, references, in_bits)
    return Answers(is_good, learning, _gap(standing, state, in_bits))


def _is_good(standing: Standing, references: Lines, in_bits: bool) -> str:
    """Of a run at its best the best estimate counts, else the last, and both are said."""
    best, now = standing.best, standing.now
    at_best = standing.is_at_its_best
    nats = (best if at_best else now).val_loss_nats
    by_loss = sorted(references, key=lambda line: line.loss_nats)
    beaten = [line for line in by_loss if nats < line.loss_nats][:1]
    ahead = [line for line in by_loss if nats >= line.loss_nats][-1:]
    said = [f"better than {named(line, in_bits)}" for line in beaten]
    for line in ahead:
        word = "not yet" if best.val_loss_nats >= line.loss_nats else "no longer"
        said.append(f"{word} {'' if beaten else 'better '}than {named(line, in_bits)}")
    if beaten and not ahead:
        said.append("the best of the lines")
    loss, at_best_in = loss_in(nats, in_bits), number_in(best.val_loss_nats, in_bits)
    loss += f", {unsure_among(nats)}" if at_best else f" now, {at_best_in} at best"
    return loss + (f": {', '.join(said)}" if said else "")


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
    word, turn = "no", "validation has not turned up"
    if isinstance(state, Overfitting):
        word, turn = "yes", f"validation has turned up since step {best.iter:,}"
    elif isinstance(state, Diverged):
        turn = "both went up, which is diverging"
    elif not standing.is_at_its_best:
        above = loss_in(rise, in_bits)
        word, turn = "not clearly", f"validation lies {above} above its best at step {best.iter:,}"
    gap = loss_in(now.val_loss_nats - now.train_loss_nats, in_bits)
    return f"{word}: validation minus training is {gap}, and {turn}"
