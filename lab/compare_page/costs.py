"""What a lower loss costs: the runs on a text against their parameters and the time waited."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import LabError
from core.records.records import RunRecord, on_text
from core.text.reference import reference_lines
from lab.compare_page.cost_words import counting_text, front_text
from lab.components.live_plot import PlotClick, live_plot
from lab.figures.loss_costs import (
    Cost,
    CountedCost,
    RunCost,
    costs_alt,
    front_of,
    loss_cost_figure,
)
from lab.session.state import open_run, palette, the_lab
from lab.session.texts import ngram_sizes_of
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain_but_code

CHART_PX = 330
BY: tuple[Cost, ...] = ("parameters", "seconds waited")
COUNTED = {"bigram": 2, "3-gram": 3, "4-gram": 4, "5-gram": 5}
ABOUT = (
    "Every run on this text that is over, with the loss of its best checkpoint over the whole "
    "validation split; those chosen above are large and ringed. Down and to the left is better; "
    "the grey staircase joins the runs that no other beats in both. A click opens a run. A counted "
    "n-gram stands at the number of counts that it keeps: one for each distinct stretch of 1 to n "
    "characters in the training text."
)


def render_costs(runs: Sequence[RunRecord], chosen: Sequence[RunRecord], unit: str) -> None:
    """The fold, open at first.

    Args:
        runs: all there are.
        chosen: those that are compared, all on one text; else nothing is drawn.
    """
    if len({run.fingerprint for run in chosen}) != 1:
        return
    fold = st.expander(
        "What a lower loss costs, in parameters and in seconds", expanded=True,
        key="compare_costs_fold", icon=":material/scatter_plot:", on_change="rerun",
    )  # fmt: skip
    if not fold.open:
        return
    with fold:
        on_this_text = on_text(runs, chosen[0].fingerprint)
        costs = _costs(on_this_text, {run.id for run in chosen})
        counted = _counted(chosen[0])
        in_bits = unit == "bits"
        for column, by in zip(st.columns(2, gap="medium"), BY):
            with column:
                _take_click(_render_chart(costs, counted, by, in_bits), costs)
        if said := counting_text(costs, counted, in_bits):
            st.markdown(said, help=explained(said, "loss"))
        about = " ".join(filter(None, [words.seeing_ahead_text(on_this_text), ABOUT]))
        st.caption(about, help=explained(ABOUT, "loss", "nats", "bits"))


def _render_chart(
    costs: Sequence[RunCost], counted: Sequence[CountedCost], by: Cost, in_bits: bool
) -> PlotClick | None:
    """One of the charts and its sentence; the click on it, if any."""
    click = live_plot(
        loss_cost_figure(costs, counted, by, palette(), in_bits),
        key=f"compare_costs_{by.split()[0]}", alt=costs_alt(front_of(costs, by), counted, by),
        height_px=CHART_PX, clickable=True,
    )  # fmt: skip
    if said := front_text(costs, by, in_bits):
        st.caption(said)
    return click


def _take_click(click: PlotClick | None, costs: Sequence[RunCost]) -> None:
    """A click on a run opens it."""
    if click and click.customdata in {run.id for run in costs}:
        open_run(click.customdata)
        st.switch_page("app_pages/train.py")


def _costs(runs: Sequence[RunRecord], chosen: set[str]) -> list[RunCost]:
    """Those that are over, but for models that look ahead: their losses mean nothing."""
    return [
        RunCost(
            run.id, run.name, run.model, run.n_params, run.wall_s, run.comparable_loss_nats,
            is_chosen=run.id in chosen,
        )
        for run in runs
        if run.status == "finished" and run.comparable_loss_nats is not None
    ]  # fmt: skip


def _counted(run: RunRecord) -> list[CountedCost]:
    """The n-grams of 2 to 5 characters; none where the text is gone."""
    try:
        corpus = the_lab().corpus_of(run)
    except LabError as error:
        st.caption(f"No counted n-grams: {plain_but_code(str(error))}")
        return []
    sizes = ngram_sizes_of(corpus)
    return [
        CountedCost(COUNTED[line.name], sizes[COUNTED[line.name]], line.loss_nats)
        for line in reference_lines(corpus)
        if line.name in COUNTED
    ]
