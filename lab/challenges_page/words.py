"""How challenges stand, in sentences that follow from runs and from what was said. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.challenges.board import Place
from core.challenges.guessing import Answer
from core.challenges.scoring import Standing
from core.challenges.words import attempt_text
from core.text.characters import in_quotes, sign_of
from lab.wording import words
from lab.wording.plain import plain

GAP = "▢"
"""Where the character is that is to be guessed."""


def best_text(standing: Standing, n_waiting: int = 0) -> str:
    """What has been reached so far, and by which run. Markdown.

    Args:
        n_waiting: how many runs have not been looked at yet.
    """
    best = standing.best
    if best is None:
        return "No run on this text has anything to show here yet."
    said = f"**{plain(attempt_text(best, standing.challenge))}**, by {plain(best.run.name)}"
    if not standing.is_met:
        runs = "run" if n_waiting == 1 else "runs"
        more = f", with {words.count(n_waiting)} more {runs} to look at" if n_waiting else ""
        return f"Nearest so far{more}: {said}."
    others = standing.n_met - 1
    more = f" {words.count(others)} more {'run has' if others == 1 else 'runs have'} it too."
    return f"Best so far: {said}.{more if others else ''}"


def live_text(place: Place) -> str:
    """How far the newest run has come that trains now; empty while there is none. Markdown."""
    if place.live is None:
        return ""
    run = place.live.run
    said = attempt_text(place.live, place.standing.challenge)
    return f"Now {plain(run.name)}, {words.progress(run)}: {plain(said)}."


# --- the game -------------------------------------------------------------------------------------


def with_gap(context: str) -> str:
    """A text with the gap after it; line ends are seen, and a space before the gap."""
    shown = "".join(f"{sign_of(c)}\n" if c == "\n" else c for c in context)
    if context.endswith(" "):
        shown = shown[:-1] + sign_of(" ")
    return f"{shown}{GAP}"


def verdict_text(answer: Answer, came: str) -> str:
    """What the learner said of the last place, and what came. Markdown."""
    if answer.is_right:
        return f"**Right**: it was {plain(in_quotes(came))}."
    return f"**Not this time**: you said {plain(in_quotes(answer.character))}, it was " + (
        f"{plain(in_quotes(came))}."
    )


def answers_table(rows: Sequence[tuple[str, Answer]], came: str) -> str:
    """What each of several guessed at the last place, as a Markdown table."""
    lines = [
        f"| who | took for likeliest | with | gave {plain(in_quotes(came))} | |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for who, answer in rows:
        lines.append(
            f"| {who} | {plain(in_quotes(answer.character))} | {_percent(answer.probability)} | "
            f"{_percent(answer.probability_of_truth)} | {'right' if answer.is_right else ''} |"
        )
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    pct = 100 * share
    said = f"{pct:.0f} %" if pct >= 9.95 else f"{pct:.1f} %" if pct >= 0.05 else "< 0.1 %"
    return said.replace(" ", "\N{NO-BREAK SPACE}")  # no line breaks before its unit


def luck_text(n_right: int, n_places: int) -> str:
    """How far a share of so few guesses may be off: two standard errors, after Agresti and Coull.

    Source: Agresti and Coull 1998, "Approximate is better than exact for interval estimation of
    binomial proportions", The American Statistician 52(2).
    """
    n, share = n_places + 4, (n_right + 2) / (n_places + 4)
    points = 200 * math.sqrt(share * (1 - share) / n)
    return (
        f"After {words.count(n_places)} guess{'es' * (n_places != 1)} your share is known to "
        f"about ± {points:.0f} points, and so is that of each model."
    )
