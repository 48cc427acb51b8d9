"""Where labels and dots go so that none lies on another. Plain geometry, in pixels.

A plot is as wide as its page, which is not known here: what keeps its distance in the narrow plot
that is reckoned with keeps it in every wider one, where places move apart and labels do not grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

PLOT_PX = (420.0, 220.0)
"""Width and height of the plot that is reckoned with."""
CHARACTER_PX = 6.2
"""As wide as a character of a label is, at the most, on average."""
GAP_PX = 22.0
"""Between two labels: room, too, for the number of those that joined the first."""


@dataclass
class Placed:
    """A label above the plot: its row, its side of the place it belongs to, and whose it is."""

    of: list[int]
    """Indices of the things that it names; the first is the one it stands at."""
    row: int
    left_px: float
    right_px: float
    ends_here: bool
    """It stands before its place and ends there, as what would else run out of the plot."""


def in_rows(places_px: Sequence[float], labels: Sequence[str], n_rows: int) -> list[Placed]:
    """Labels in as many rows as they need, at most `n_rows`; one that fits nowhere joins another.

    Args:
        places_px: from the left, in rising order.
    """
    placed: list[Placed] = []
    for i, (x, label) in enumerate(zip(places_px, labels, strict=True)):
        width = CHARACTER_PX * len(label)
        ends_here = x + width > PLOT_PX[0] and x > width
        left, right = (x - width, x) if ends_here else (x, x + width)
        taken = {p.row for p in placed
                 if p.left_px < right + GAP_PX and left < p.right_px + GAP_PX}  # fmt: skip
        free = [row for row in range(n_rows) if row not in taken]
        if free:
            placed.append(Placed([i], free[0], left, right, ends_here))
        else:
            placed[-1].of.append(i)
    return placed


def together(
    centres_px: NDArray[np.float64], counts: Sequence[int], widths_px: Sequence[float]
) -> list[list[int]]:
    """Which of N dots must be one, since they would lie on each other.

    Args:
        centres_px: (N, 2).
        counts: how many things each dot stands for.
        widths_px: how wide a dot is that stands for 1, 2, … things; the last for all above.
    """
    groups = [[i] for i in range(len(centres_px))]

    def width_of(group: list[int]) -> float:
        return widths_px[min(sum(counts[i] for i in group), len(widths_px)) - 1]

    def touch(one: list[int], other: list[int]) -> bool:
        apart = float(np.hypot(*(centres_px[one[0]] - centres_px[other[0]])))
        return apart < (width_of(one) + width_of(other)) / 2

    while pair := next(
        ((a, b) for i, a in enumerate(groups) for b in groups[i + 1 :] if touch(a, b)), None
    ):
        first, second = pair
        first += second
        groups.remove(second)
    return groups


def pixels(
    figure: go.Figure, x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Where values lie in the plot that is reckoned with: (N, 2), from its left and its top."""
    along = PLOT_PX[0] * _shares(figure.layout.xaxis, _all(figure, "x"), x)
    down = PLOT_PX[1] * (1 - _shares(figure.layout.yaxis, _all(figure, "y"), y))
    return np.stack([along, down], axis=1)


def _all(figure: go.Figure, side: str) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(trace[side], dtype=np.float64) for trace in figure.data])


def _shares(
    axis: go.layout.XAxis, drawn: NDArray[np.float64], values: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How far along an axis values lie, from 0 to 1; an axis without a range fits what is drawn."""

    def placed(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log10(np.maximum(numbers, 1e-12)) if axis.type == "log" else numbers

    if axis.range:
        low, high = map(float, axis.range)  # of a log axis, exponents
    else:
        # Steps are drawn from 0 on.
        ends = placed(drawn[np.isfinite(drawn)])
        low, high = (float(ends.min()), float(ends.max())) if len(ends) else (0.0, 1.0)
        low = min(low, 0.0) if axis.rangemode == "tozero" and axis.type != "log" else low
    share: NDArray[np.float64] = (placed(values.astype(np.float64)) - low) / ((high - low) or 1.0)
    return share
