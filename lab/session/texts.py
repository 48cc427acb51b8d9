"""What pages have measured of texts, kept so that it is measured once: by runs, and without any."""

from __future__ import annotations

import streamlit as st

from core.generation.originality import (
    Originality,
    UsualOriginality,
    originality_of,
    usual_originality,
)
from core.interpretability.scoring import Score, costs_by_context, score
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.text.corpus import Corpus
from core.text.reference import ngram_sizes
from core.text.statistics import TextStatistics, statistics_of
from lab.session.state import loaded_model

LONGEST_NGRAM = 5
"""Of those that are counted as reference lines."""


def score_of(record: RunRecord, text: str) -> Score:
    """What each character of a text costs a run, at its best checkpoint.

    Raises PromptError for characters that it does not know, CheckpointError, CorpusError.
    """
    loaded = loaded_model(record)
    loaded.vocabulary.encode(text)
    return _score(f"{record.id} {loaded.step}", text, loaded)


@st.cache_data(show_spinner=False, max_entries=256)
def _score(key: str, text: str, _loaded: LoadedModel) -> Score:
    return score(_loaded.model, _loaded.vocabulary.encode(text))


def costs_in_context(
    record: RunRecord, text: str, places: tuple[int, ...]
) -> list[dict[int, float]]:
    """What characters of a text cost a run by how much it saw before them, in nats.

    At its best checkpoint; see `costs_by_context`. Raises as `score_of` does.
    """
    loaded = loaded_model(record)
    return _costs_in_context(f"{record.id} {loaded.step}", text, places, loaded)


@st.cache_data(show_spinner=False, max_entries=256)
def _costs_in_context(
    key: str, text: str, places: tuple[int, ...], _loaded: LoadedModel
) -> list[dict[int, float]]:
    return costs_by_context(_loaded.model, _loaded.vocabulary.encode(text), places)


def originality_in(corpus: Corpus, text: str) -> Originality:
    """What of a text stands in the training split, or in itself before. Measured once."""
    return _originality(corpus.fingerprint, text, corpus)


@st.cache_data(show_spinner=False, max_entries=64)
def _originality(fingerprint: str, text: str, _corpus: Corpus) -> Originality:
    return originality_of(text, _corpus)


def usual_originality_in(corpus: Corpus, length: int) -> UsualOriginality | None:
    """The same of pieces of the validation split of that length. Measured once."""
    return _usual_originality(corpus.fingerprint, length, corpus)


@st.cache_data(show_spinner=False, max_entries=64)
def _usual_originality(fingerprint: str, length: int, _corpus: Corpus) -> UsualOriginality | None:
    return usual_originality(_corpus, length)


def ngram_sizes_of(corpus: Corpus) -> dict[int, int]:
    """How many counts n-grams of 1 to 5 characters keep of a text. Counted once."""
    return _ngram_sizes(corpus.fingerprint, corpus)


@st.cache_data(show_spinner=False, max_entries=8)
def _ngram_sizes(fingerprint: str, _corpus: Corpus) -> dict[int, int]:
    return ngram_sizes(_corpus.train, len(_corpus.vocabulary), LONGEST_NGRAM)


def statistics_of_text(corpus: Corpus) -> TextStatistics:
    """Entropies, repeats and words of a text: a few seconds for a megabyte, once for each text."""
    return _statistics(corpus.fingerprint, corpus)


@st.cache_data(show_spinner=False, max_entries=8)
def _statistics(fingerprint: str, _corpus: Corpus) -> TextStatistics:
    return statistics_of(_corpus)
