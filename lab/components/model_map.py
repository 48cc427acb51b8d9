"""A model as a map: its parts as buttons, each with a small picture of its own numbers.

Owns: getting the parts into the browser, and which of them was pressed. Small pictures travel as a
byte for each cell, and are drawn by the script file beside this one; `map_picture.js` saves the map
as a picture, and its parts as a table.

Must not know: what the parts are.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from lab.components.triggers import nothing
from lab.figures.palette import Palette

MAX_ROWS, MAX_COLUMNS = 48, 96
"""Cells of a small picture; of more, some are left out at equal distances."""
ENDS_PX, ROW_PX, STREAM_PX = 48, 56, 170
"""The two lines of text, a row of parts without its small pictures, and what the upright words of
the stream take, however few layers stand beside them."""
_CSS: Final = """
.map {
  position: relative;
  display: flex;
  flex-direction: column;
  gap: 6px;
  font-family: var(--st-font);
  font-size: 0.8125rem;
  color: var(--st-gray-text-color);
}
.row { display: flex; gap: 6px; align-items: stretch; }
.save { position: absolute; top: 0; right: 0; display: flex; gap: 4px; opacity: 0; }
.map:is(:hover, :focus-within) .save { opacity: 1; }
.save button {
  padding: 0 6px;
  font: 0.75rem/1.25rem var(--st-font);
  color: var(--st-gray-text-color);
  background: var(--st-background-color);
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius);
  cursor: pointer;
}
.save button:is(:hover, :focus-visible) { color: var(--st-text-color); }
.text {
  margin: 0;
  font-family: var(--st-code-font);
  color: var(--st-text-color);
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.way { text-align: center; line-height: 0.8; }
.part {
  flex: 1;
  min-width: 0;
  padding: 4px 8px;
  text-align: left;
  font: inherit;
  color: var(--st-gray-text-color);
  background: var(--st-background-color);
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius);
  cursor: pointer;
}
.part:enabled:hover { border-color: var(--run-color); }
.part[aria-pressed=true] {
  border-color: var(--run-color);
  box-shadow: inset 0 0 0 1px var(--run-color);
}
.part:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.part:disabled { cursor: default; }
.title { display: block; color: var(--st-text-color); font-weight: 600; }
.title, .detail { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.detail { display: block; font-size: 0.75rem; }
.part canvas {
  display: block;
  width: 100%;
  height: var(--picture-px);
  margin-top: 3px;
  image-rendering: pixelated;
}
.body { display: flex; gap: 10px; }
.stream {
  flex: 0 0 54px;
  padding: 4px;
  border-left: 5px solid var(--run-color);
  writing-mode: vertical-rl;
  text-align: center;
}
.layers { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 6px; }
"""

_SCRIPTS: Final = ("saving.js", "csv.js", "map_picture.js", "model_map.js")
_MODEL_MAP = st.components.v2.component(
    "lab_model_map", css=_CSS,
    js="\n".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _SCRIPTS),
)  # fmt: skip
Kind = Literal["signed", "share"]


@dataclass(frozen=True, eq=False)
class SmallPicture:
    """Numbers (rows, columns): signed ones around 0, or shares from 0 to 1."""

    values: NDArray[np.float32]
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class MapPart:
    """One part, as it is to be shown."""

    key: str
    title: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class ModelMap:
    """What a map shows, from top to bottom."""

    text: str
    """What goes in, and at the bottom `guess`, what comes out."""
    guess: str
    ways_in: Sequence[MapPart]
    stream: MapPart | None
    layers: Sequence[Sequence[MapPart]]
    ways_out: Sequence[MapPart]
    pictures: Mapping[str, SmallPicture]
    """By the keys of parts."""
    chosen: str
    is_pressable: bool = True
    """Whether a press on a part leads anywhere."""


def model_map(
    shown: ModelMap, color: str, palette: Palette, *, key: str, picture_px: int
) -> str | None:
    """Draw it; the key of the part that was pressed since the last run, if one was.

    `picture_px` is the height of each small picture; 0 leaves them out. What is saved from it is
    called after `key`.
    """
    result = _MODEL_MAP(
        key=key, data=_data(shown, color, palette, picture_px) | {"name": key},
        height=_height_px(shown, picture_px), on_pressed_change=nothing,
    )  # fmt: skip
    known = {part.key for part in _parts(shown)}
    return result.pressed if isinstance(result.pressed, str) and result.pressed in known else None


def _height_px(shown: ModelMap, picture_px: int) -> int:
    row_px = ROW_PX + (picture_px + 3 if picture_px else 0)
    layers_px = len(shown.layers) * row_px
    if shown.stream:
        layers_px = max(layers_px, STREAM_PX)
    return ENDS_PX + (1 + len(shown.ways_out)) * row_px + layers_px


def _parts(shown: ModelMap) -> list[MapPart]:
    stream = [shown.stream] if shown.stream else []
    return [*shown.ways_in, *stream, *(p for row in shown.layers for p in row), *shown.ways_out]


def _data(shown: ModelMap, color: str, palette: Palette, picture_px: int) -> dict[str, Any]:
    def rows(parts: Sequence[MapPart]) -> list[dict[str, str]]:
        return [dict(key=p.key, title=p.title, detail=p.detail) for p in parts]

    pictures = shown.pictures if picture_px else {}
    return {
        "text": shown.text,
        "guess": shown.guess,
        "ways_in": rows(shown.ways_in),
        "stream": rows([shown.stream])[0] if shown.stream else None,
        "layers": [rows(layer) for layer in shown.layers],
        "ways_out": rows(shown.ways_out),
        "pictures": {name: _packed(picture) for name, picture in pictures.items()},
        "scales": {
            "signed": [color for _, color in palette.difference_scale],
            "share": [color for _, color in palette.probability_scale],
        },
        "chosen": shown.chosen,
        "is_pressable": shown.is_pressable,
        "color": color,
        "picture_px": picture_px,
    }


def _packed(picture: SmallPicture) -> dict[str, Any]:
    """A byte for each cell: 0 to 255 over the scale, signed numbers with 0 in its middle."""
    values = thinned(picture.values)
    if picture.kind == "share":
        places = np.sqrt(np.clip(np.nan_to_num(values), 0, 1))
    else:
        # By the largest but for a few, or one number far out would make the rest look like nothing.
        largest = float(np.quantile(np.abs(values), 0.98)) if values.size else 0.0
        places = 0.5 + np.clip(values / (2 * largest or 1.0), -0.5, 0.5)
    packed = np.round(255 * places).astype(np.uint8).tobytes()
    return {
        "kind": picture.kind,
        "columns": values.shape[1],
        "cells": base64.b64encode(packed).decode("ascii"),
    }


def thinned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most `MAX_ROWS` x `MAX_COLUMNS` of a table's numbers, at equal distances."""
    rows, columns = values.shape
    kept_rows = np.linspace(0, rows - 1, min(rows, MAX_ROWS)).round().astype(int)
    kept_columns = np.linspace(0, columns - 1, min(columns, MAX_COLUMNS)).round().astype(int)
    kept: NDArray[np.float32] = values[np.ix_(kept_rows, kept_columns)]
    return kept
