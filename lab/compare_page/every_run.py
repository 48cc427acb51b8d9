"""All runs of the text in one table: search, sort, and choose which of them to compare."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.findings.meaning import bits, perplexity
from core.records.records import RunRecord
from core.settings.config import MODEL_KINDS
from lab.session.compare_choices import choose_to_compare
from lab.session.state import the_lab
from lab.wording import words
from lab.wording.comparison import table_csv
from lab.wording.glossary import explained
from lab.wording.labels import label_with_unit
from lab.wording.plain import plain
from lab.wording.run_search import PLACEHOLDER, found

NATS, BITS, PERPLEXITY = "Best loss (nats)", "Best loss (bits)", "Perplexity"
PARAMETERS, WAITED, TRAINED = "Parameters", "Waited (s)", "Trained (s)"
RATE = "Characters a second"
TABLE_PX = 320
_COLUMNS = {
    "Name": st.column_config.TextColumn(width=160, pinned=True),
    NATS: st.column_config.NumberColumn(format="%.3f", help=explained("validation loss, nats")),
    BITS: st.column_config.NumberColumn(format="%.3f", help=explained("bits")),
    PERPLEXITY: st.column_config.NumberColumn(format="%.1f", help=explained("perplexity")),
    PARAMETERS: st.column_config.NumberColumn(format="localized"),
    WAITED: st.column_config.NumberColumn(
        format="%.1f", help="By the clock on the wall, from its start to its end; no pauses."
    ),
    TRAINED: st.column_config.NumberColumn(format="%.1f", help="The training steps alone."),
    RATE: st.column_config.NumberColumn(format="localized", help=explained("throughput")),
}


def render_every_run(runs: Sequence[RunRecord], most: int) -> None:
    """The fold; `most` runs can be compared at once."""
    fold = st.expander(
        "Every run: search, sort, and choose which to compare", key="compare_every_fold",
        icon=":material/table_rows:", on_change="rerun",
    )  # fmt: skip
    if not fold.open:
        return
    with fold:
        shown = _shown(runs)
        if shown:
            _render_table(shown, most)


def every_run_table(
    runs: Sequence[RunRecord], rates: Sequence[float | None]
) -> dict[str, list[Any]]:
    """A row for each run: what came of it, what it cost, and the settings in which any differ.

    Args:
        rates: throughputs in training, in characters per second.
    """
    losses = [run.comparable_loss_nats for run in runs]
    results: dict[str, list[Any]] = {
        "Name": [run.name for run in runs],
        "Model": [run.model for run in runs],
        "Status": [words.STATUS[run.status] for run in runs],
        NATS: losses,
        BITS: [None if nats is None else bits(nats) for nats in losses],
        PERPLEXITY: [None if nats is None else perplexity(nats) for nats in losses],
        PARAMETERS: [run.n_params for run in runs],
        WAITED: [run.wall_s for run in runs],
        TRAINED: [run.train_s or None for run in runs],
        RATE: [None if rate is None else round(rate) for rate in rates],
    }
    return results | _different_settings(runs)


def _different_settings(runs: Sequence[RunRecord]) -> dict[str, list[Any]]:
    """A column for each setting that is not the same in all runs; None where a model has none."""
    settings = [run.config.flat() | {"corpus": run.corpus} for run in runs]
    names = dict.fromkeys(name for each in settings for name in each)
    values = {name: [each.get(name) for each in settings] for name in names if name != "model"}
    return {
        label_with_unit(name): column for name, column in values.items() if len(set(column)) > 1
    }


def _shown(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Those that the search and the models find; where there is none, that is said."""
    with st.container(horizontal=True, vertical_alignment="center"):
        query = st.text_input(
            "Search", key="compare_search", icon=":material/search:", placeholder=PLACEHOLDER,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        kinds = st.pills(
            "Models", MODEL_KINDS, selection_mode="multi", key="compare_kinds",
            label_visibility="collapsed", persist_state="session", width="content",
        )  # fmt: skip
    shown = [run for run in found(runs, query or "") if not kinds or run.model in kinds]
    if not shown:
        st.info(f"None of the {len(runs):,} runs is “{plain((query or '').strip())}”.")
    return shown


def _render_table(shown: list[RunRecord], most: int) -> None:
    store = the_lab().store
    # The browser knows rows by their place alone, so other runs in them make another table.
    which = zlib.crc32("".join(run.id for run in shown).encode())
    event = st.dataframe(
        every_run_table(shown, [store.tokens_per_s(run) for run in shown]), hide_index=True,
        key=f"compare_every_{which:x}", column_config=_COLUMNS, placeholder="–",
        on_select="rerun", selection_mode="multi-row", height=min(TABLE_PX, 38 + 35 * len(shown)),
        alt=f"{len(shown)} runs with their losses, costs and the settings in which they differ",
    )  # fmt: skip
    chosen = [shown[row] for row in event.selection.rows if row < len(shown)]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Compare the selected", key="compare_selected", icon=":material/compare_arrows:",
            disabled=not 1 <= len(chosen) <= most, on_click=choose_to_compare, args=(chosen,),
        )  # fmt: skip
        st.download_button(
            "These runs as CSV", lambda: table_csv(store, shown), "runs.csv", "text/csv",
            key="compare_csv_every", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        said = f"{len(shown)} runs. Click a heading to sort, the boxes at the left to select"
        said = " ".join(filter(None, [words.seeing_ahead_text(shown), said]))
        st.caption(f"{said}; at most {most} are compared." if len(chosen) <= most
                   else f"{len(chosen)} are selected; at most {most} are compared.")  # fmt: skip
