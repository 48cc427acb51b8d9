"""All challenges on one text at once: what a page shows and the command line lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.challenges.kept import Kept
from core.challenges.outcomes import Outcome, outcomes_of
from core.challenges.scoring import (
    CHALLENGES,
    Attempt,
    ChallengeKey,
    Standing,
    attempts_in,
    standing_of,
)
from core.challenges.telemetry import Telemetry
from core.records.records import LIVE
from core.text.reference import ReferenceLine


@dataclass(frozen=True, slots=True)
class Place:
    """One challenge on the board."""

    standing: Standing
    outcomes: Sequence[Outcome]
    """Of the predictions, the oldest first."""
    live: Attempt | None
    """How far the newest run has come that trains now; None where none does."""

    @property
    def key(self) -> ChallengeKey:
        return self.standing.challenge.key


def board_of(
    runs: Sequence[Telemetry],
    references: tuple[ReferenceLine, ...],
    kept: Kept,
    fingerprint: str,
) -> list[Place]:
    """Every challenge as it stands.

    Args:
        runs: those on the text, the newest first.
        references: what counting reaches on the text.
    """
    records = [each.run for each in runs]
    places = []
    for challenge in CHALLENGES:
        predictions = kept.predictions_of(challenge.key, fingerprint)
        attempts = attempts_in(challenge, runs, references)
        outcomes = outcomes_of(predictions, records, attempts)
        live = next((a for a in attempts if a.run.status in LIVE), None)
        places.append(Place(standing_of(challenge, attempts), outcomes, live))
    return places
