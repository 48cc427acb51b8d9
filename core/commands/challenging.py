"""The command `challenges`: small goals on a text, how the runs stand in them, and the game."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from core.challenges.board import Place, board_of
from core.challenges.guessing import in_this_text, learner_answers, n_right
from core.challenges.heads import can_be_measured, previous_head
from core.challenges.kept import keep_prediction, load_kept
from core.challenges.telemetry import Telemetry, runs_on_text, telemetry_of
from core.challenges.words import NAMES, TASKS, attempt_text, outcome_text, rule_text
from core.commands.common import Fields, say
from core.errors import CheckpointError
from core.records.records import RunRecord
from core.runs.lab import Lab
from core.text.corpus import Corpus
from core.text.reference import ReferenceLine, reference_lines


def challenges(lab: Lab, args: Namespace) -> Fields:
    corpus = lab.library.load(args.corpus)
    if args.expect:
        key, expected = args.expect
        if trouble := keep_prediction(lab.home, key, corpus.fingerprint, expected):
            say(trouble)
    kept, trouble = load_kept(lab.home)
    if trouble:
        say(trouble)
    references = reference_lines(corpus)
    runs = [_measured(lab, run, corpus) for run in runs_on_text(lab, corpus.fingerprint)]
    board = board_of(runs, references, kept, corpus.fingerprint)
    guesses = in_this_text(corpus, kept.guesses_on(corpus.fingerprint))
    return {
        "corpus": corpus.name,
        "n_guesses": len(guesses),
        "n_right": n_right(learner_answers(corpus, guesses)),
        "challenges": [_fields(place, references) for place in board],
    }


def _measured(lab: Lab, run: RunRecord, corpus: Corpus) -> Telemetry:
    """What a run has measured, its heads too."""
    telemetry = telemetry_of(lab, run)
    if not can_be_measured(run):
        return telemetry
    try:
        return telemetry.with_head(previous_head(lab.model(run, "best"), corpus))
    except CheckpointError as error:
        say(f"{run.name}: {error}")
        return telemetry


def _fields(place: Place, references: tuple[ReferenceLine, ...]) -> dict[str, Any]:
    standing = place.standing
    challenge, best = standing.challenge, standing.best
    last = place.outcomes[-1] if place.outcomes else None
    return {
        "challenge": challenge.key,
        "name": NAMES[challenge.key],
        "is_met": standing.is_met,
        "best": best.value if best else None,
        "unit": challenge.unit,
        "target": challenge.target,
        "run": best.run.id if best else None,
        "run_name": best.run.name if best else None,
        "best_in_words": attempt_text(best, challenge) if best else "",
        "n_tries": standing.n_tries,
        "expected": last.prediction.expected if last else None,
        "came": last.attempt.value if last and last.attempt else None,
        "outcome_in_words": outcome_text(last, challenge.unit) if last else "",
        "task": TASKS[challenge.key],
        "rule": rule_text(challenge.key, references),
    }
