"""Which of several runs leads for the same cost, and what their ideas bought: each by its name.

Pure: curves in, words out.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.findings.meaning import loss_in
from lab.figures.equal_terms import IDEAS, costs_nothing, ideas_text, standings, standings_text
from lab.figures.losses import LossCurve, XAxis
from lab.figures.palette import in_model_color
from lab.wording.plain import plain


def equal_cost_text(curves: Sequence[LossCurve], axis: XAxis, in_bits: bool = False) -> str:
    """Who leads at the largest cost that all have reached; a model that costs nothing apart.

    Nothing where there are no two to compare. Markdown.
    """
    table = standings(curves, axis)
    said = [standings_text(table, _named, in_bits)] if table else []
    for curve in curves:
        if costs_nothing(curve, axis) and len(curve.val_losses):
            last = float(curve.val_losses[-1]) if curve.end_loss is None else curve.end_loss
            said.append(
                f"{_named(curve)} has no matrix products, so it stands at 0 FLOPs, with "
                f"{loss_in(last, in_bits)} at its end."
            )
    return " ".join(said)


def bought_text(curves: Sequence[LossCurve], in_bits: bool = False) -> str:
    """What each idea has bought, and in which runs; see `ideas_text`. Markdown."""

    def called(curve: LossCurve) -> str:
        idea = in_model_color(curve.model, f"**{IDEAS[curve.model]}**")
        return f"{idea} ({plain(curve.name)})"

    return ideas_text(curves, called, in_bits)


def _named(curve: LossCurve) -> str:
    return f"**{plain(curve.name)}** ({curve.model})"
