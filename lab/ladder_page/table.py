"""All rungs of a ladder in numbers: a table on demand, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.experiments.ladder import RungStanding
from core.training.preflight import flops_per_token
from lab.figures.ladder import bought_nats
from lab.session.state import last_text_of

COLUMNS = {
    "rung": "rung", "changes": "what it changes", "base": "held against",
    "val_loss_nats": "validation loss (nats)", "difference_nats": "difference (nats)",
    "n_params": "parameters", "flops_per_character": "FLOPs a character", "iter": "steps",
    "train_s": "training (s)", "learning_rate": "learning rate", "writes": "writes",
}  # fmt: skip
"""Names in the CSV, and on the screen."""


def render_table(name: str, rungs: Sequence[RungStanding]) -> None:
    """A fold with every number behind the staircase; nothing is read before it is opened."""
    fold = st.expander("All rungs in numbers", icon=":material/table:", key="ladder_table",
                       on_change="rerun")  # fmt: skip
    if not fold.open:
        return
    rows = rung_rows(rungs)
    with fold:
        shown = [{COLUMNS[column]: value for column, value in row.items()} for row in rows]
        st.dataframe(shown, hide_index=True, key="ladder_numbers", placeholder="–")
        st.download_button(
            "CSV", csv_of(rows), f"{name}.csv", "text/csv", icon=":material/download:",
            key="ladder_csv",
        )  # fmt: skip


def rung_rows(rungs: Sequence[RungStanding]) -> list[dict[str, Any]]:
    """A row for each rung, by the names of `COLUMNS`; None for what is not known."""
    return [_row(rung, rungs) for rung in rungs]


def csv_of(rows: Sequence[dict[str, Any]]) -> str:
    """The rows with a line of names above them; losses are not rounded."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(rung: RungStanding, rungs: Sequence[RungStanding]) -> dict[str, Any]:
    run, config, bought = rung.run, rung.config, bought_nats(rung, rungs)
    return {
        "rung": rung.name,
        "changes": rung.changes,
        "base": rung.base,
        "val_loss_nats": run.val_loss_nats if run else None,
        "difference_nats": None if bought is None else -bought,
        "n_params": run.n_params if run else None,
        "flops_per_character": flops_per_token(config.model) if config else None,
        "iter": run.step if run else None,
        "train_s": run.train_s if run else None,
        "learning_rate": config.train.learning_rate if config else None,
        "writes": " ".join(last_text_of(run).split()) if run else "",
    }
