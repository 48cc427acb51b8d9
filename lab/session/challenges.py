"""What challenges are scored from, kept in memory: telemetry of runs, measured heads, answers.

Nothing here touches a run or
draws a random number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from core.challenges.guessing import Answer, counted_answers, model_answers
from core.challenges.heads import can_be_measured, previous_head
from core.challenges.kept import kept_if_readable
from core.challenges.outcomes import outcomes_of
from core.challenges.scoring import CHALLENGES
from core.challenges.telemetry import PreviousHead, Telemetry, telemetry_of
from core.challenges.words import NAMES, outcome_text
from core.errors import LabError
from core.records.records import RunRecord, on_text
from core.runs.lab import LoadedModel
from core.text.corpus import Corpus
from lab.session.state import is_live, loaded_model, the_lab


def telemetry_for(run: RunRecord) -> Telemetry:
    """What a run has measured so far; of one that is over it is read once."""
    return telemetry_of(the_lab(), run) if is_live(run) else _telemetry(_stamp(run), run)


@st.cache_resource(show_spinner=False, max_entries=1024)
def _telemetry(stamp: str, _run: RunRecord) -> Telemetry:
    return telemetry_of(the_lab(), _run)


def _stamp(run: RunRecord) -> str:
    """Tells apart what a run was before and after it went on."""
    return f"{run.id} {run.name} {run.status} {run.step} {run.best_val_loss_nats} {run.train_s}"


@st.cache_resource(show_spinner=False)
def _heads() -> dict[str, PreviousHead | None]:
    """What was measured of the heads of runs, by the stamp of each."""
    return {}


def with_heads(
    runs: Iterable[Telemetry], corpus: Corpus, at_most: int = 1
) -> tuple[list[Telemetry], int]:
    """The runs with their heads measured, and how many still wait for that.

    A call measures no more than `at_most` of them, so that a page is not held up: it is drawn again
    until none waits.
    """
    known, found, n_waiting = _heads(), [], 0
    for each in runs:
        stamp = _stamp(each.run)
        if can_be_measured(each.run) and stamp not in known:
            if at_most > 0:
                at_most -= 1
                known[stamp] = _measured(each.run, corpus)
            else:
                n_waiting += 1
        found.append(each.with_head(known.get(stamp)))
    return found, n_waiting


def _measured(run: RunRecord, corpus: Corpus) -> PreviousHead | None:
    try:
        return previous_head(loaded_model(run), corpus)
    except LabError:  # its checkpoint cannot be read; its own page says so
        return None


def awaited_texts(fingerprint: str) -> list[str]:
    """The predictions that the next run on a text will be held beside, each in a sentence."""
    kept = kept_if_readable(the_lab().home)
    if not kept.predictions:
        return []
    records = on_text(the_lab().runs(), fingerprint)
    said = []
    for challenge in CHALLENGES:
        outcomes = outcomes_of(kept.predictions_of(challenge.key, fingerprint), records, ())
        if outcomes and outcomes[-1].run is None:
            last = outcome_text(outcomes[-1], challenge.unit)
            said.append(f"{NAMES[challenge.key]}: {last}")
    return said


def answers_of(run: RunRecord, corpus: Corpus, places: Sequence[int]) -> list[Answer]:
    """What a run's model, at its best checkpoint, takes for likeliest at places of the split.

    Raises CheckpointError.
    """
    loaded = loaded_model(run)
    return [_answer(f"{run.id} {loaded.step}", place, loaded, corpus) for place in places]


@st.cache_data(show_spinner=False, max_entries=4096)
def _answer(key: str, place: int, _loaded: LoadedModel, _corpus: Corpus) -> Answer:
    return model_answers(_loaded.model, _corpus, [place])[0]


def answers_by_counting(corpus: Corpus, places: Sequence[int]) -> list[Answer]:
    """The same of the counted bigram."""
    return _by_counting(corpus.fingerprint, tuple(places), corpus)


@st.cache_data(show_spinner=False, max_entries=16)
def _by_counting(fingerprint: str, places: tuple[int, ...], _corpus: Corpus) -> list[Answer]:
    return counted_answers(_corpus, places)
