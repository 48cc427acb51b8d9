"""The text and the maps: where all heads of a layer look, every head at once, one of them large."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.interpretability.attention import attention_weights
from core.interpretability.habits import HeadHabits
from core.runs.lab import LoadedModel
from lab.attention_page.choices import (
    ALL_HEADS,
    ONE_HEAD,
    TEXT_KEY,
    Drawn,
    Look,
    choose_head,
    look_of,
    note_drawn,
    place_slider,
)
from lab.attention_page.head_words import (
    HABIT_RULES,
    cell_sentence,
    corner_label,
    habit_sentence,
    heads_sentence,
    hover_text,
    look_sentence,
)
from lab.components.live_plot import live_plot
from lab.components.looking_text import LookingText, looking_text
from lab.figures.heatmaps import (
    SCALES,
    Scale,
    head_figure,
    heads_figure,
    heads_height_px,
    looks_figure,
    thinning,
)
from lab.figures.map_axes import Matrix
from lab.session.state import palette
from lab.wording.plain import unmarked

MAX_SAID = 16
"""So many heads are named to those who cannot see the map."""
MAX_MAPPED = 128
"""More characters than this cannot be told apart in a map."""
ALL_HEADS_PX, ONE_HEAD_PX, ONE_HEAD_HEIGHT_PX = 500, 700, 636

SCALE_WORDS: dict[Scale, str] = {"even": "against even spreading", "share": "share of the weight"}


def render_maps(loaded: LoadedModel, text: str, habits: list[HeadHabits]) -> Look:
    """Draw them all; returns the cell that they show as chosen."""
    numbers: Matrix = attention_weights(loaded.model, loaded.vocabulary, text).numpy()
    L, H = numbers.shape[:2]
    kind = loaded.model.config.model
    with st.container(horizontal=True, vertical_alignment="center"):
        layer, head = choose_head(L, H)
        scale = _choose_scale()
    look = look_of(layer, head, numbers[layer, head], text)
    note_drawn(Drawn(L, H, len(text), first_mapped(len(text), look.place)))
    _render_text(numbers[layer], text, look)
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=ALL_HEADS_PX, gap="xsmall")
        right = st.container(width=ONE_HEAD_PX, gap="xsmall")
    with left:
        _render_all_heads(numbers, look, kind, habits, scale)
        st.caption(
            f"**The character that looks.** "
            f"{look_sentence(numbers[layer, head, look.place], text, look.place)}",
            help="Choose it in the text above, with the slider, or by its row in the large map.",
        )
        place_slider(text)
        _render_row(numbers[layer, head], numbers.mean(axis=(0, 1)), text, look.place, kind)
    with right:
        _render_habit(look, habits[layer * H + head] if habits else None)
        _render_one_head(numbers[layer, head], text, look, kind, scale)
    return look


def _choose_scale() -> Scale:
    return st.segmented_control(
        "Colours", SCALES, key="attention_scale", format_func=SCALE_WORDS.__getitem__,
        default="even", required=True, label_visibility="collapsed",
        help="Against even spreading: what does a head do that one would not that has learned "
        "nothing?",
    ) or "even"  # fmt: skip


def _render_text(weights: Matrix, text: str, look: Look) -> None:
    """The text itself, with a lane under it for every head of a layer (H, T, T)."""
    shown = LookingText(
        text=text, weights=weights, layer=look.layer + 1, head=look.head, place=look.place
    )
    looking_text(shown, palette(), key=TEXT_KEY)


def _render_all_heads(
    weights: Matrix, look: Look, kind: str, habits: list[HeadHabits], scale: Scale
) -> None:
    L, H = weights.shape[:2]
    chosen = look.layer, look.head
    labels, hovers = _describe(L, H, habits)
    live_plot(
        heads_figure(weights, labels, hovers, chosen, kind, palette(), scale),
        key=ALL_HEADS,
        alt=f"Attention of {L} × {H} heads on this text. {_heads_said(labels)}",
        height_px=heads_height_px(L, H, ALL_HEADS_PX),
        clickable=True,
    )  # fmt: skip
    k = thinning(weights.shape)
    thinned = f" Only the strongest of each {k} × {k} cells is drawn here." * (k > 1)
    st.caption(
        (f"{heads_sentence(habits)} " if habits else "")
        + "Row: the character that looks. Column: what it looks at. Click a head to see it large."
        + thinned
    )


def _describe(L: int, H: int, habits: list[HeadHabits]) -> tuple[list[list[str]], list[list[str]]]:
    """For each layer and head: the label in its corner, and what hovering says."""
    if not habits:
        nothing = [[""] * H for _ in range(L)]
        return nothing, nothing
    rows = [habits[layer * H : (layer + 1) * H] for layer in range(L)]
    labels = [[corner_label(head) if H <= 6 else "" for head in row] for row in rows]
    return labels, [[hover_text(head) for head in row] for row in rows]


def _heads_said(labels: Sequence[Sequence[str]]) -> str:
    """The names of the heads, layer by layer; of many, nobody would hear the end."""
    named = [
        f"{layer}.{head} {label.replace('<br>', ' ')}"
        for layer, row in enumerate(labels, 1)
        for head, label in enumerate(row, 1)
        if label
    ][:MAX_SAID]
    return f"Heads: {', '.join(named)}." if named else ""


def _render_habit(look: Look, head: HeadHabits | None) -> None:
    """What one head does on many places of the validation text, in numbers."""
    if head is None:
        st.caption("The text of this run is gone, so what its heads do cannot be measured.")
    else:
        which = f"Head {look.layer + 1}.{look.head + 1} · "
        st.caption(which + habit_sentence(head), help=HABIT_RULES)


def _render_one_head(weights: Matrix, text: str, look: Look, kind: str, scale: Scale) -> None:
    """The map of a head (T, T), or of a long text as much of it as can be read."""
    start = first_mapped(len(text), look.place)
    part = slice(start, start + MAX_MAPPED)
    chosen = look.place - start, look.key - start
    live_plot(
        head_figure(
            weights[part, part], text[part], chosen, kind, palette(), scale, start + 1
        ),
        key=ONE_HEAD,
        alt="Where the chosen head looks. "
        + unmarked(look_sentence(weights[look.place], text, look.place)),
        height_px=ONE_HEAD_HEIGHT_PX,
        clickable=True,
    )  # fmt: skip
    rest = (
        f" The map has room for {MAX_MAPPED} of the {len(text)} characters: here are "
        f"{start + 1} to {start + MAX_MAPPED}."
    ) * (len(text) > MAX_MAPPED)
    weight = float(weights[look.place, look.key])
    st.caption(f"**The framed cell.** {cell_sentence(weight, text, look.place, look.key)}{rest}")


def first_mapped(n_characters: int, place: int) -> int:
    """Where the map of a long text begins: near its end, where `place` is not far before that.

    All of them count from 0. It moves by half a map, so that it seldom does.
    """
    start = max(0, n_characters - MAX_MAPPED)
    while start and place < start + MAX_MAPPED // 2:
        start = max(0, start - MAX_MAPPED // 2)
    return start


def _render_row(head: Matrix, mean: Matrix, text: str, place: int, kind: str) -> None:
    """One row of a head (T, T) beside that of the mean over all heads (T, T)."""
    live_plot(
        looks_figure(head[place], mean[place], text, kind, palette()),
        key="attention_row",
        alt=unmarked(look_sentence(head[place], text, place)),
        height_px=164,
    )
