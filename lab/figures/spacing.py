"""Where labels and dots go so that none lies on another. Plain geometry, in pixels.

A plot is as wide as its page, which is not known here: what keeps its distance in the narrow plot
that is reckoned with keeps it in every wider one, where places move apart and labels do not grow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

PLOT_PX = (420.0, 220.0)
"""Width and height of the plot that is reckoned with."""
CHARACTER_PX = 5.2
"""As wide as a character of a label in 11 px is on average, in a wide font."""
LABEL_PX, DOT_PX = 13.0, 7.0
"""How high a label is, and how far a numbered dot reaches from its middle."""
MAX_DOTS = 20_000
"""So many dots stand for a line at most, however far it leaves the chart."""
ROWS_AWAY = 6
"""A label may stand so many rows away from where it belongs."""
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


def spread_apart(places_px: Sequence[float], least_px: float) -> list[float]:
    """Places in rising order, moved as little as can be so that neighbours are `least_px` apart.

    Least in squares: what is left once each has given up its own room must rise, and those that
    would fall are pooled (Ayer et al. 1955, https://doi.org/10.1214/aoms/1177728423).
    """
    pools: list[tuple[float, int]] = []  # mean and number of those that lie together
    for i, place in enumerate(places_px):
        mean, n = place - i * least_px, 1
        while pools and pools[-1][0] > mean:
            before, n_before = pools.pop()
            mean, n = (before * n_before + mean * n) / (n_before + n), n_before + n
        pools.append((mean, n))
    rising = [mean for mean, n in pools for _ in range(n)]
    return [mean + i * least_px for i, mean in enumerate(rising)]


@dataclass(frozen=True, slots=True)
class Side:
    """Where a label stands at a point: left or right of it, above or below, and how far away."""

    is_left: bool
    is_above: bool
    away_px: float

    def corner(self, point_px: NDArray[np.float64], label: str) -> NDArray[np.float64]:
        """The upper left end (2,) of a label at a point."""
        x, y = point_px
        left = x - CHARACTER_PX * len(label) if self.is_left else x
        top = y - LABEL_PX - self.away_px if self.is_above else y + self.away_px
        return np.array([left, top])

    def covers(
        self, point_px: NDArray[np.float64], label: str, others_px: NDArray[np.float64]
    ) -> int:
        """How many of N points (N, 2) lie under the label, or so near that their dots would."""
        low = self.corner(point_px, label)
        high = low + np.array([CHARACTER_PX * len(label), LABEL_PX])
        low, high = low - DOT_PX, high + DOT_PX
        return int(((low < others_px) & (others_px < high)).all(axis=1).sum())

    def ground(self, point_px: NDArray[np.float64], label: str) -> NDArray[np.float64]:
        """Points (M, 2) all along the middle of the label, which no other is to cover."""
        left, top = self.corner(point_px, label)
        middle, right = top + LABEL_PX / 2, left + CHARACTER_PX * len(label)
        return along(np.array([[left, middle], [right, middle]]))


@dataclass(frozen=True)
class Named:
    """A label that has found its place."""

    point_px: NDArray[np.float64]
    """(2,): what it names."""
    label: str
    side: Side

    def is_in_order_with(self, other: Named) -> bool:
        """Whether two labels over each other stand like the points that they name."""
        (left, top), (other_left, other_top) = self._corner, other._corner
        right = left + CHARACTER_PX * len(self.label)
        other_right = other_left + CHARACTER_PX * len(other.label)
        is_apart = left >= other_right or other_left >= right
        return bool(is_apart or (top - other_top) * (self.point_px[1] - other.point_px[1]) >= 0)

    @property
    def _corner(self) -> NDArray[np.float64]:
        return self.side.corner(self.point_px, self.label)


def free_side(
    point_px: NDArray[np.float64],
    label: str,
    first: Side,
    others_px: NDArray[np.float64],
    placed: Sequence[Named] = (),
) -> Side:
    """Where a label at a point (2,) covers none of N others (N, 2), or as few as can be.

    It is moved up or down, as little as can be; never to the other side, where it could run out of
    the plot. Nor to where it would be taken for one of those that are `placed`, if that can be.
    """
    sides = [
        replace(first, is_above=is_above, away_px=first.away_px + LABEL_PX * row)
        for row in range(ROWS_AWAY)
        for is_above in (first.is_above, not first.is_above)
    ]
    inside = [s for s in sides if _is_inside(point_px, s)] or sides[:1]

    def cost(side: Side) -> tuple[bool, int]:
        own = Named(point_px, label, side)
        misread = not all(own.is_in_order_with(other) for other in placed)
        return misread, side.covers(point_px, label, others_px)

    return min(inside, key=cost)


def _is_inside(point_px: NDArray[np.float64], side: Side) -> bool:
    room = point_px[1] if side.is_above else PLOT_PX[1] - point_px[1]
    return bool(room >= LABEL_PX + side.away_px)


def along(points_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points so close together that the line through N given ones (N, 2) is not lost: (M, 2).

    Those that have no place, of losses that are no finite numbers, are left out.
    """
    points_px = points_px[np.isfinite(points_px).all(axis=1)]
    if len(points_px) < 2:
        return points_px
    steps = np.hypot(*np.diff(points_px, axis=0).T)
    so_far = np.concatenate([[0.0], np.cumsum(steps)])
    n_dots = min(max(2, math.ceil(so_far[-1] / DOT_PX)), MAX_DOTS)
    places = np.linspace(0.0, so_far[-1], n_dots)
    return np.stack([np.interp(places, so_far, side) for side in points_px.T], axis=1)


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
