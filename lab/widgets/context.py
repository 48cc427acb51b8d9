"""What context buys, folded away: the loss by how many characters a guess could see."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import LabError
from core.records.records import RunRecord
from core.settings.ideas import SEES_AHEAD
from lab.components.live_plot import live_plot
from lab.figures.context import ContextLoss, context_figure, context_sentence
from lab.session.measured import counted_context_of, losses_by_context
from lab.session.state import palette
from lab.wording.glossary import explained
from lab.wording.plain import plain_but_code, unmarked

CHART_PX = 300
ABOUT = (
    "The first guess of a window is made from one character, the last from as many as the block "
    "size says. Where a line is flat, a longer block size would buy this run nothing. Grey: "
    "counted n-grams that see as many characters, over the whole validation text."
)


def render_context(runs: Sequence[RunRecord], key: str, *, in_bits: bool = False) -> None:
    """The fold; nothing is measured before it is opened. `key` names it on its page."""
    fold = st.expander(
        "What context buys: the loss by how many characters could be seen", key=f"{key}_context",
        icon=":material/width:", on_change="rerun",
    )  # fmt: skip
    if not fold.open:
        return
    if any(run.status == "running" for run in runs):
        fold.caption("Measured when no run of these trains: it would hold the training up.")
        return
    with fold, st.spinner("Measuring …"):
        curves, counted, troubles = _measured(runs)
        if curves:
            sentences = [context_sentence(curve, counted, in_bits=in_bits) for curve in curves]
            live_plot(
                context_figure(curves, counted, palette(), in_bits=in_bits),
                key=f"{key}_context_plot", height_px=CHART_PX,
                alt=" ".join(map(unmarked, sentences)),
            )  # fmt: skip
            st.markdown("\n".join(f"* {sentence}" for sentence in sentences))
            st.caption(ABOUT, help=explained(ABOUT, "loss", "nats"))
        for trouble in troubles:
            st.warning(plain_but_code(trouble))


def _measured(runs: Sequence[RunRecord]) -> tuple[list[ContextLoss], list[float], list[str]]:
    """The curves of those runs that can be measured, the counted line where all are of one text,
    and why others cannot."""
    curves, troubles = [], []
    for run in runs:
        if run.looks_ahead:
            troubles.append(f"{run.name}: {SEES_AHEAD}, with little context as with much.")
            continue
        try:
            curves.append(ContextLoss(run.name, run.model, losses_by_context(run)))
        except LabError as error:
            troubles.append(f"{run.name}: {error}")
    of_one_text = curves and len({run.fingerprint for run in runs}) == 1
    return curves, counted_context_of(runs[0]) if of_one_text else [], troubles
