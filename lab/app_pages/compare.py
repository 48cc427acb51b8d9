"""Compare: several runs on one axis, what differs between them, and what each writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from core.config import MODEL_KINDS, SampleConfig, help_line
from core.errors import LabError
from core.records import RunRecord
from core.reference import ReferenceLine, reference_lines
from lab import words
from lab.comparison import BEST, HUES, comparison_table, curves_csv, table_csv
from lab.components.live_plot import live_plot
from lab.components.text_view import text_view
from lab.figures.losses import X_TITLES, LossCurve, XAxis, loss_figure
from lab.palette import Palette
from lab.pickers import load_model, opening_for, run_label, suggest
from lab.plain import plain
from lab.state import curve_of, is_live, palette, the_lab
from lab.writing import Writing

MAX_RUNS = 6
UNITS = ("nats", "bits")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")

ACROSS = 3
"""Texts side by side."""
TICK_S = 0.25

_CHOSEN, _TOUCHED = "compare_runs", "compare_touched"
_SHEETS, PROMPT = "compare_sheets", "compare_prompt"


@dataclass(frozen=True)
class Sheet:
    """What one run writes, or why it does not."""

    name: str
    title: str
    writing: Writing | None = None
    vocab_size: int = 0
    message: str = ""


def main() -> None:
    runs = the_lab().runs()
    st.title("Runs side by side")
    st.caption(
        "The same measures, the same axis, the same prompt: what differs between two runs is what "
        "was set differently, and it stands in the table."
    )
    if not runs:
        _render_empty()
        return
    chosen = _choose(runs)
    if not chosen:
        st.info("Choose a run above; with two or more there is something to compare.")
        return
    with st.container(horizontal=True, gap="large"):
        axis = st.segmented_control(
            "Horizontal axis", list(X_TITLES), default="steps", required=True, key="compare_axis",
            help="Equal steps, equal reading or equal time: each is fair in its own way.",
        )  # fmt: skip
        unit = st.segmented_control(
            "Loss in", UNITS, default="nats", required=True, key="compare_unit",
            help="1 nat is 1.443 bits. Bits per character is what a compressor would need.",
        )  # fmt: skip
    ids = [run.id for run in chosen]
    live = any(is_live(run) for run in chosen)
    st.fragment(_render_numbers, run_every=1.0 if live else None)(
        ids, axis or "steps", unit == "bits", live
    )
    _render_downloads(chosen)
    _render_writing(chosen)


def _render_empty() -> None:
    """What the page will show, and the way to make it so."""
    corpus = the_lab().library.load()
    if st.button("Go to Home and train all three", type="primary", key="compare_home"):
        st.switch_page("app_pages/home.py")
    live_plot(
        loss_figure([], reference_lines(corpus), palette()),
        key="compare_curves", height_px=420,
        alt="An empty loss plot with the lines that counting alone reaches",
    )  # fmt: skip
    st.caption(
        "Here the loss curves of your runs will stand, against what counting alone reaches on "
        f"{plain(corpus.name)}; below them what differs between the runs, and what each of "
        "them makes of the same prompt. No run has been trained yet."
    )


def _choose(runs: list[RunRecord]) -> list[RunRecord]:
    """The runs to compare, the newest first; until the reader chooses, the newest of each model."""
    by_id = {run.id: run for run in runs}
    if not st.session_state.get(_TOUCHED):
        newest = {run.model: run.id for run in reversed(runs) if not run.sweep}
        st.session_state[_CHOSEN] = [newest[kind] for kind in MODEL_KINDS if kind in newest]
    # A run may have been deleted since; the box must not hold what it does not offer.
    st.session_state[_CHOSEN] = [i for i in st.session_state[_CHOSEN] if i in by_id]
    st.multiselect(
        "Runs", list(by_id), key=_CHOSEN, max_selections=MAX_RUNS, persist_state="session",
        format_func=lambda run_id: run_label(by_id[run_id]),
        on_change=st.session_state.update, args=({_TOUCHED: True},),
        help=f"At most {MAX_RUNS}. Until you choose, the newest run of each model.",
    )  # fmt: skip
    return [run for run in runs if run.id in st.session_state[_CHOSEN]]


# --- numbers, live --------------------------------------------------------------------------------


def _render_numbers(ids: list[str], axis: XAxis, in_bits: bool, was_live: bool) -> None:
    runs = _present(ids)
    if was_live and not any(is_live(run) for run in runs):
        st.rerun()
    references, about_them = _references(runs)
    curves = [curve_of(run) for run in runs]
    figure = loss_figure(curves, references, palette(), axis=axis, in_bits=in_bits, label_by="name")
    tell_apart(figure, curves, palette())
    live_plot(
        figure, key="compare_curves", height_px=420,
        alt="Validation loss of the chosen runs on one axis",
    )  # fmt: skip
    st.caption(
        "Strong line: validation loss, estimated on text that no model learns from. Thin line: "
        f"loss on the batch just seen. {about_them}"
    )
    st.header("What came of them, and what was set differently")
    st.table(
        comparison_table(the_lab().store, runs, in_bits), border="horizontal", hide_index=True,
        alt="The chosen runs, one in each column",
    )  # fmt: skip
    st.caption(
        f"Losses in {'bits' if in_bits else 'nats'} per character. {BEST} the best of the chosen "
        "runs. Estimates are taken on a few batches; the validation loss is over the whole "
        "validation part, measured when a run ends, also for its best checkpoint."
    )


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
        return reference_lines(the_lab().corpus_of(runs[0])), (
            "Grey: what counting reaches, without any training."
        )
    except LabError as error:
        return (), f"No counted lines: {plain(str(error))}"


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


# --- the same prompt ------------------------------------------------------------------------------


def _render_writing(runs: list[RunRecord]) -> None:
    st.header("The same prompt, continued by each")
    sheets: list[Sheet] = st.session_state.get(_SHEETS, [])
    writes = any(sheet.writing and not sheet.writing.snapshot().over for sheet in sheets)
    start = SampleConfig()
    suggest(PROMPT, _opening(runs))
    prompt_column, *columns = st.columns([4, 2, 2, 2], vertical_alignment="top")
    prompt = prompt_column.text_area(
        "Prompt", key=PROMPT, height=72, max_chars=2_000, persist_state="session",
        help="What each of the runs continues. Empty: they begin with a new line.",
    )  # fmt: skip
    temperature = columns[0].slider(
        "Temperature", 0.0, 2.0, start.temperature, 0.05, key="compare_temperature",
        help=help_line("temperature"), persist_state="session",
    )  # fmt: skip
    length = columns[1].slider(
        "Length", 50, 1_000, 200, 50, key="compare_length", help=help_line("max_new_tokens"),
        persist_state="session",
    )  # fmt: skip
    seed = columns[2].number_input(
        "Seed", 0, 2**31 - 1, start.seed, key="compare_seed", help="same seed, same text",
        persist_state="session",
    )  # fmt: skip
    if writes:
        if st.button("Stop", key="compare_stop", icon=":material/stop:"):
            for sheet in sheets:
                if sheet.writing:
                    sheet.writing.stop()
            st.rerun()
    elif st.button("Write", type="primary", key="compare_write", icon=":material/edit_note:"):
        config = SampleConfig(max_new_tokens=length, temperature=temperature, seed=seed)
        st.session_state[_SHEETS] = [_sheet(run, prompt or "", config) for run in runs]
        st.rerun()
    st.fragment(_render_sheets, run_every=TICK_S if writes else None)(writes)


def _opening(runs: list[RunRecord]) -> str:
    """A prompt that every one of the runs can read."""
    try:
        known = [load_model(run, "best").vocabulary for run in runs]
    except LabError:  # said when the reader asks that run to write
        return ""
    openings = map(opening_for, runs)
    return next((text for text in openings if not any(v.unknown(text) for v in known)), "")


def _sheet(run: RunRecord, prompt: str, config: SampleConfig) -> Sheet:
    """One run's text, not yet begun, or the reason why there is none."""
    title = f":{HUES[run.model]}[●] **{plain(run.name)}**"
    try:
        loaded = load_model(run, "best")
        writing = Writing(loaded.model, loaded.vocabulary, prompt, config)
    except LabError as error:
        return Sheet(run.name, title, message=str(error))
    return Sheet(run.name, f"{title}, {loaded.origin}", writing, len(loaded.vocabulary))


def _render_sheets(wrote: bool) -> None:
    sheets: list[Sheet] = st.session_state.get(_SHEETS, [])
    if not sheets:
        st.caption(
            "Press Write: each run continues the prompt in turn, with the same seed and settings. "
            "The colour of a character says how probable the run thought it."
        )
        return
    # One after the other, so that they do not slow each other down.
    waiting = [s.writing for s in sheets if s.writing and not s.writing.snapshot().over]
    if waiting:
        waiting[0].start()
    elif wrote:
        st.rerun()
    for first in range(0, len(sheets), ACROSS):
        group = sheets[first : first + ACROSS]
        for place, (column, sheet) in enumerate(zip(st.columns(len(group), gap="medium"), group)):
            with column:
                _render_sheet(sheet, first + place)


def _render_sheet(sheet: Sheet, place: int) -> None:
    st.markdown(sheet.title)
    if sheet.writing is None:
        st.error(plain(sheet.message))
        return
    snapshot = sheet.writing.snapshot()
    if snapshot.state == "failed":
        st.error(plain(snapshot.message))
    text_view(
        snapshot.prompt, snapshot.records, palette(), key=f"compare_text_{place}",
        alt=f"The prompt, and what {sheet.name} added to it", vocab_size=sheet.vocab_size,
        height_px=360,
    )  # fmt: skip
    rate = snapshot.chars_per_s
    st.caption(
        f"{words.count(len(snapshot.records))} characters"
        + (f", {words.count(rate)} a second" if rate and snapshot.over else "")
    )


main()
