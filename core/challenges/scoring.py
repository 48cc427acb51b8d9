"""The challenges, and how runs stand in them: telemetry in, attempts and standings out.

Pure: numbers with units, no sentence; how they are said is `core.challenges.words`'s. What counts
as overfitting, and as beating a counted line, is `core.findings.curve`'s rule, and the names of
heads are measured as everywhere else: a challenge is a goal, not another measure.

Which runs count: those of one text, the bin left out. A model without its causal mask has the
answer in sight and counts nowhere. A run that failed counts nowhere either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.challenges.telemetry import Telemetry
from core.findings.curve import OUT_OF_HAND, Crossed, Overfitting, findings, rise_nats, verdict
from core.findings.thresholds import NEAR_A_LINE_NATS, OVERFITTING_NATS
from core.records.records import RunRecord
from core.settings.config import ModelKind
from core.text.reference import ReferenceLine

SMALL_LOSS_NATS, SMALL_N_PARAMS = 2.0, 100_000
QUICK_S = 10.0
PREVIOUS_PCT = 50.0
HALF_PCT = 50.0
LEARNED_LINE = "3-gram"
"""A model that is to be matched must at least lie below this counted line."""

ChallengeKey = Literal["small", "overfit", "quick", "previous", "half"]
Unit = Literal["nats", "s", "%"]
Lines = Sequence[ReferenceLine]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far one run has come in one challenge."""

    run: RunRecord
    value: float
    """In the unit of the challenge."""
    is_met: bool
    is_estimate: bool = False
    """Whether the value may still change when the whole validation split is measured."""
    against: RunRecord | None = None
    """The run that it is held against, where there is one."""


Tries = Callable[[Sequence[Telemetry], Lines], Iterator[Attempt]]


@dataclass(frozen=True)
class Challenge:
    """One goal, and the settings from which one may begin."""

    key: ChallengeKey
    unit: Unit
    target: float
    less_is_better: bool
    tries: Tries = field(repr=False)
    model: ModelKind
    recipe: str = "classic"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """To begin with, beside those of the `quick` preset; they need not reach the goal."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How all runs of a text together stand in one challenge."""

    challenge: Challenge
    best: Attempt | None
    """Of those that meet it the best; where none does, the nearest. None where none has tried."""
    n_tries: int
    n_met: int

    @property
    def is_met(self) -> bool:
        return self.n_met > 0


def standing_of(challenge: Challenge, attempts: Sequence[Attempt]) -> Standing:
    """How these attempts together stand."""
    return Standing(
        challenge, best_of(challenge, attempts), len(attempts), sum(a.is_met for a in attempts)
    )


def attempts_in(
    challenge: Challenge, runs: Sequence[Telemetry], references: Lines
) -> list[Attempt]:
    """One attempt for each run of a text that has one, in the order of the runs.

    Args:
        references: what counting reaches on the text.
    """
    counting = [each for each in runs if each.is_honest and each.run.status != "failed"]
    return list(challenge.tries(counting, references))


def best_of(challenge: Challenge, attempts: Sequence[Attempt]) -> Attempt | None:
    """The best of those that meet it, else the nearest to it; the first where several are alike."""
    sign = 1.0 if challenge.less_is_better else -1.0
    return min(attempts, key=lambda a: (not a.is_met, sign * a.value), default=None)


# --- the rules ------------------------------------------------------------------------------------


def _small(runs: Sequence[Telemetry], references: Lines) -> Iterator[Attempt]:
    """The loss of models with few parameters; only the whole split decides."""
    for each in runs:
        if each.run.n_params >= SMALL_N_PARAMS:
            continue
        whole, so_far = each.whole_loss_nats, each.estimated_loss_nats
        if whole is not None:
            yield Attempt(each.run, whole, whole < SMALL_LOSS_NATS)
        elif so_far is not None:
            yield Attempt(each.run, so_far, is_met=False, is_estimate=True)


def _overfit(runs: Sequence[Telemetry], references: Lines) -> Iterator[Attempt]:
    """How far validation has risen above its best; that of a run that diverged says nothing."""
    for each in runs:
        run = each.run
        said = verdict(each.estimates, each.steps, references, run.max_iters, each.broke_at)
        if isinstance(said.state, Overfitting):
            yield Attempt(run, said.state.rise_nats, is_met=True)
        elif said.standing and not isinstance(said.state, OUT_OF_HAND):
            yield Attempt(run, rise_nats(said.standing.best, said.standing.now), is_met=False)


def _quick(runs: Sequence[Telemetry], references: Lines) -> Iterator[Attempt]:
    """After how much training a curve passed the counted bigram."""
    bigram = [line for line in references if line.name == "bigram"]
    for each in runs:
        if not each.is_from_scratch:
            continue
        found = findings(each.estimates, each.steps, bigram, each.run.max_iters, each.broke_at)
        crossed = next((finding for finding in found if isinstance(finding, Crossed)), None)
        seconds = _training_s(each, crossed.first.step) if crossed else None
        if crossed and seconds is not None:
            yield Attempt(each.run, seconds, seconds <= QUICK_S, is_estimate=crossed.is_last)


def _training_s(telemetry: Telemetry, step: int) -> float | None:
    """The training time by a step, or by the first one after it that is known."""
    return next((s.elapsed_s for s in telemetry.steps if s.step >= step), None)


def _previous(runs: Sequence[Telemetry], references: Lines) -> Iterator[Attempt]:
    """How much of its weight one head gives to the character just before."""
    for each in runs:
        if each.head is not None:
            pct = 100 * each.head.share
            yield Attempt(each.run, pct, each.head.is_named and pct >= PREVIOUS_PCT)


def _half(runs: Sequence[Telemetry], references: Lines) -> Iterator[Attempt]:
    """With which share of its parameters a run comes as far as another, in no more steps."""
    bound = next((x.loss_nats for x in references if x.name == LEARNED_LINE), float("-inf"))
    over = [(each.run, loss) for each in runs if (loss := each.whole_loss_nats) is not None]
    for run, loss in over:
        larger = [
            other for other, reached in over
            if other.n_params > run.n_params and other.step >= run.step
            and reached < bound and loss <= reached + NEAR_A_LINE_NATS
        ]  # fmt: skip
        if larger:
            other = max(larger, key=lambda each: each.n_params)
            pct = 100 * run.n_params / other.n_params
            yield Attempt(run, pct, pct <= HALF_PCT, against=other)


CHALLENGES: tuple[Challenge, ...] = (
    Challenge(
        "small", "nats", SMALL_LOSS_NATS, True, _small, "transformer",
        settings={"n_layer": 1, "n_embd": 48, "max_iters": 1000},
    ),
    Challenge(
        "overfit", "nats", OVERFITTING_NATS, False, _overfit, "transformer", "fastest",
        settings={"n_layer": 1, "ngrams": 5, "max_iters": 500},
    ),
    Challenge(
        "quick", "s", QUICK_S, True, _quick, "transformer", settings={"max_iters": 1000},
    ),
    Challenge(
        "previous", "%", PREVIOUS_PCT, False, _previous, "attention",
        settings={"n_head": 4, "max_iters": 500},
    ),
    Challenge(
        "half", "%", HALF_PCT, True, _half, "transformer",
        settings={"n_layer": 2, "n_embd": 64, "max_iters": 1000},
    ),
)  # fmt: skip
"""All of them, the easiest to understand first."""


def challenge_named(key: str) -> Challenge | None:
    """The challenge of this key; None where there is none."""
    return next((each for each in CHALLENGES if each.key == key), None)
