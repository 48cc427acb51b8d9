"""A prediction in words: what was expected, what came, and by how much that is off."""

from __future__ import annotations

from typing import Any

from core.challenges.kept import Prediction
from core.challenges.outcomes import Outcome
from core.challenges.scoring import Attempt
from core.challenges.words import outcome_text
from tests.helpers import run_of


def outcome(expected: float, **about: Any) -> Outcome:
    said = Prediction(challenge="small", fingerprint="f", expected=expected, said_at=1.0)
    return Outcome(said, about.get("run"), about.get("attempt"))


def test_a_prediction_stands_beside_what_came() -> None:
    owl = run_of("owl", status="finished")
    came = Attempt(owl, 2.1, False)
    assert "of the next run" in outcome_text(outcome(1.9), "nats")
    assert outcome_text(outcome(1.9, run=owl, attempt=came), "nats") == (
        "You expected 1.900 nats; owl came to 2.100 nats, 0.200 nats more."
    )
    assert "0.100 nats less" in outcome_text(outcome(2.2, run=owl, attempt=came), "nats")
    assert "as you said" in outcome_text(outcome(2.1, run=owl, attempt=came), "nats")
    assert "nothing to show" in outcome_text(outcome(1.9, run=owl), "nats")
    live = run_of("owl", status="running")
    assert "owl is at step 20 of 40" in outcome_text(outcome(1.9, run=live), "nats")
