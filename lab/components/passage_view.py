"""One passage under several models: a row of characters for each, on the colour of its surprise.

Owns: getting the numbers of all rows into the browser. The script file beside this one breaks the
rows where the page ends, so that the same character stands in one column of all of them, and says
the numbers of the column that is pointed at or reached by the arrow keys.

Must not know: where the numbers come from. The text travels as data and is shown as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from core.text.characters import is_wide, name_of, sign_of
from lab.figures.palette import Palette

TOP_BITS: Final = 8.0
"""What costs more, 1 chance in 256 and less, has no colour."""
TOP_DIFFERENCE_BITS: Final = 6.0

_CSS: Final = """
.passage { font-family: var(--st-font); font-size: 0.8125rem; color: var(--st-gray-text-color); }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1.25rem; }
.scale { display: inline-flex; align-items: center; gap: 0.375rem; }
.bar {
  width: 7rem; height: 0.75rem; border: 1px solid var(--st-border-color); border-radius: 2px;
}
.readout { min-height: 2.6rem; margin: 0.375rem 0; color: var(--st-text-color); }
.readout span { margin-right: 1.25rem; white-space: nowrap; display: inline-block; }
.blocks { outline: none; }
.blocks:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 3px; }
.block { margin-bottom: 0.75rem; }
.row { display: flex; align-items: center; line-height: 1.5; }
.name {
  flex: none; width: 9rem; padding-right: 0.5rem; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; font-weight: 600;
}
.cells { font-family: var(--st-code-font); font-size: 0.9375rem; white-space: pre; }
.cell {
  display: inline-block; width: var(--cell); vertical-align: top; text-align: center;
  color: var(--st-text-color);
  border-bottom: 2px solid transparent; box-sizing: border-box; overflow: hidden;
}
.unread { color: var(--st-gray-text-color); }
.right { border-bottom-color: currentColor; }
.pointed {
  position: relative; outline: 2px solid var(--st-text-color);
  box-shadow: inset 0 0 0 1px var(--st-background-color);
}
.spoken {
  position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%);
}
"""

_PASSAGE_VIEW = st.components.v2.component(
    "lab_passage_view", css=_CSS, js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


@dataclass(frozen=True, kw_only=True)
class PassageRow:
    """What one model makes of a passage, from its second character on."""

    name: str
    color: str
    """Of the name."""
    bits: Sequence[float]
    guesses: str
    """The character that it thought likeliest at each place."""
    guess_probabilities: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class DifferenceRow:
    """How many bits more one model needs than another, from the second character on."""

    name: str
    """Such as "A less B"."""
    above: str
    """What a positive number means, in a few words; and a negative one."""
    below: str
    bits: Sequence[float]


def passage_view(
    passage: str,
    rows: Sequence[PassageRow],
    difference: DifferenceRow | None,
    palette: Palette,
    *,
    key: str,
    alt: str,
) -> None:
    """Show what each model makes of a passage; `alt` says it for screen readers."""
    _PASSAGE_VIEW(
        key=key,
        data={
            "signs": [sign_of(character) for character in passage],
            "names": [name_of(character) for character in passage],
            "is_wide": any(map(is_wide, passage)),
            "rows": [_row(row) for row in rows],
            "difference": _difference(difference) if difference else None,
            "scale": palette.with_ink(palette.surprise_scale),
            "difference_scale": palette.with_ink(palette.difference_scale),
            "top_bits": TOP_BITS,
            "top_difference": TOP_DIFFERENCE_BITS,
            "alt": alt,
        },
    )


def _row(row: PassageRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "color": row.color,
        "bits": [round(bits, 2) for bits in row.bits],
        "guesses": [sign_of(character) for character in row.guesses],
        "probabilities": [round(p, 3) for p in row.guess_probabilities],
    }


def _difference(row: DifferenceRow) -> dict[str, Any]:
    bits = [round(bits, 2) for bits in row.bits]
    return {"name": row.name, "above": row.above, "below": row.below, "bits": bits}
