"""What the numbers of a figure are called when they are downloaded as CSV.

Most figures need nothing of this: `lab/components/csv.js` calls columns after the titles of the
axes, and takes labels from their ticks. What it cannot know stands in Plotly's `meta`, which draws
nothing. In the layout's, for an axis, what `axis_columns` makes. In a trace's, all optional:

* `series`: what its rows are called, where that is not its name;
* `columns`: names for what stands in the columns of its `customdata`; `text`: for its `text`;
* `rows=False`: it has no numbers of its own, it only answers the pointer or paints;
* of a heat map, `value`: what its numbers are; and `undo`: how to get from z back to them, so that
  they need not be sent twice: `square` and `signed square` of roots, `doublings` of logarithms to
  base 2, and `even share` of those of shares times what one row may see, the first of them `first`
  characters.
* `tiles`: that it is a map of maps (`lab.figures.heatmaps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from lab.figures.map_axes import sign

Undo = Literal["square", "signed square", "doublings", "even share"]


def axis_columns(
    name: str | None,
    labels: Sequence[str | float] = (),
    place: str | None = None,
    first: int = 1,
) -> dict[str, Any]:
    """The columns of one axis, for `layout.meta`.

    Args:
        name: of its column; None leaves it out, where `customdata` says it better.
        labels: what stands there for the places 0, 1, 2, …, escaped as Plotly wants its labels;
            none: the numbers themselves.
        place: of a second column, with the places, where labels may be the same.
        first: the first of these places.
    """
    said: dict[str, Any] = {"name": name}
    if labels:
        said["labels"] = list(labels)
    if place:
        said |= {"place": place, "first": first}
    return said


def text_columns(name: str, text: str, first: int = 1) -> dict[str, Any]:
    """The columns of an axis with one place for each character of a text, by their signs."""
    return axis_columns(name, [sign(c) for c in text], f"{name} place", first)
