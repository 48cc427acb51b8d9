"""What was measured to be looked at, kept in memory, so that nothing is measured twice.

Of models: what attention and each head are worth, which habits heads have, how the loss falls with
context, what they write. Of texts: their words, and what counting reaches.
"""

from __future__ import annotations

import streamlit as st

from core.generation.sampling import write_sample
from core.generation.spelling import WrittenWords, Yardstick, written_words_of, yardstick_of
from core.interpretability.attention import AttentionWorth, attention_worth
from core.interpretability.context import counted_by_context, loss_by_context
from core.interpretability.examples import Example, where_it_mattered
from core.interpretability.habits import (
    HeadHabits,
    HeadWorth,
    head_habits,
    heads_worth,
    windows_to_look_at,
)
from core.interpretability.parts import Part
from core.models import build_model
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.settings.config import RunConfig
from core.text.corpus import Corpus
from core.training.evaluation import loss_given_the_past, windows_loss
from core.training.preflight import flops_per_token
from lab.session.state import loaded_model, the_lab, written_at_ns

MEASURING_FLOPS = 120_000_000_000
"""What the worth of attention may cost, as work of training on so much text: a few seconds."""


@st.cache_data(show_spinner=False, max_entries=8)
def _yardstick(name: str, fingerprint: str) -> Yardstick | None:
    """What words a text has; `fingerprint` is there to tell texts of one name apart."""
    return yardstick_of(the_lab().library.load_exactly(name, fingerprint))


def yardstick_in(corpus: Corpus) -> Yardstick | None:
    """What words a text has; None for one that is not written in words. Counted once."""
    return _yardstick(corpus.name, corpus.fingerprint)


@st.cache_data(show_spinner="Writing a longer text …", max_entries=200)
def written_words(run_id: str, step: int, loss_nats: float) -> WrittenWords | None:
    """How much of a longer text is words, written by the snapshot of a step.

    None where the corpus is not written in words. `loss_nats` tells apart what a run was at the
    step before and after it was resumed another way. Raises CheckpointError where there is no such
    snapshot, CorpusError where the text is gone.
    """
    run = the_lab().run(run_id)
    yardstick = _yardstick(run.corpus, run.fingerprint)
    if yardstick is None:
        return None
    return written_words_of(
        the_lab().snapshot(run, step).model, the_lab().corpus_of(run), yardstick
    )


@st.cache_data(show_spinner=False, max_entries=16)
def untrained_sample(config: RunConfig, corpus_name: str, prompt: str = "") -> str:
    """What a model of these settings writes before it has learned anything."""
    corpus = the_lab().library.load(corpus_name)
    model = build_model(config.model, config.train.seed).eval()
    return write_sample(model, corpus.vocabulary, config.train, prompt)


@st.cache_data(show_spinner=False, max_entries=64)
def worth_of_attention(key: str, _loaded: LoadedModel, _corpus: Corpus) -> AttentionWorth:
    """What attention does for a model; takes a few seconds, once for each `key`.

    Of the validation text a large model reads only the beginning.
    """
    n_read = max(MEASURING_FLOPS // flops_per_token(_loaded.model.config), 1_000)
    return attention_worth(_loaded.model, _corpus.val[:n_read])


@st.cache_data(show_spinner=False, max_entries=64)
def habits_of_heads(key: str, _loaded: LoadedModel, _corpus: Corpus) -> list[HeadHabits]:
    """What the heads of a model have a habit of, by layer and head; measured once for each `key`.

    On windows of the validation text: fewer where a model is large, so that a page waits for less
    than a second.
    """
    windows = windows_to_look_at(_loaded.model, _corpus)
    return head_habits(_loaded.model, _loaded.vocabulary, windows[:, :-1])


def habits_at_step(run_id: str, step: int) -> list[HeadHabits]:
    """As `habits_of_heads`, of a run's snapshot; measured once for each.

    Raises CheckpointError where there is no such snapshot, CorpusError where the text is gone.
    """
    return _habits_at_step(run_id, step, written_at_ns(run_id, step))


@st.cache_data(show_spinner=False, max_entries=512)
def _habits_at_step(run_id: str, step: int, written_at_ns: int) -> list[HeadHabits]:
    run = the_lab().run(run_id)
    loaded = the_lab().snapshot(run, step)
    windows = windows_to_look_at(loaded.model, the_lab().corpus_of(run))
    return head_habits(loaded.model, loaded.vocabulary, windows[:, :-1])


@st.cache_data(show_spinner=False, max_entries=64)
def worth_of_heads(key: str, _loaded: LoadedModel, _corpus: Corpus) -> list[HeadWorth]:
    """What losing each head would cost, the costliest first; measured once for each `key`."""
    return heads_worth(_loaded.model, windows_to_look_at(_loaded.model, _corpus))


@st.cache_data(show_spinner=False, max_entries=256)
def examples_for(
    key: str, _loaded: LoadedModel, _corpus: Corpus, _part: Part, n: int
) -> list[Example]:
    """The guesses that a part was for; measured once for each `key`, of model and part."""
    windows = windows_to_look_at(_loaded.model, _corpus)
    return where_it_mattered(_loaded.model, _loaded.vocabulary, windows, _part, n)


def past_alone(record: RunRecord, corpus: Corpus) -> tuple[float, float, int]:
    """A run's losses on the same guesses: whole windows read at once, and the past alone; how many.

    In nats per character, at its best checkpoint, on some windows of the validation text.
    """
    loaded = loaded_model(record)
    return _past_alone(f"{record.id} {loaded.step}", loaded, corpus)


@st.cache_data(show_spinner=False, max_entries=16)
def _past_alone(key: str, _loaded: LoadedModel, _corpus: Corpus) -> tuple[float, float, int]:
    windows = windows_to_look_at(_loaded.model, _corpus)
    n_guesses = windows[:, 1:].numel()
    return (
        windows_loss(_loaded.model, windows), loss_given_the_past(_loaded.model, windows),
        n_guesses,
    )  # fmt: skip


def losses_by_context(record: RunRecord) -> list[float]:
    """A run's mean loss in nats with 1, 2, … characters of context, at its best checkpoint.

    Of the validation text a large model reads only the beginning. Raises CorpusError.
    """
    loaded, corpus = loaded_model(record), the_lab().corpus_of(record)
    return _losses_by_context(f"{record.id} {loaded.step}", loaded, corpus)


@st.cache_data(show_spinner=False, max_entries=64)
def _losses_by_context(key: str, _loaded: LoadedModel, _corpus: Corpus) -> list[float]:
    # Forwards alone are a third of a step, and here all of a small model's text is worth the wait.
    per_token = max(1, flops_per_token(_loaded.model.config))  # a table computes none
    n_read = max(12 * MEASURING_FLOPS // per_token, 10_000)
    return loss_by_context(_loaded.model, _corpus.val[:n_read]).tolist()


@st.cache_data(show_spinner=False, max_entries=8)
def _counted_by_context(fingerprint: str, _corpus: Corpus) -> list[float]:
    return counted_by_context(_corpus)


def counted_context_of(record: RunRecord) -> list[float]:
    """What counted n-grams reach with 1, 2, … characters on the text of a run."""
    return _counted_by_context(record.fingerprint, the_lab().corpus_of(record))
