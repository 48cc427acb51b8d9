"""The arithmetic of one cell, step by step: the formula, its real numbers, the lines of code."""

from __future__ import annotations

import streamlit as st

from core.errors import ConfigError
from core.interpretability.head_arithmetic import Cell, CellArithmetic, cell_arithmetic
from core.interpretability.source_lines import lines_of
from core.runs.lab import LoadedModel
from lab.attention_page.cell_words import Step, character_at, code_text, steps
from lab.attention_page.choices import Look, key_slider
from lab.components.live_plot import live_plot
from lab.figures.cell_arithmetic import scores_figure, vectors_figure, vectors_height_px
from lab.session.state import palette
from lab.wording.glossary import explained
from lab.wording.plain import plain, unmarked

WORDS_PX, PICTURE_PX, SCORES_PX = 440, 740, 260


def render_cell(loaded: LoadedModel, text: str, look: Look) -> None:
    """A fold with the arithmetic of the framed cell; nothing is computed before it is opened."""
    fold = st.expander(
        "The arithmetic of the framed cell", key="attention_cell", on_change="rerun",
        icon=":material/calculate:",
    )  # fmt: skip
    if not fold.open:
        return
    cell = Cell(look.layer + 1, look.head + 1, look.place + 1, look.key + 1)
    try:
        found = cell_arithmetic(loaded.model, loaded.vocabulary, text, cell)
    except ConfigError as error:  # a model of the ladder may lack what there is to work out
        fold.info(plain(str(error)))
        return
    with fold:
        _render_choice(text, look, cell)
        for step in steps(found, text, loaded.model.config):
            _render_step(step, found, text, loaded)


def _render_choice(text: str, look: Look, cell: Cell) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(width=WORDS_PX):
            st.caption(
                f"**Head {cell.layer}.{cell.head}: {character_at(text, cell.query_place)} looks at "
                f"{character_at(text, cell.key_place)}.** Click another cell of the large map, or "
                "choose here what is looked at.",
                help=explained("query", "key", "softmax"),
            )
        if look.place:  # the first character has no choice
            with st.container(width=PICTURE_PX):
                key_slider(text, look)


def _render_step(step: Step, found: CellArithmetic, text: str, loaded: LoadedModel) -> None:
    """Words on the left, numbers and code on the right."""
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=WORDS_PX, gap="xsmall"):
            st.markdown(f"**{step.title}**")
            st.latex(step.formula)
            st.caption(step.sentence)
        with st.container(width=PICTURE_PX, gap="xsmall"):
            _render_numbers(step, found, text, loaded.model.config.model)
            code = [lines for name in step.computed_in for lines in lines_of(name, loaded.model)]
            st.code(code_text(code), language="python")


def _render_numbers(step: Step, found: CellArithmetic, text: str, kind: str) -> None:
    key, alt = f"attention_cell_{step.name}", f"{step.title}. {unmarked(step.sentence)}"
    if step.vectors:
        live_plot(
            vectors_figure(step.vectors, kind, palette()), key=key, alt=alt,
            height_px=vectors_height_px(len(step.vectors)),
        )  # fmt: skip
        return
    cell = found.cell.query_place - 1, found.cell.key_place - 1
    live_plot(
        scores_figure(
            found.scores.numpy(), found.weights.numpy(), text, cell, kind, palette()
        ),
        key=key, alt=alt, height_px=SCORES_PX,
    )  # fmt: skip
