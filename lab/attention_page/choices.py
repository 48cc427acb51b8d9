"""What the reader looks at: a head of a layer, the character that looks, and one that it looks at.

Widgets, the text and clicks on the maps choose the same things; this is where they meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.text.characters import sign_of
from lab.components.looking_text import place_in
from lab.figures.map_axes import Matrix
from lab.session.entry import Entry
from lab.session.looking import HEAD, LAYER
from lab.widgets.clicks import cell_clicked, event_of
from lab.widgets.switches import settled

MAX_BUTTONS = 8
"""With more layers or heads than this, a box to choose from takes the place of buttons."""

_PLACE: Entry[int | None] = Entry("attention_place", None)
_KEY: Entry[int | None] = Entry("attention_key", None)
_KEY_IS_OF: Entry[int | None] = Entry("attention_key_is_of", None)
"""For which character that looks the key was chosen: another one looks elsewhere."""
TEXT_KEY, ALL_HEADS, ONE_HEAD = (
    "attention_looking_text", "attention_all_heads", "attention_one_head",
)  # fmt: skip
"""The keys of what can be clicked."""
_HEAD_CLICKED: Entry[tuple[int, int] | None] = Entry("attention_head_clicked", None)
"""Layer and head, from 1, that were chosen further down on the page."""


@dataclass(frozen=True)
class Look:
    """One cell in the map of one head; all of it counts from 0."""

    layer: int
    head: int
    place: int
    """The character that looks: the row."""
    key: int
    """The character that is looked at: the column."""


@dataclass(frozen=True)
class Drawn:
    """What the text and the maps showed: to this belongs what the reader clicked."""

    n_layers: int
    n_heads: int
    n_characters: int
    first_mapped: int
    """The character, from 0, with which the large map begins."""


_DRAWN: Entry[Drawn | None] = Entry("attention_drawn", None)


def note_drawn(drawn: Drawn) -> None:
    _DRAWN.set(drawn)


def take_clicks() -> None:
    """Take over what was clicked, before anything is drawn with what was chosen before."""
    if head := _HEAD_CLICKED.take():
        _choose_head_of(*head)
    drawn = _DRAWN.get()
    if drawn is None:
        return
    if cell := cell_clicked(ALL_HEADS):
        layer, head_place = cell
        if 0 <= layer < drawn.n_layers and 0 <= head_place < drawn.n_heads:
            _choose_head_of(layer + 1, head_place + 1)
    place = place_in(drawn.n_characters, event_of(TEXT_KEY, "chosen"))
    if place is not None:
        _PLACE.set(place + 1)
    if cell := cell_clicked(ONE_HEAD):
        row, column = (each + drawn.first_mapped for each in cell)
        if 0 <= row < drawn.n_characters:
            _choose_cell(row, column)


def _choose_head_of(layer: int, head: int) -> None:
    LAYER.set(layer)
    HEAD.set(head)


def _choose_cell(place: int, key: int) -> None:
    """This cell of the large map; of a row alone where nobody can look."""
    _PLACE.set(place + 1)
    if 0 <= key <= place:
        _KEY.set(key + 1)
        _KEY_IS_OF.set(place + 1)


def choose_head(n_layers: int, n_heads: int) -> tuple[int, int]:
    """Let the reader choose a layer and a head by keyboard too; returns their places from 0."""
    return _choose("layer", n_layers, LAYER), _choose("head", n_heads, HEAD)


def _choose(label: str, n: int, held: Entry[int]) -> int:
    def option_text(number: int) -> str:
        return f"{label} {number}"

    options = list(range(1, n + 1))
    first = settled(held, options, 1, option_text)  # another run may have fewer
    if n == 1:
        return 0
    chosen: int | None
    if n <= MAX_BUTTONS:
        chosen = st.segmented_control(
            label, options, key=held.key, required=True, persist_state="session",
            label_visibility="collapsed", format_func=option_text,
        )  # fmt: skip
    else:
        chosen = st.selectbox(
            label, options, key=held.key, persist_state="session", width=130,
            label_visibility="collapsed", format_func=option_text,
        )  # fmt: skip
    return (chosen or first) - 1


def look_of(layer: int, head: int, weights: Matrix, text: str) -> Look:
    """Which cell holds, by what was chosen so far; before the sliders that show it are drawn.

    At first it is the last character; and of each, what it looks at most by this head (T, T).
    """
    places = list(range(1, len(text) + 1))
    place = settled(_PLACE, places, len(text), _labels(text))  # another text has other places
    if _KEY_IS_OF.get() != place:
        _KEY.clear()
        _KEY_IS_OF.set(place)
    most = int(weights[place - 1].argmax()) + 1
    key = settled(_KEY, places[:place], most, _labels(text))
    return Look(layer, head, place - 1, key - 1)


def place_slider(text: str) -> None:
    """Let the reader choose the character that looks; after `look_of`."""
    st.select_slider(
        "The character that looks", list(range(1, len(text) + 1)), key=_PLACE.key,
        format_func=_labels(text), label_visibility="collapsed",
    )  # fmt: skip


def key_slider(text: str, look: Look) -> None:
    """Let the reader choose the character that is looked at, up to the one that looks."""
    st.select_slider(
        "The character that is looked at", list(range(1, look.place + 2)), key=_KEY.key,
        format_func=_labels(text), persist_state="session",
    )  # fmt: skip


def _labels(text: str) -> Callable[[int], str]:
    return lambda place: f"{sign_of(text[place - 1])} ({place})"


def look_at_head(layer: int, head: int) -> None:
    """Run the page again with this head; both count from 1."""
    _HEAD_CLICKED.set((layer, head))
    st.rerun()
