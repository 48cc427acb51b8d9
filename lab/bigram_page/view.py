"""The page below the choice of its run: whose table, seen how, in which order; one row of it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.interpretability.transitions import transition_loss
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.text.characters import in_quotes, quoted_character
from core.text.corpus import Corpus
from lab.bigram_page.address import write_address
from lab.bigram_page.learning import render_learning
from lab.bigram_page.sentences import (
    SOURCE_WORDS,
    SWITCHES_HELP,
    alone_sentence,
    averaged_sentence,
    empty_rows_sentence,
    meaning_of,
    row_beside_counts_sentence,
    row_sentence,
)
from lab.bigram_page.shown import (
    Shown,
    other_runs,
    pick_other,
    render_no_other,
    shown_other,
    shown_table,
)
from lab.bigram_page.tables import Tables
from lab.components.live_plot import live_plot
from lab.figures.map_axes import Matrix, percent
from lab.figures.said import likeliest_said
from lab.figures.transitions import (
    difference_figure,
    logits_figure,
    successors_figure,
    transitions_figure,
)
from lab.session.bigram_choices import (
    CHARACTER,
    ORDER,
    SOURCE,
    SOURCES,
    TABLE_VIEWS,
    VIEW,
    TableView,
)
from lab.session.entry import Entry
from lab.session.state import palette
from lab.widgets.switches import settled, switch
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain, quoted
from lab.wording.transitions import stray_text

TABLE_PX, TABLE_HEIGHT_PX, ROW_PX, BARS_PX = 800, 600, 420, 230
FIRST_CHARACTER = "t"
ON_THE_PICTURE = "logits, softmax, entropy, nats, bits"
"""Words of the field that stand there or in a hover, to be explained beside it."""

_CLICKED: Entry[str | None] = Entry("bigram_clicked", None)


def take_click() -> None:
    """A click arrives after the box that it changes was drawn, so it is taken over here."""
    if clicked := _CLICKED.take():
        CHARACTER.set(clicked)


def render_tables(loaded: LoadedModel, corpus: Corpus | None, run: RunRecord | None) -> None:
    """All of the page that shows tables: of this model, or of another that the reader picks.

    `corpus` is None where the text is gone, `run` before there is any.
    """
    switches = st.container(horizontal=True, gap="medium", vertical_alignment="center")
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=TABLE_PX, gap="xsmall")
        right = st.container(width=ROW_PX, gap="small")
    with switches:
        source = switch(
            "Whose guesses", SOURCES, held=SOURCE, labelled=False,
            format_func=SOURCE_WORDS.__getitem__,
        )  # fmt: skip
    other: RunRecord | None = None
    shown: Shown | None = None
    with right:
        if source == "table":
            shown = shown_table(loaded, corpus, run)
        elif runs := other_runs():
            other = pick_other(runs)
            shown = shown_other(other, source)
        else:
            render_no_other()
    if shown:
        with switches:
            view, tables = _choose_view(shown.tables)
        with right:
            _render_numbers(shown, view)
            row = _choose_row(shown.tables, tables)
            _render_row(tables, row)
        with left:
            _render_table(shown, tables, view, row)
        render_learning(shown, tables)
    else:
        with left:
            _render_no_table()
    write_address(other)


# --- how it is seen -------------------------------------------------------------------------------


def _choose_view(tables: Tables) -> tuple[TableView, Tables]:
    """What is shown of the tables, and they in their order."""
    there: dict[TableView, bool] = {
        "learned": True,
        "logits": tables.logits is not None,
        "counted": tables.counted is not None,
        "difference": tables.counted is not None,
    }
    views = [view for view in TABLE_VIEWS if there[view]]
    view = switch("Table", views, held=VIEW, labelled=False)
    order = switch("Order", tables.orders, held=ORDER, labelled=False)
    # Without labels the switches take one line, but a question mark stands only beside words.
    st.caption("What is what", help=SWITCHES_HELP, width="content")
    return view, tables.in_order(order)


def _render_table(shown: Shown, tables: Tables, view: TableView, row: int) -> None:
    click = live_plot(
        _table_figure(tables, view, row),
        key="bigram_table",
        alt=f"Table of what follows what, {view}, {SOURCE_WORDS[shown.source]}: one row for each "
        f"character that is there, one column for each that may follow. {_surest_said(tables)}",
        height_px=TABLE_HEIGHT_PX,
        clickable=True,
    )
    if click and isinstance(click.y, int | float):
        clicked = round(click.y)
        if 0 <= clicked < len(tables.characters) and clicked != row:
            _CLICKED.set(tables.characters[clicked])
            st.rerun()


def _render_no_table() -> None:
    """A frame of the same size where the table will be, so that nothing jumps."""
    live_plot(
        transitions_figure(np.zeros((0, 0), np.float32), "", "learned", None, palette()),
        key="bigram_no_table", alt="There is no table to show yet", height_px=TABLE_HEIGHT_PX,
    )  # fmt: skip


def _table_figure(tables: Tables, view: TableView, row: int) -> go.Figure:
    colors, characters, entropies = palette(), tables.characters, tables.entropies
    learned = tables.square(tables.learned)
    if view == "logits" and tables.logits is not None:
        logits = tables.square(tables.logits)
        return logits_figure(logits, characters, row, colors, entropies)
    if view == "learned" or tables.counted is None:
        return transitions_figure(learned, characters, "learned", row, colors, entropies)
    counted = tables.square(tables.counted)
    if view == "counted":
        return transitions_figure(counted, characters, "counted", row, colors, entropies)
    return difference_figure(learned, counted, characters, row, colors, entropies)


# --- what the numbers say -------------------------------------------------------------------------


def _render_numbers(shown: Shown, view: TableView) -> None:
    """What is seen, and how far it is from the counts, in a few sentences."""
    is_other = shown.source != "table" and shown.counted is not None
    # What another model's probabilities are, the sentence about them says.
    meaning = "" if is_other and view == "learned" else meaning_of(view, shown.source)
    if n := shown.tables.n_left_out:
        meaning += (
            f" Shown are the {len(shown.tables.characters)} most frequent characters; {n:,} rarer "
            "ones are left out."
        )
    if meaning:
        st.caption(meaning, help=explained(meaning, ON_THE_PICTURE))
    if shown.counted is None:
        return
    if not is_other:
        _render_losses(shown)
        return
    sentence = _other_sentence(shown)
    st.markdown(sentence, help=explained(sentence, ON_THE_PICTURE))
    if shown.averaged is not None:
        empty = shown.averaged.n_places == 0
        share = float(shown.counted.often[empty].sum() / shown.counted.often.sum().clamp_min(1))
        if about_empty := empty_rows_sentence(int(empty.sum()), share):
            st.caption(about_empty)


def _other_sentence(shown: Shown) -> str:
    """What the other model's table says about that model."""
    assert shown.run and shown.counted
    name, divergence_nats = plain(shown.run.name), shown.tables.divergence_nats or 0.0
    if shown.averaged is None:
        return alone_sentence(name, divergence_nats)
    assert shown.tables.counted is not None
    counted_loss_nats = shown.averaged.loss_of(shown.tables.counted)
    return averaged_sentence(name, divergence_nats, shown.averaged, counted_loss_nats)


def _render_losses(shown: Shown) -> None:
    """The bigram table's loss beside that of the counts, and where the two differ most."""
    tables, counted = shown.tables, shown.counted
    assert counted and tables.counted is not None and shown.corpus
    learned, expected = tables.square(tables.learned), tables.square(tables.counted)
    difference = abs(learned - expected)
    first, then = divmod(int(difference.argmax()), len(tables.characters))
    loss_nats = transition_loss(shown.loaded.model, shown.corpus.val)
    after, comes = (quoted(tables.characters[i]) for i in (first, then))
    losses = (
        f"Loss on the validation text: **{words.loss(loss_nats)}** nats per character, the counts "
        f"**{words.loss(counted.val_loss_nats)}**. The two tables differ by "
        f"{100 * difference.mean():.2f} percentage points on average, most where {comes} follows "
        f"{after}: learned {percent(float(learned[first, then]))}, counted "
        f"{percent(float(expected[first, then]))}."
    )
    st.markdown(losses, help=explained(losses))
    row = counted.counts[first]
    often, times = (words.count(int(n)) for n in (row[tables.kept[then]], row.sum()))
    stray = "The table has not begun to learn."
    if shown.loaded.step:
        stray = stray_text(
            float(learned[first, then]), float(expected[first, then]), len(tables.vocabulary)
        )
    st.caption(
        f"Something follows {after} {times} times in the training text, {comes} {often} times; "
        f"one is added to each of its {len(tables.vocabulary)} counts. {stray}"
    )


# --- one row --------------------------------------------------------------------------------------


def _choose_row(tables: Tables, in_order: Tables) -> int:
    """Let the reader choose a character by keyboard too; returns its place in the order shown."""
    characters = tables.characters
    first = FIRST_CHARACTER if FIRST_CHARACTER in characters else characters[0]
    settled(CHARACTER, list(characters), first, quoted_character)  # another may not have it
    chosen: str = st.selectbox(
        "What follows the character", list(characters), key=CHARACTER.key,
        persist_state="session", format_func=quoted_character,
        help="Or click its row in the table.",
    )  # fmt: skip
    return in_order.characters.index(chosen)


def _row_said(character: str, learned: Matrix, counted: Matrix | None, characters: str) -> str:
    """What is likeliest to follow a character, by the model and by the counts."""
    beside = f"; counted: {likeliest_said(counted, characters)}" if counted is not None else ""
    return f"After {in_quotes(character)}, learned: {likeliest_said(learned, characters)}{beside}"


def _surest_said(tables: Tables) -> str:
    """After which character the model is least uncertain, and of what."""
    nats = np.nan_to_num(tables.entropies.learned_nats, nan=np.inf)
    row = int(nats.argmin())
    shares, character = tables.square(tables.learned)[row], in_quotes(tables.characters[row])
    return (
        f"The model is surest after {character}, with {nats[row]:.2f} nats of uncertainty: "
        f"{likeliest_said(shares, tables.characters)}"
    )


def _render_row(tables: Tables, row: int) -> None:
    learned = tables.square(tables.learned)[row]
    counted = None if tables.counted is None else tables.square(tables.counted)[row]
    live_plot(
        successors_figure(learned, counted, tables.characters, palette(), tables.kind),
        key="bigram_row",
        alt=_row_said(tables.characters[row], learned, counted, tables.characters),
        height_px=BARS_PX,
    )
    entropies = tables.entropies
    sentence = row_sentence(tables.characters[row], float(entropies.learned_nats[row]))
    if entropies.counted_nats is not None and tables.often is not None:
        sentence = row_beside_counts_sentence(
            tables.characters[row], int(tables.often[row]), float(entropies.learned_nats[row]),
            float(entropies.counted_nats[row]), tables.row_divergence_nats(row),
        )  # fmt: skip
    st.caption(sentence, help=explained(sentence))
