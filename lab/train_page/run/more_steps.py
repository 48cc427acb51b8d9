"""Would more steps help? What the findings on a curve say of training longer, in words. Pure."""

from __future__ import annotations

from core.findings.curve import Broken, Diverged, Overfitting, State, StepsRose, Trend
from core.findings.meaning import loss_in
from core.findings.thresholds import FLAT_NATS


def more_steps_help(state: State | None) -> bool:
    """Whether the validation loss still falls."""
    return isinstance(state, Trend) and state.is_learning


def more_steps_text(state: State | None, in_bits: bool = False) -> str:
    """A sentence on what more steps would bring; empty where it is too early to say."""
    match state:
        case Overfitting():
            rise = loss_in(state.rise_nats, in_bits)
            return (
                f"More steps do harm: validation has risen by {rise} since its best, at step "
                f"{state.best.step:,}, while training fell"
            )
        case Trend() if state.is_learning:
            fall = loss_in(-state.rise_nats, in_bits)
            return f"More steps help: validation fell by {fall} since step {state.since:,}"
        case Trend() if state.rise_nats < FLAT_NATS:
            return (
                "More steps at this rate bring little: validation is flat, within noise, "
                f"since step {state.since:,}"
            )
        case Trend():
            rise = loss_in(state.rise_nats, in_bits)
            return (
                f"More steps do not help now: validation is {rise} above its best, at step "
                f"{state.before.step:,}"
            )
        case Diverged():
            if state.is_coming_back:
                return f"More steps may bring it back to its best, at step {state.best.step:,}"
            return _rewind(state.since)
        case StepsRose():
            return _rewind(state.since)
        case Broken():
            return _rewind(state.step)
    return ""


def _rewind(step: int) -> str:
    return f"More steps do not mend it: rewind to before step {step:,}, to a smaller rate"
