"""Which run: the choice that several pages begin with, and what follows from it.

The model of a run at the moment that the reader has moved to, and texts for it to read.
"""

from __future__ import annotations

import streamlit as st

from core.errors import CheckpointError, CorpusError, LabError
from core.models import build_model
from core.records.records import RunRecord
from core.runs.lab import LoadedModel, Moment
from core.settings.config import ModelKind
from core.text.corpus import Corpus, example_line
from lab.session.entry import Entry, only_fragments_run
from lab.session.state import choose_run, chosen_run, loaded_model, the_lab
from lab.widgets.scrubber import take_address
from lab.widgets.switches import settled
from lab.wording import words
from lab.wording.plain import plain, plain_but_code

OPENING, PROMPT_LENGTH = "ROMEO:\n", 24
PICKER_PX = 640
"""Room for a label of `run_label`, where something stands beside the box."""

_ADDRESS_READ: Entry[bool] = Entry("address_run_read", False)


def pick_addressed_run(
    runs: list[RunRecord], *, key: str, usual: RunRecord | None = None
) -> RunRecord | None:
    """As `pick_run`, on a page whose address names its run: `?run=NAME&step=NUMBER`.

    The address is taken at its word once in a session; from then on it says what is shown.
    """
    is_first = not _ADDRESS_READ.get()
    trouble = _choose_addressed(runs)
    run = pick_run(runs, key=key, usual=usual)
    if run and is_first and not trouble:
        trouble = take_address(run)
    if trouble:
        st.warning(trouble)
    if run and st.query_params.get("run") != run.name:
        st.query_params["run"] = run.name
    return run


def _choose_addressed(runs: list[RunRecord]) -> str:
    """Look at the run that the address names; or why that cannot be, in a sentence."""
    name = None if _ADDRESS_READ.get() else st.query_params.get("run")
    _ADDRESS_READ.set(True)
    if not name:
        return ""
    try:
        run = the_lab().run(name)
    except LabError as error:
        return f"Left out of the address: {plain_but_code(str(error))}"
    if run.id not in {each.id for each in runs}:
        return f"This page cannot show {plain(run.name)}: it is a {run.model} model."
    choose_run(run.id)
    return ""


def pick_run(
    runs: list[RunRecord],
    *,
    key: str,
    label: str = "Run",
    collapsed: bool = False,
    usual: RunRecord | None = None,
) -> RunRecord | None:
    """Let the reader choose one of `runs` (the newest first); None when there are none.

    The choice is the session's, so it stays from page to page. Where the session's run is not among
    `runs`, `usual` is shown, else a live one, else the newest; where all are of sweeps, none until
    one is chosen.
    """
    if not runs:
        return None
    chosen = chosen_run(runs, usual)
    by_id = {run.id: run for run in runs}
    # The session's choice is the one truth: the box shows it, and a change goes through it.

    def option_text(run_id: str | None) -> str:
        return run_label(by_id[run_id]) if run_id else ""

    shown = chosen.id if chosen else None
    held: Entry[str | None] = Entry(key, None)
    if held.get() != shown:
        held.set(shown)
    settled(held, [*by_id, None], shown, option_text)
    st.selectbox(
        label, list(by_id), key=key, format_func=option_text,
        index=0 if chosen else None, placeholder="Choose a run of a sweep", on_change=_take_over,
        args=(held, shown), label_visibility="collapsed" if collapsed else "visible",
    )  # fmt: skip
    return chosen


def run_label(run: RunRecord) -> str:
    """A run in one line: enough to tell it from others, and nothing that changes while it trains.

    A browser knows a choice by its label, so a label that changed at every step could not be
    picked. The loss is that of the best checkpoint over the whole validation text.
    """
    shape = run.config.model
    heads = f" · {shape.n_layer} × {shape.n_head} heads" if shape.n_head else ""
    size = f"block size {shape.block_size}{heads}"
    who = f"{run.name} · {run.model}{_loss_part(run)}"
    return f"{who} · {size} · {run.corpus} · {words.date(run.created_at)}"


def short_run_label(run: RunRecord) -> str:
    """As `run_label` where the text stands beside it and many labels share a line."""
    return f"{run.name} · {run.model}{_loss_part(run)} · {words.date(run.created_at)}"


def _loss_part(run: RunRecord) -> str:
    if run.status != "finished" or run.comparable_loss_nats is None:
        return ""
    at = f" at step {words.count(run.best_step)}" if run.best_step < run.step else ""
    return f" · {words.loss(run.comparable_loss_nats)} nats{at}"


def load_model(run: RunRecord, moment: Moment = "best") -> LoadedModel:
    """The model of a run, also while newer files of it replace older ones.

    Raises CheckpointError, CorpusError as `Lab.model_at` does.
    """
    try:
        return loaded_model(run, moment)
    except CheckpointError:  # deleted between looking for it and reading it: there is another one
        return loaded_model(the_lab().run(run.id), moment)


def untrained_model(kind: ModelKind, corpus: Corpus) -> LoadedModel:
    """A quick model of this kind before its first step: something to look at before any run."""
    config = the_lab().configure(kind, corpus, "quick")
    model = build_model(config.model, config.train.seed).eval()
    return LoadedModel(model, corpus.vocabulary, 0, "untrained, step 0")


def example_text(run: RunRecord | None, loaded: LoadedModel, at_most: int) -> str:
    """A line of the text that a run learned from, for its model to read.

    Without a run, of the lab's default text; where the text is gone, some of its characters.
    """
    corpus = _text_of(run)
    if corpus is None:
        return loaded.vocabulary.characters[:at_most]
    return example_line(corpus, min(at_most, loaded.model.config.block_size))


def opening_for(run: RunRecord | None) -> str:
    """A prompt that fits the text of a run: where Romeo speaks in it he does, else a line of it."""
    corpus = _text_of(run)
    if corpus is None:
        return ""
    return OPENING if OPENING in corpus.text else example_line(corpus, PROMPT_LENGTH)


def _text_of(run: RunRecord | None) -> Corpus | None:
    try:
        return the_lab().corpus_of(run) if run else the_lab().library.load()
    except CorpusError:
        return None


def suggest(key: str, example: str) -> None:
    """Put an example into the box under `key`, until the reader has typed something else there."""
    held: Entry[str | None] = Entry(key, None)
    suggested: Entry[str | None] = Entry(f"{key}_suggested", None)
    if held.get() in (None, suggested.get()):
        held.set(example)
    suggested.set(example)


def _take_over(box: Entry[str | None], shown: str | None) -> None:
    """The reader changed a box: the run in it is the session's from now on."""
    if only_fragments_run():  # the browser has not yet heard which run is shown
        box.set(shown)
    elif run_id := box.get():
        choose_run(run_id)
