"""How challenges stand in sentences, and what the game shows: each follows from its numbers."""

from __future__ import annotations

import pytest

from core.challenges.board import Place
from core.challenges.guessing import Answer
from core.challenges.scoring import Attempt, Standing, challenge_named
from lab.challenges_page.words import (
    answers_table,
    best_text,
    live_text,
    luck_text,
    verdict_text,
    with_gap,
)
from tests.helpers import run_of

SMALL = challenge_named("small")
assert SMALL


def standing(best: Attempt | None, n_met: int = 0) -> Standing:
    assert SMALL
    return Standing(SMALL, best, 1, n_met)


def test_the_best_so_far_is_said_with_its_run_and_its_unit() -> None:
    owl = Attempt(run_of("owl"), 1.94567, True)
    assert best_text(standing(None)) == "No run on this text has anything to show here yet."
    assert best_text(standing(owl, 1)) == r"Best so far: **1\.946 nats**, by owl."
    assert "2 more runs have it too" in best_text(standing(owl, 3))
    assert "1 more run has it too" in best_text(standing(owl, 2))
    near = Attempt(run_of("*fox*"), 2.1, False, is_estimate=True)
    said = best_text(standing(near))
    assert best_text(standing(near), 3).startswith("Nearest so far, with 3 more runs to look at")
    assert said.startswith("Nearest so far") and "estimate" in said and r"\*fox\*" in said


def test_what_a_share_is_held_against_is_named() -> None:
    half = challenge_named("half")
    assert half
    attempt = Attempt(run_of("owl"), 43.2, True, against=run_of("bear"))
    said = best_text(Standing(half, attempt, 1, 1))
    assert "43 \\% of the parameters of bear" in said


def test_a_run_that_trains_now_is_said_with_its_step() -> None:
    live = Attempt(run_of("owl", status="running"), 2.5, False, is_estimate=True)
    said = live_text(Place(standing(None), [], live))
    assert "Now owl, step 20 of 40" in said and "2\\.500 nats" in said
    assert live_text(Place(standing(None), [], None)) == ""


@pytest.mark.parametrize(
    ("context", "shown"),
    [("to be", "to be▢"), ("to ", "to␣▢"), ("end.\n", "end.↵\n▢"), ("a\nb", "a↵\nb▢"), ("", "▢")],
)
def test_the_gap_stands_after_what_can_be_seen(context: str, shown: str) -> None:
    assert with_gap(context) == shown


def test_the_last_guess_is_told_with_both_characters() -> None:
    assert verdict_text(Answer("e", True), "e") == "**Right**: it was ‘e’."
    assert verdict_text(Answer(" ", False), "\n") == (
        "**Not this time**: you said ‘␣’, it was ‘↵’."
    )


def test_the_table_says_guess_and_probabilities_of_each() -> None:
    table = answers_table(
        [("counts", Answer("e", True, 0.22, 0.22)), ("owl", Answer("|", False, 0.5, 0.0001))], "e"
    )
    head, _, counts, owl = table.splitlines()
    assert "gave ‘e’" in head
    assert counts == "| counts | ‘e’ | 22 % | 22 % | right |".replace(" %", "\N{NO-BREAK SPACE}%")
    assert owl.replace("\N{NO-BREAK SPACE}", " ") == r"| owl | ‘\|’ | 50 % | < 0.1 % |  |"


def test_few_guesses_are_said_to_be_few() -> None:
    assert "1 guess your share is known to about ± 44 points" in luck_text(1, 1)
    points = [int(luck_text(n // 2, n).split("± ")[1].split()[0]) for n in (10, 100, 1000)]
    assert points == [27, 10, 3]
