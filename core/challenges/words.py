"""How challenges are said: what to do, the rule with its numbers, and what an attempt came to.

Pure, and plain text: pages and the command line say the same.
"""

from __future__ import annotations

from core.challenges.outcomes import Outcome
from core.challenges.scoring import (
    HALF_PCT,
    LEARNED_LINE,
    PREVIOUS_PCT,
    QUICK_S,
    SMALL_LOSS_NATS,
    SMALL_N_PARAMS,
    Attempt,
    Challenge,
    ChallengeKey,
    Unit,
)
from core.challenges.telemetry import finite
from core.findings.thresholds import NEAR_A_LINE_NATS, OVERFITTING_ESTIMATES, OVERFITTING_NATS
from core.interpretability.habits import MIN_TIMES
from core.text.reference import ReferenceLine

NAMES: dict[ChallengeKey, str] = {
    "small": "Small and good",
    "overfit": "Make it overfit",
    "quick": "Beat counting in 10 seconds",
    "previous": "A head that looks one back",
    "half": "Half the parameters",
}
TASKS: dict[ChallengeKey, str] = {
    "small": f"Train a model of fewer than {SMALL_N_PARAMS:,} parameters to a loss below "
    f"{SMALL_LOSS_NATS:.1f} nats.",
    "overfit": "Train a model until it knows the training text too well: training goes on falling "
    "while validation rises.",
    "quick": f"Pass what counted pairs of characters reach within {QUICK_S:g} seconds of training.",
    "previous": f"Train a model one of whose heads gives at least {PREVIOUS_PCT:g} % of its weight "
    "to the character just before.",
    "half": "Reach the loss of another run with at most half of its parameters.",
}
EXPECTATIONS: dict[ChallengeKey, str] = {
    "small": "Which loss will the next run reach, in nats?",
    "overfit": "How far will validation rise in the next run, in nats?",
    "quick": "How long will the next run need, in seconds?",
    "previous": "How much will the next run's best head give, in %?",
    "half": "With which share will the next run do, in %?",
}
"""What a learner says beforehand, in the unit of the challenge."""
LESSONS: dict[ChallengeKey, str] = {
    "small": "Parameters grow with the square of the width and only in proportion to the layers, "
    "and heads cost none: narrow it, and spend what is left on steps.",
    "overfit": "It takes more numbers than the text has news for, and many passes over it: tables "
    "of n-grams or a wide model on a short text, which the Corpus page takes in. Dropout holds it "
    "back.",
    "quick": "A table is done the soonest and cannot pass its own counts. Whoever passes them "
    "needs context; a short block and a large learning rate make steps cheap and long.",
    "previous": "To look one back a head must know places: its queries and keys find them in the "
    "position embedding. One head alone must serve everything, several can share; in a short block "
    "there are fewer places to tell apart.",
    "half": "Where two models of different size end level, the larger one was short of steps, or "
    "of rate, and not the smaller one of numbers.",
}
"""What explains an outcome: said once there is one."""


_BEFORE: dict[ChallengeKey, str] = {"overfit": "a rise of ", "quick": "after "}
"""What stands before a value that would not be understood by its unit alone."""


def rule_text(key: ChallengeKey, references: tuple[ReferenceLine, ...] = ()) -> str:
    """When a challenge is met, in one sentence with numbers and units.

    Args:
        references: what counting reaches on the text, for the rules that name it.
    """
    if key == "small":
        return (
            f"A finished run with fewer than {SMALL_N_PARAMS:,} parameters whose best validation "
            f"loss, over the whole split, is below {SMALL_LOSS_NATS:.3f} nats per character."
        )
    if key == "overfit":
        return (
            f"The last {OVERFITTING_ESTIMATES} validation estimates of a run lie at least "
            f"{OVERFITTING_NATS:g} nats above its best, and the training estimates as far below "
            "what they were there."
        )
    if key == "quick":
        return (
            f"A validation estimate below the counted bigram{_line('bigram', references)}, and the "
            f"next one too, after at most {QUICK_S:g} s of training: steps alone, neither "
            "start-up nor estimates."
        )
    if key == "previous":
        return (
            f"A head of a finished run gives at least {PREVIOUS_PCT:g} % of its weight to the "
            "character just before, on average over windows of the validation text, and is named "
            f"after that: at least {MIN_TIMES:g} times what even spreading would give."
        )
    return (
        f"A finished run with at most {HALF_PCT:g} % of the parameters of another and no more "
        f"steps, whose loss is at most {NEAR_A_LINE_NATS:g} nats higher; the other lies below the "
        f"counted {LEARNED_LINE}{_line(LEARNED_LINE, references)}."
    )


def _line(name: str, references: tuple[ReferenceLine, ...]) -> str:
    nats = next((finite(line.loss_nats) for line in references if line.name == name), None)
    return "" if nats is None else f" ({nats:.3f} nats)"


def value_text(value: float, unit: Unit) -> str:
    """A value of a challenge with its unit: 1.946 nats, 4.2 s, 83 %."""
    return {"nats": f"{value:.3f} nats", "s": f"{value:.1f} s", "%": f"{value:.0f} %"}[unit]


def attempt_text(attempt: Attempt, challenge: Challenge) -> str:
    """What a run came to: "1.946 nats", with what it is held against, and whether it may change."""
    said = _BEFORE.get(challenge.key, "") + value_text(attempt.value, challenge.unit)
    if attempt.against is not None:
        said += f" of the parameters of {attempt.against.name}"
    return f"{said} (estimate)" if attempt.is_estimate else said


def outcome_text(outcome: Outcome, unit: Unit) -> str:
    """A prediction beside what came of it: "You expected 2.300 nats; owl came to 2.167 nats …"."""
    expected = f"You expected {value_text(outcome.prediction.expected, unit)}"
    run, attempt = outcome.run, outcome.attempt
    if run is None:
        return f"{expected} of the next run."
    if outcome.is_open:
        return f"{expected}; {run.name} is at step {run.step:,} of {run.max_iters:,}."
    if attempt is None:
        return f"{expected}; {run.name} ({run.status}) has nothing to show for it."
    off = attempt.value - outcome.prediction.expected
    size = value_text(abs(off), unit)
    how = f"{size} {'more' if off > 0 else 'less'}"
    if size == value_text(0.0, unit):
        how = "as you said"
    return f"{expected}; {run.name} came to {value_text(attempt.value, unit)}, {how}."
