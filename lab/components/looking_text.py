"""A text whose characters show where they look, and from where they are looked at.

Under each character there is a lane for every head, in the head's colour and always at the same
height. Of the character that is held or pointed at, the filled lanes to its left say how much it
takes from each character, and the framed ones to its right how much later characters take from it:
nobody looks ahead, so the two never meet.

Owns: getting the weights of the heads of one layer into the browser, and the chosen character back.
The drawing, and what is said about it, are in the script files beside this one. The text travels as
data and is shown as it is; nothing in it is read as Markdown or HTML.

Must not know: the model, or what else shows the same weights.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st

from core.text.characters import in_quotes, name_of, sign_of
from lab.components.triggers import nothing
from lab.figures.map_axes import Matrix
from lab.figures.palette import Palette

SHARE_STEPS: Final = 65_535
"""A weight travels as one of so many steps from 0 to 1: finer than any share that is said."""


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


_LOOKING_TEXT = st.components.v2.component(
    "lab_looking_text",
    css=_file("looking_text.css"),
    js=_file("looking_weights.js") + _file("looking_text.js"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class LookingText:
    """A text, and how the heads of one layer look at it."""

    text: str
    weights: Matrix
    """(H, T, T): row t says how much character t takes from each up to itself."""
    layer: int
    """Counts from 1."""
    head: int
    """The head that the page shows large, from 0."""
    place: int
    """The character that the page has chosen, from 0."""


def looking_text(shown: LookingText, palette: Palette, *, key: str) -> None:
    """Show the text. A choice is the event `chosen`, which runs the page: see `place_in`."""
    _LOOKING_TEXT(key=key, data=_data(shown, palette), on_chosen_change=nothing)


def place_in(n_characters: int, chosen: object) -> int | None:
    """The place, from 0, that a browser says was chosen in a text, if it can be one."""
    if isinstance(chosen, int) and not isinstance(chosen, bool) and 0 <= chosen < n_characters:
        return chosen
    return None


def _data(shown: LookingText, palette: Palette) -> dict[str, Any]:
    n_heads = len(shown.weights)
    colors = [palette.heads[head % len(palette.heads)] for head in range(n_heads)]
    return {
        "characters": list(shown.text),
        "signs": {character: sign_of(character) for character in shown.text},
        "said": {character: in_quotes(character) for character in shown.text},
        "spoken": {character: spoken(character) for character in shown.text},
        "weights": packed(shown.weights),
        "steps": SHARE_STEPS,
        "most": shown.weights.argmax(axis=-1).tolist(),
        "n_heads": n_heads,
        "colors": colors,
        "layer": shown.layer,
        "head": shown.head,
        "place": shown.place,
    }


def packed(weights: Matrix) -> str:
    """The lower triangles of (H, T, T), row by row, two bytes a weight, low byte first; base64."""
    rows, columns = np.tril_indices(weights.shape[-1])
    steps = np.rint(weights[:, rows, columns] * SHARE_STEPS)
    return b64encode(steps.astype("<u2").tobytes()).decode("ascii")


def spoken(character: str) -> str:
    """A character as a screen reader should say it: itself, or its name where it is no letter."""
    return character if character.isalnum() else name_of(character).partition(" ")[2]
