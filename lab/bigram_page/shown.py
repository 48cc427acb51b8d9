"""Whose guesses the page shows: the bigram table's, or another model's in one of two ways."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.errors import LabError
from core.interpretability.averaged import AveragedTransitions
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.text.corpus import Corpus
from lab.bigram_page.tables import Tables
from lab.session.bigram_choices import OTHER, SOURCE, Source
from lab.session.state import is_live, moment_of, the_lab
from lab.session.transitions import CountedText, averaged_guesses, counted_text
from lab.widgets.pickers import load_model, run_label
from lab.widgets.switches import settled
from lab.wording.plain import plain, plain_but_code


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """A model, its text where that is there, and the tables made of them."""

    source: Source
    loaded: LoadedModel
    run: RunRecord | None
    """None before there is any."""
    corpus: Corpus | None
    counted: CountedText | None
    tables: Tables
    averaged: AveragedTransitions | None = None


def shown_table(loaded: LoadedModel, corpus: Corpus | None, run: RunRecord | None) -> Shown:
    """What a model guesses after one character with nothing before it: a bigram table's all."""
    counted = counted_text(corpus) if corpus else None
    source: Source = "table" if loaded.model.config.model == "bigram" else "alone"
    return Shown(
        source=source, loaded=loaded, run=run, corpus=corpus, counted=counted,
        tables=Tables.of(loaded, counted),
    )  # fmt: skip


def other_runs() -> list[RunRecord]:
    """The runs of models that see more than one character, the newest first."""
    runs = [run for run in the_lab().runs() if run.model != "bigram"]
    return sorted(runs, key=lambda run: run.sweep is not None)  # stable: those of sweeps last


def other_on_the_screen() -> RunRecord | None:
    """The other model's run, where its guesses are what the page shows; before it is picked."""
    if SOURCE.get() == "table":
        return None
    runs = other_runs()
    return next((run for run in runs if run.id == OTHER.get()), runs[0] if runs else None)


def pick_other(runs: list[RunRecord]) -> RunRecord:
    """Let the reader choose the other model's run, at first the newest; the page's stays."""
    by_id = {run.id: run for run in runs}

    def option_text(run_id: str) -> str:
        return run_label(by_id[run_id])

    chosen = settled(OTHER, list(by_id), runs[0].id, option_text)
    held: str | None = st.selectbox(
        "Other model", list(by_id), key=OTHER.key, format_func=option_text,
        persist_state="session", help="A run of attention or of a transformer, at the step that "
        "is chosen above. The run above stays the page's.",
    )  # fmt: skip
    return by_id[held or chosen]


def render_no_other() -> None:
    """There is no other model yet: what would stand here, and the way to it."""
    st.info(
        "There is no run of attention or of a transformer yet. Once there is one, this shows what "
        "it makes of the bigram table: its guesses after one character alone, and averaged over "
        "all that may stand before."
    )
    if st.button("Train another model", key="bigram_train_other"):
        st.switch_page("app_pages/train.py")


def shown_other(run: RunRecord, source: Source) -> Shown | None:
    """The other model's guesses; None, with a word, where they cannot be had now."""
    try:
        loaded = load_model(run, moment_of(run))
    except LabError as error:
        st.warning(f"There is no model to look at. {plain_but_code(str(error))}")
        return None
    try:
        corpus = the_lab().corpus_of(run)
    except LabError as error:
        st.warning(f"Nothing can be counted for comparison. {plain_but_code(str(error))}")
        corpus = None
    alone = shown_table(loaded, corpus, run)
    if source == "alone":
        return alone
    return _averaged(alone, run)


def _averaged(alone: Shown, run: RunRecord) -> Shown | None:
    if alone.corpus is None or alone.counted is None:
        st.info("Without its text there are no contexts to average over.")
        return None
    if is_live(run):
        st.info(
            f"The guesses of {plain(run.name)} are averaged when it has stopped training: the "
            "measurement would hold it up."
        )
        return None
    with st.spinner("Averaging its guesses over the validation text …"):
        averaged = averaged_guesses(run, alone.loaded, alone.corpus)
    return Shown(
        source="averaged", loaded=alone.loaded, run=run, corpus=alone.corpus,
        counted=alone.counted, averaged=averaged,
        tables=Tables.of(alone.loaded, alone.counted, averaged.probabilities),
    )  # fmt: skip
