"""What maps over characters have in common: labels, axes, a frame round a row, bars of colour.

Characters come from texts that anybody may have typed, and Plotly reads a little HTML, so every one
of them goes through `sign` or `named`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.findings import meaning
from core.text.characters import is_wide, quoted_character, sign_of
from lab.figures.palette import Palette

Matrix = NDArray[np.float32]

MAX_LABELS, MAX_WIDE_LABELS = 72, 60
"""More characters than this cannot be read along one axis; then only every second (third) is.
The second number is for text with characters that take two places."""
MAX_IN_ONE_ROW = 34
"""With more labels than this, every second one steps back."""
Side = Literal["left", "top", "bottom"]
NBSP = "\N{NO-BREAK SPACE}"


def sign(character: str) -> str:
    """A character as a label: one can see it, and it is never read as HTML."""
    return escape(sign_of(character), quote=False)


def named(character: str) -> str:
    """A character for a hover text, in quotes and, where it is no plain letter, with its name."""
    return escape(quoted_character(character), quote=False)


def percent(share: float) -> str:
    """A share as people say it, on one line."""
    return meaning.percent(share).replace(" %", f"{NBSP}%")


# --- axes and bars of colour ----------------------------------------------------------------------


def character_axis(text: str, side: Side | None = None) -> dict[str, Any]:
    """An axis with one place for each character; the same character may come again.

    Where many labels stand close, every second one steps back from the map: away from `side`,
    where the axis stands. Then each has room for two.
    """
    wide = any(map(is_wide, text))
    every = -(-len(text) // (MAX_WIDE_LABELS if wide else MAX_LABELS)) or 1
    places = list(range(0, len(text), every))
    labels = [sign(text[i]) for i in places]
    if side and len(places) > MAX_IN_ONE_ROW:
        labels = [_stepped_back(label, side) if i % 2 else _near(label, side)
                  for i, label in enumerate(labels)]  # fmt: skip
    return dict(
        tickmode="array", tickvals=places, ticktext=labels, tickangle=0,
        tickfont=dict(family="monospace", size=13 if len(text) <= MAX_IN_ONE_ROW else 12), ticks="",
        range=[-0.5, len(text) - 0.5], showgrid=False, zeroline=False,
    )  # fmt: skip


def _stepped_back(label: str, side: Side) -> str:
    return {"left": f"{label}{NBSP * 2}", "top": f"{label}<br>{NBSP}",
            "bottom": f"{NBSP}<br>{label}"}[side]  # fmt: skip


def _near(label: str, side: Side) -> str:
    return {"left": label, "top": f"{NBSP}<br>{label}", "bottom": f"{label}<br>{NBSP}"}[side]


def row_frame(row: int, n_columns: int, palette: Palette) -> dict[str, Any]:
    """A frame round the first cells of one row."""
    return dict(
        type="rect", x0=-0.5, x1=n_columns - 0.5, y0=row - 0.5, y1=row + 0.5,
        line=dict(color=palette.text, width=1.5),
    )  # fmt: skip


def root_scale_bar(title: str, ticks: Sequence[float], side: str = "right") -> dict[str, Any]:
    """A colour bar for square roots, labelled with the shares themselves (or differences).

    `side` is where its title goes: right of an upright bar, on top of one that lies.
    """
    return dict(
        title=dict(text=title, side=side, font=dict(size=12)), thickness=12, outlinewidth=0,
        tickfont=dict(size=11), tickangle=0, ticklabeloverflow="allow",
        tickvals=[float(np.copysign(np.sqrt(abs(tick)), tick)) for tick in ticks],
        ticktext=[meaning.with_minus(f"{tick * 100:g} %") for tick in ticks],
    )  # fmt: skip
