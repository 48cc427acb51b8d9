"""Signs of health of a run in training, folded away: four small charts, a sentence on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.records.records import RunRecord, StepRecord
from core.training.health import HEALTHY, KINDS, Kind, by_kind
from lab.components.live_plot import live_plot
from lab.figures.base import compact
from lab.figures.health import health_figure
from lab.figures.said import range_said
from lab.session.state import palette, the_lab
from lab.wording.glossary import explained

TITLES: dict[Kind, str] = {
    "grad_norm": "Gradient norm",
    "update_ratio": "Update-to-weight ratio",
    "dead_units": "Dead units",
    "attention_entropy": "Entropy of attention",
}
CHART_PX = 240


def render_health(run: RunRecord, steps: Sequence[StepRecord]) -> None:
    """The folded charts; what is folded is not drawn."""
    fold = st.expander("Health: gradient norm, updates, dead units, attention", key="train_health",
                       icon=":material/monitor_heart:", on_change="rerun")  # fmt: skip
    if not fold.open:
        return
    readings = {
        name: (compact([step for step, _ in values]), compact([value for _, value in values]))
        for name, values in the_lab().store.health(run.id).items()
    }
    series = by_kind(readings)
    norms = compact([s.step for s in steps]), compact([s.grad_norm for s in steps])
    if len(steps):
        series["grad_norm"] = {"": norms}
    with fold:
        for pair in (KINDS[:2], KINDS[2:]):
            for column, kind in zip(st.columns(2, gap="medium"), pair):
                with column:
                    title = f"**{TITLES[kind]}**"
                    st.markdown(title, help=explained(title, HEALTHY[kind]))
                    live_plot(
                        health_figure(kind, series.get(kind, {}), palette(), run.model),
                        key=f"health_{kind}", height_px=CHART_PX,
                        alt=f"{TITLES[kind]} over the steps: {_ranges_said(series.get(kind))}",
                    )  # fmt: skip
                    st.caption(f"Healthy: {HEALTHY[kind]}")


def _ranges_said(
    lines: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]] | None,
) -> str:
    """Between which numbers each line of a chart lies."""
    if not lines:
        return "nothing is measured yet"
    return "; ".join(f"{name} {range_said(values)}".strip() for name, (_, values) in lines.items())
