"""Bigram: the learned table of what follows what, beside the same table counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch

from core.errors import CorpusError
from core.interpretability.transitions import transition_loss, transition_probabilities
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.text.characters import quoted_character
from core.text.corpus import Corpus, most_frequent
from core.text.reference import bigram_loss, transitions_among
from lab.components.live_plot import live_plot
from lab.figures.base import compact
from lab.figures.map_axes import Matrix, percent
from lab.figures.transitions import difference_figure, successors_figure, transitions_figure
from lab.session.entry import Entry
from lab.session.state import choose_run, palette, the_lab, the_service
from lab.widgets.page_head import page_head
from lab.widgets.pickers import (
    PICKER_PX,
    load_model,
    pick_addressed_run,
    untrained_model,
)
from lab.widgets.scrubber import scrub
from lab.widgets.switches import settled
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain, plain_but_code, quoted
from lab.wording.transitions import stray_text

INTRODUCTION = (
    "The bigram model is one table: for each character, how likely each other is to follow. The "
    "best it can become can simply be **counted**, so here one sees learning arrive at what "
    "counting knows."
)
View = Literal["learned", "counted", "difference"]
MEANINGS: dict[View, str] = {
    "learned": "What the model expects to follow each character: softmax over each row of its "
    "table.",
    "counted": "What follows each character in the training text, with one added to every count. "
    "No training is needed for it.",
    "difference": "Above 0 the model expects it more often than the text has it, below 0 less "
    "often. Where the table is blank, the two agree.",
}
MAX_SHOWN, SHOWN_OF_MANY = 100, 60
"""A table with more rows than the first number cannot be read; then so many of the most frequent
characters are shown as the second says, each with its label."""
TABLE_PX, TABLE_HEIGHT_PX, ROW_PX = 740, 610, 500
FIRST_CHARACTER = "t"

_VIEW: Entry[View | None] = Entry("bigram_view", None)
_CHARACTER: Entry[str | None] = Entry("bigram_character", None)
_CLICKED: Entry[str | None] = Entry("bigram_clicked", None)


@dataclass(frozen=True, eq=False)
class Tables:
    """What the page shows of V characters: the learned table and, if the text is there, the counts.

    The losses are in nats per character on the validation split.
    """

    characters: str
    n_left_out: int
    """Rare characters for which there is no room."""
    learned: Matrix
    learned_loss_nats: float | None = None
    counted: Matrix | None = None
    counted_loss_nats: float | None = None
    occurrences: Matrix | None = None
    """How often something follows each character in the training split, (V,)."""

    @classmethod
    def of(cls, loaded: LoadedModel, corpus: Corpus | None) -> Tables:
        every, V = loaded.vocabulary.characters, len(loaded.vocabulary)
        kept = torch.arange(V)
        if V > MAX_SHOWN:
            shown = most_frequent(corpus, SHOWN_OF_MANY) if corpus else every[:SHOWN_OF_MANY]
            kept = loaded.vocabulary.encode("".join(shown)).sort().values
        characters = loaded.vocabulary.decode(kept)
        learned = compact(transition_probabilities(loaded.model, kept))
        if corpus is None:
            return cls(characters, V - len(kept), learned)
        counted, occurrences = transitions_among(corpus.train, V, kept)
        return cls(
            characters, V - len(kept), learned, transition_loss(loaded.model, corpus.val),
            compact(counted), bigram_loss(corpus.train, corpus.val, V), compact(occurrences),
        )  # fmt: skip


def main() -> None:
    # A click arrives after the box that it changes was drawn, so it is taken over here.
    if clicked := _CLICKED.take():
        _CHARACTER.set(clicked)
    page_head("What follows what", INTRODUCTION)
    runs = [run for run in the_lab().runs() if run.model == "bigram"]
    if runs:
        loaded, corpus = _render_choice(runs)
    else:
        loaded, corpus = _render_offer()
    tables = Tables.of(loaded, corpus)
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=TABLE_PX, gap="xsmall")
        right = st.container(width=ROW_PX, gap="small")
    with right:
        _render_numbers(tables)
        row = _choose_row(tables.characters)
        _render_row(tables, row)
    with left:
        _render_table(tables, row)


# --- the model and the text -----------------------------------------------------------------------


def _render_choice(runs: list[RunRecord]) -> tuple[LoadedModel, Corpus | None]:
    """Let the reader pick a run and a checkpoint; its text may be gone, which is then said."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=PICKER_PX):
            run = pick_addressed_run(runs, key="bigram_run")
        if run is None:
            return _render_offer()
        with st.container(gap=None):
            loaded = load_model(run, scrub(run))
    try:
        return loaded, the_lab().corpus_of(run)
    except CorpusError as error:
        st.warning(f"Nothing can be counted for comparison. {plain_but_code(str(error))}")
        return loaded, None


def _render_offer() -> tuple[LoadedModel, Corpus]:
    """Before any run: an untrained table, the counts, and one button."""
    corpus = the_lab().library.load()
    loaded = untrained_model("bigram", corpus)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        if st.button(
            "Train a bigram table", type="primary", key="bigram_train", icon=":material/play_arrow:"
        ):
            config = the_lab().configure("bigram", corpus, "quick")
            choose_run(the_service().start(config, corpus))
            _VIEW.set("learned")
            st.rerun()
        st.caption(
            f"It takes a few seconds. Until then *learned* is a table with random numbers, "
            f"**{loaded.origin}**, and *counted* comes from the corpus {plain(corpus.name)}."
        )
    _VIEW.begin("counted")  # the one that has something to show
    return loaded, corpus


# --- the tables -----------------------------------------------------------------------------------


def _render_table(tables: Tables, row: int) -> None:
    views: list[View] = ["learned"] if tables.counted is None else list(get_args(View))
    settled(_VIEW, views, views[0])
    left_out = (
        f" Shown are the {len(tables.characters)} most frequent characters; "
        f"{tables.n_left_out:,} rarer ones are left out."
    )
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        view: View = (
            st.segmented_control(
                "Table", views, key=_VIEW.key, required=True, persist_state="session",
                label_visibility="collapsed",
            )
            or views[0]
        )  # fmt: skip
        meaning = MEANINGS[view] + left_out * bool(tables.n_left_out)
        st.caption(meaning, help=explained(meaning))
    click = live_plot(
        _table_figure(tables, view, row),
        key="bigram_table",
        alt=f"Table of what follows what, {view}: one row for each character that is there, one "
        "column for each that may follow; the row of the chosen character is also drawn as bars",
        height_px=TABLE_HEIGHT_PX,
        clickable=True,
    )
    if click and isinstance(click.y, int | float):
        clicked = round(click.y)
        if 0 <= clicked < len(tables.characters) and clicked != row:
            _CLICKED.set(tables.characters[clicked])
            st.rerun()


def _table_figure(tables: Tables, view: View, row: int) -> go.Figure:
    if view == "learned" or tables.counted is None:
        return transitions_figure(tables.learned, tables.characters, "learned", row, palette())
    if view == "counted":
        return transitions_figure(tables.counted, tables.characters, "counted", row, palette())
    return difference_figure(tables.learned, tables.counted, tables.characters, row, palette())


def _render_numbers(tables: Tables) -> None:
    """How far the learned table is from the counted one, in a sentence or two."""
    if tables.counted is None or tables.occurrences is None:
        return
    difference = np.abs(tables.learned - tables.counted)
    first, then = np.unravel_index(np.argmax(difference), difference.shape)
    losses = (
        f"On the validation text the table has a loss of **{words.loss(tables.learned_loss_nats)}**"
        f" nats per character, the counts have **{words.loss(tables.counted_loss_nats)}**. "
        f"The two tables differ by {100 * difference.mean():.2f} percentage points on average, and "
        f"most where "
        f"{quoted(tables.characters[then])} follows {quoted(tables.characters[first])}: learned "
        f"{percent(float(tables.learned[first, then]))}, counted "
        f"{percent(float(tables.counted[first, then]))}."
    )
    st.markdown(losses, help=explained(losses))
    times = words.count(tables.occurrences[first])
    st.caption(
        f"Something follows {quoted(tables.characters[first])} {times} times in the training text. "
        + stray_text(
            float(tables.learned[first, then]), float(tables.counted[first, then]),
            len(tables.characters) + tables.n_left_out,
        )
    )  # fmt: skip


def _choose_row(characters: str) -> int:
    """Let the reader choose a character by keyboard too; returns its place."""
    first = FIRST_CHARACTER if FIRST_CHARACTER in characters else characters[0]
    settled(_CHARACTER, list(characters), first, quoted_character)  # another may not have it
    chosen: str = st.selectbox(
        "What follows the character", list(characters), key=_CHARACTER.key, persist_state="session",
        format_func=quoted_character, help="Or click its row in the table.",
    )  # fmt: skip
    return characters.index(chosen)


def _render_row(tables: Tables, row: int) -> None:
    counted = None if tables.counted is None else tables.counted[row]
    live_plot(
        successors_figure(tables.learned[row], counted, tables.characters, palette()),
        key="bigram_row",
        alt="The likeliest successors of the chosen character, learned beside counted",
        height_px=300,
    )
    if tables.occurrences is not None:
        st.caption(
            f"{quoted(tables.characters[row])} comes {words.count(tables.occurrences[row])} times "
            "in the training text. Sorted by what was counted."
        )


main()
