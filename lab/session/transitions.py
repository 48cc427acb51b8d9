"""What the Bigram page measures, each once: the counts of a text, a run's way to them, averages.

Kept in memory, as in `measured`. Nothing here touches a run or draws a random number.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

from core.interpretability.averaged import AveragedTransitions, averaged_transitions
from core.interpretability.divergence import Divergence, divergence_of
from core.interpretability.orders import by_similarity
from core.interpretability.transitions import transition_probabilities
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus, most_frequent
from core.text.reference import add_one, bigram_loss, counts_after
from core.text.windows import sample_windows
from core.training.preflight import flops_per_token
from lab.session.measured import MEASURING_FLOPS
from lab.session.state import model_key, the_lab

MAX_SHOWN, SHOWN_OF_MANY = 100, 60
"""A table with more rows than the first number cannot be read; then so many of the most frequent
characters are shown as the second says, each with its label."""
MAX_WINDOWS = 512
RARE_SHARE = 0.01
"""A character is called rare where it is a smaller share of the training text."""


@dataclass(frozen=True, eq=False)
class CountedText:
    """What follows what in a training split, for the K characters that there is room for."""

    kept: Tensor
    """Their tokens, ascending: (K,)."""
    counts: Tensor
    """How often each character of the text follows each of them: (K, V), int64."""
    often: Tensor
    """How often each of them comes, (K,), int64."""
    by_similarity: Tensor
    """Their places when those that are followed by the same stand together, (K,)."""
    val_loss_nats: float
    """What the counts reach on the validation split."""
    rare_below: int
    """Characters that come fewer times are called rare."""


def counted_text(corpus: Corpus) -> CountedText:
    """The counts of a text, made once."""
    return _counted_text(corpus.fingerprint, corpus)


@st.cache_resource(show_spinner=False, max_entries=8)
def _counted_text(fingerprint: str, _corpus: Corpus) -> CountedText:
    train, vocabulary = _corpus.train, _corpus.vocabulary
    V = len(vocabulary)
    kept = torch.arange(V)
    if V > MAX_SHOWN:
        kept = vocabulary.encode("".join(most_frequent(_corpus, SHOWN_OF_MANY))).sort().values
    counts = counts_after(train, V, kept)
    return CountedText(
        kept, counts,
        often=torch.bincount(train, minlength=V)[kept],
        by_similarity=by_similarity(add_one(counts)),
        val_loss_nats=bigram_loss(train, _corpus.val, V),
        rare_below=max(1, round(RARE_SHARE * len(train))),
    )  # fmt: skip


def divergences_over_training(run: RunRecord, counted: CountedText) -> dict[int, Divergence]:
    """How far the guesses of a run after one character were from the counts, at each snapshot.

    By step, ascending; each snapshot is read once.
    """
    folder = SnapshotFolder(the_lab().home.run_folder(run.id))
    written_ns = {
        step: folder.path(step).stat().st_mtime_ns
        for step in folder.steps()
        if folder.path(step).exists()  # a live run thins them out
    }
    return {
        step: _divergence_at(run.id, step, at_ns, run.fingerprint, counted)
        for step, at_ns in written_ns.items()
    }


@st.cache_data(show_spinner=False, max_entries=500)
def _divergence_at(
    run_id: str, step: int, written_ns: int, fingerprint: str, _counted: CountedText
) -> Divergence:
    """`written_ns` tells apart what a run was at a step before and after it was resumed there."""
    loaded = the_lab().snapshot(the_lab().run(run_id), step)
    return divergence_from_counts(loaded, _counted)


def divergence_from_counts(loaded: LoadedModel, counted: CountedText) -> Divergence:
    """How far a model's guesses after one character are from the counts."""
    learned = transition_probabilities(loaded.model, counted.kept)
    return divergence_of(learned, counted.counts, counted.often, counted.rare_below)


def averaged_guesses(run: RunRecord, loaded: LoadedModel, corpus: Corpus) -> AveragedTransitions:
    """A run's guesses averaged over places of the training text, measured once a checkpoint.

    Of the training text, as the counts are of it. On up to MAX_WINDOWS windows that stand for all
    of it; fewer where a model is large.
    """
    return _averaged_guesses(model_key(run, loaded), loaded, corpus, counted_text(corpus))


@st.cache_resource(show_spinner=False, max_entries=16)
def _averaged_guesses(
    key: str, _loaded: LoadedModel, _corpus: Corpus, _counted: CountedText
) -> AveragedTransitions:
    config = _loaded.model.config
    per_window = max(1, flops_per_token(config) * config.block_size)
    n_windows = max(4, min(MAX_WINDOWS, MEASURING_FLOPS // (2 * per_window)))
    windows, _ = sample_windows(_corpus, config.block_size, n_windows)
    return averaged_transitions(_loaded.model, windows, _counted.kept)
