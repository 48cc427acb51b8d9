"""Compare: several runs on one axis, what differs between them, and what each writes."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.errors import LabError
from core.records.records import RunRecord, newest_of_each_model
from core.text.reference import ReferenceLine, reference_lines
from lab.compare_page.continuations import render_texts, render_wish
from lab.compare_page.costs import render_costs
from lab.compare_page.equal_cost import bought_text, chart_alt, equal_cost_text
from lab.compare_page.every_run import render_every_run
from lab.compare_page.passage import render_passage
from lab.components.live_plot import live_plot
from lab.figures.losses import (
    ALL_REFERENCES,
    WORDS,
    X_TITLES,
    LossAxes,
    LossCurve,
    XAxis,
    loss_figure,
)
from lab.figures.palette import Palette, in_model_color
from lab.session.compare_choices import RUNS, TEXT, TOUCHED
from lab.session.entry import draw_page_again
from lab.session.pace import paced
from lab.session.state import curve_of, is_live, palette, the_lab
from lab.visit.card import render_visit
from lab.widgets.context import render_context
from lab.widgets.page_head import page_head
from lab.widgets.pickers import run_label, short_run_label
from lab.widgets.switches import settled
from lab.wording import words
from lab.wording.comparison import (
    BEST,
    EVERY_TEXT,
    ORDERS,
    SECTIONS,
    Order,
    comparison_table,
    curves_csv,
    ordered_runs,
    table_csv,
    unequal_reading_text,
)
from lab.wording.glossary import explained
from lab.wording.plain import plain, plain_but_code

MAX_RUNS = 6
UNITS = ("nats", "bits")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
CURVES_PX, EMPTY_PX = 290, 420
INTRODUCTION = (
    "The same measures, the same axis, the same prompt: what differs between two runs is what was "
    "set differently, and it stands in the table."
)


RACERS_WAIT = (
    "The models of a race take turns, so the time that one of them waited holds the others' turns; "
    "the time of training is its own."
)


def main() -> None:
    runs = the_lab().runs()
    head, beside = st.columns([5, 1], vertical_alignment="center")
    with head:
        page_head("Runs side by side", INTRODUCTION)
    render_visit("compare")
    if not runs:
        _render_empty()
        return
    with beside:
        of_text = _of_one_text(runs)
    chosen = _choose(of_text)
    if not chosen:
        st.info("Choose a run above; with two or more there is something to compare.")
        return
    ids = [run.id for run in chosen]
    live = any(is_live(run) for run in chosen)
    left, right = st.columns([8, 5], gap="medium")
    with left:
        axis, unit = _choose_axes()
        st.fragment(_render_curves, run_every=paced(1.0 if live else None))(ids, axis, unit, live)
    with right:
        wishes = render_wish(chosen)
    render_texts(wishes, in_bits=unit == "bits")
    render_costs(runs, chosen, unit)
    render_passage(chosen)
    render_context(chosen, "compare", in_bits=unit == "bits")
    st.header("What came of them, and what was set differently")
    order, sections = _choose_lines()
    st.fragment(_render_table, run_every=paced(1.0 if live else None))(ids, unit, order, sections)
    _render_downloads(chosen)
    render_every_run(of_text, MAX_RUNS)


def _choose_axes() -> tuple[XAxis, str]:
    with st.container(horizontal=True, gap="large"):
        axis: XAxis | None = st.segmented_control(
            "Horizontal axis", list(X_TITLES), default="steps", required=True, key="compare_axis",
            label_visibility="collapsed",
        )  # fmt: skip
        unit = st.segmented_control(
            "Loss in", UNITS, default="nats", required=True, key="compare_unit",
            label_visibility="collapsed",
        )  # fmt: skip
    return axis or "steps", unit or "nats"


def _render_empty() -> None:
    """What the page will show, and the way to make it so."""
    corpus = the_lab().library.load()
    if st.button("Go to Home and train all three", type="primary", key="compare_home"):
        st.switch_page("app_pages/home.py")
    live_plot(
        loss_figure(
            [], reference_lines(corpus), palette(),
            LossAxes(counted=ALL_REFERENCES, height_px=EMPTY_PX),
        ),
        key="compare_curves", height_px=EMPTY_PX,
        alt="An empty loss plot with the lines that counting alone reaches",
    )  # fmt: skip
    st.caption(
        "Here the loss curves of your runs will stand, against what counting alone reaches on "
        f"{plain(corpus.name)}; below them what differs between the runs, and what each of "
        "them makes of the same prompt. No run has been trained yet.",
        help=explained(*WORDS),
    )


def _choose(runs: list[RunRecord]) -> list[RunRecord]:
    """The runs to compare, the newest first; until the reader chooses, the newest of each model."""
    by_id = {run.id: run for run in runs}
    one_text = len({run.fingerprint for run in runs}) == 1

    def option_text(run_id: str) -> str:
        return short_run_label(by_id[run_id]) if one_text else run_label(by_id[run_id])

    kept = [i for i in RUNS.get() if i in by_id]
    if not TOUCHED.get() or not (kept or _chose_none()):
        kept = [run.id for run in newest_of_each_model(runs)]
    RUNS.set(kept[:MAX_RUNS])
    st.multiselect(
        "Runs", list(by_id), key=RUNS.key, max_selections=MAX_RUNS, persist_state="session",
        format_func=option_text, on_change=TOUCHED.set, args=(True,),
        help=f"At most {MAX_RUNS}. Until you choose, the newest run of each model.",
    )  # fmt: skip
    return [run for run in runs if run.id in RUNS.get()]


def _chose_none() -> bool:
    """Whether the reader emptied the box, rather than that its runs are gone from it."""
    return not RUNS.get()


def _of_one_text(runs: list[RunRecord]) -> list[RunRecord]:
    """Let the reader choose a text where there are several; the runs that learned from it.

    At first it is the text of the newest run: losses on different texts are not mixed unasked.
    """
    texts = {run.fingerprint: run.corpus for run in reversed(runs)}
    if len(texts) < 2:
        return runs
    newest = next((run for run in runs if not run.sweep), runs[0])

    def option_text(fingerprint: str) -> str:
        name = texts.get(fingerprint, EVERY_TEXT)
        is_only = list(texts.values()).count(name) < 2
        return f"Text: {name}" if is_only else f"Text: {name} ({fingerprint[:6]})"

    options = [*reversed(texts), EVERY_TEXT]
    settled(TEXT, options, newest.fingerprint, option_text)
    chosen = st.selectbox(
        "Text", options, key=TEXT.key, format_func=option_text, persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    return runs if chosen == EVERY_TEXT else [run for run in runs if run.fingerprint == chosen]


# --- numbers, live --------------------------------------------------------------------------------


def _render_curves(ids: list[str], axis: XAxis, unit: str, was_live: bool) -> None:
    runs = _present(ids)
    if was_live and not any(is_live(run) for run in runs):
        draw_page_again()
    references, about_them = _references(runs)
    curves = [curve_of(run) for run in runs]
    in_bits = unit == "bits"
    figure = loss_figure(
        curves, references, palette(),
        LossAxes(x=axis, in_bits=in_bits, counted=ALL_REFERENCES, height_px=CURVES_PX),
        label_by="name",
    )  # fmt: skip
    tell_apart(figure, curves, palette())
    one_text = len({run.fingerprint for run in runs}) == 1
    compared = [curve for run, curve in zip(runs, curves) if not run.looks_ahead]
    equal = equal_cost_text(compared, axis, in_bits) if one_text else ""
    live_plot(figure, key="compare_curves", height_px=CURVES_PX, alt=chart_alt(curves, axis, equal))
    if one_text and (bought := bought_text(compared, in_bits)):
        st.markdown(bought)
    if equal:
        st.caption(equal)
    about = f"Strong: validation loss, estimated. Thin: loss on the batch just seen. {about_them}"
    st.caption(about, help=explained(*WORDS))
    if ahead := words.seeing_ahead_text(runs):
        st.caption(ahead)
    if axis == "steps" and (unequal := unequal_reading_text(runs)):
        st.caption(unequal)
    if axis == "waited" and _have_raced(runs):
        st.caption(RACERS_WAIT)


def _choose_lines() -> tuple[Order, list[str]]:
    """Which run stands first in the table, and which of its parts are shown."""
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        order: Order = st.selectbox(
            "First stands", ORDERS, key="compare_order", persist_state="session", width=260,
            help="The newest run; the lowest loss, number or time; the highest throughput.",
        )  # fmt: skip
        sections = st.pills(
            "Parts of the table", SECTIONS, selection_mode="multi", default=SECTIONS[:2],
            key="compare_sections", persist_state="session",
        )  # fmt: skip
    return order, sections


def _render_table(ids: list[str], unit: str, order: Order, sections: list[str]) -> None:
    store = the_lab().store
    runs = ordered_runs(store, _present(ids), order)
    if not sections:
        st.caption("No part of the table is chosen.")
        return
    st.table(
        comparison_table(store, runs, unit == "bits", _dot_and_name, sections),
        border="horizontal", hide_index=True, alt="The chosen runs, one in each column",
    )  # fmt: skip
    about = (
        f"Losses in {unit} per character. {BEST} the best of the chosen runs, whatever it cost; "
        "who leads for the same cost stands under the chart. Estimates are taken on a few batches; "
        "the validation loss is over the whole validation part, measured when a run ends, also for "
        "its best checkpoint. Throughput is that of training."
    )
    if _have_raced(runs):
        about += f" {RACERS_WAIT}"
    st.caption(about, help=explained(about))


def _have_raced(runs: Sequence[RunRecord]) -> bool:
    """Whether any of them took part in a race."""
    return not {run_id for run_id, _ in the_lab().store.races()}.isdisjoint(run.id for run in runs)


def _dot_and_name(run: RunRecord) -> str:
    return f"{in_model_color(run.model, '●')} {plain(run.name)}"


def _present(ids: list[str]) -> list[RunRecord]:
    """The runs as they stand now, without those that were deleted meanwhile."""
    by_id = {run.id: run for run in the_lab().runs()}
    return [by_id[run_id] for run_id in ids if run_id in by_id]


def _references(runs: Sequence[RunRecord]) -> tuple[tuple[ReferenceLine, ...], str]:
    """The counted lines that hold for all of the runs, and a sentence about them."""
    if len({run.fingerprint for run in runs}) > 1:
        return (), (
            "These runs learned from different texts. Some texts are easier to predict than "
            "others, so their losses cannot be ranked, and no counted lines are drawn."
        )
    try:
        return reference_lines(the_lab().corpus_of(runs[0])), ("Grey: what counting reaches.")
    except LabError as error:
        return (), f"No counted lines: {plain_but_code(str(error))}"


def tell_apart(figure: go.Figure, curves: Sequence[LossCurve], palette: Palette) -> None:
    """Give runs of one model signs of their own; all lines but the newest's are paler."""
    seen: dict[str, int] = {}
    for curve in curves:  # the newest first
        nth = seen[curve.model] = seen.get(curve.model, -1) + 1
        full, pale = palette.model(curve.model), palette.model_pale(curve.model)
        figure.update_traces(
            marker=dict(symbol=SYMBOLS[nth % len(SYMBOLS)], size=8 if nth else 6, color=full),
            line=dict(color=pale if nth else full),
            selector=dict(legendgroup=curve.name, mode="lines+markers"),
        )


# --- files ----------------------------------------------------------------------------------------


def _render_downloads(runs: Sequence[RunRecord]) -> None:
    """Every number behind the page, not rounded; the files are made when they are asked for."""
    store = the_lab().store
    files = {"Table": lambda: table_csv(store, runs), "Curves": lambda: curves_csv(store, runs)}
    with st.container(horizontal=True):
        for name, make in files.items():
            st.download_button(
                f"{name} as CSV", make, f"{name.lower()}.csv", "text/csv",
                key=f"compare_csv_{name.lower()}", icon=":material/download:", on_click="ignore",
            )  # fmt: skip


main()
