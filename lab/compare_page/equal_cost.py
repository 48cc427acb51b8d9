"""Which of several runs leads for the same cost, and what their ideas bought: each by its name.

Pure: curves in, words out.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.figures.equal_terms import IDEAS, equal_terms_text, ideas_text
from lab.figures.losses import X_TITLES, LossCurve, XAxis
from lab.figures.palette import in_model_color
from lab.wording import words
from lab.wording.plain import plain, unmarked


def equal_cost_text(curves: Sequence[LossCurve], axis: XAxis, in_bits: bool = False) -> str:
    """Which run leads where all have had the same; see `equal_terms_text`. Markdown."""
    return equal_terms_text(curves, axis, _named, in_bits)


def bought_text(curves: Sequence[LossCurve], in_bits: bool = False) -> str:
    """What each idea has bought, and in which runs; see `ideas_text`. Markdown."""

    def called(curve: LossCurve) -> str:
        idea = in_model_color(curve.model, f"**{IDEAS[curve.model]}**")
        return f"{idea} ({plain(curve.name)})"

    return ideas_text(curves, called, in_bits)


def chart_alt(curves: Sequence[LossCurve], axis: XAxis, equal: str) -> str:
    """What the chart of losses says: its runs, and who leads, from `equal_cost_text`."""
    names = words.listed([curve.name for curve in curves]) if curves else "no run"
    return f"Validation losses of {names} over {X_TITLES[axis]}. {unmarked(equal)}".strip()


def _named(curve: LossCurve) -> str:
    return f"**{plain(curve.name)}** ({curve.model})"
