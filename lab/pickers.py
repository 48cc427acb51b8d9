"""Which run, and which of its checkpoints: the two choices that several pages begin with."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from core.lab import Which
from core.store import RunRecord
from lab.state import choose_run, chosen_run

CHECKPOINT_HELP = (
    "Best: the step with the lowest estimate of the validation loss. "
    "Last: the newest one that was saved."
)


def pick_run(runs: list[RunRecord], *, key: str, label: str = "Run") -> RunRecord | None:
    """Let the reader choose one of `runs` (the newest first); None when there are none.

    The choice is the session's, so it stays from page to page. Where the session's run is not among
    `runs`, a live one is shown, else the newest.
    """
    chosen = chosen_run(runs)
    if chosen is None:
        return None
    by_id = {run.id: run for run in runs}
    # The session's choice is the one truth: the box shows it, and a change goes through it.
    if st.session_state.get(key) != chosen.id:
        st.session_state[key] = chosen.id
    st.selectbox(
        label, list(by_id), key=key, format_func=lambda run_id: run_label(by_id[run_id]),
        on_change=_take_over, args=(key,),
    )  # fmt: skip
    return chosen


def run_label(run: RunRecord) -> str:
    """A run in one line. Only what stays the same: the browser keeps the label that it has."""
    return f"{run.name} · {run.model}"


def pick_checkpoint(*, key: str, label: str = "Checkpoint") -> Which:
    """Let the reader choose between the best and the last checkpoint of a run."""
    which: Which | None = st.segmented_control(
        label, get_args(Which), default="best", required=True, key=key, help=CHECKPOINT_HELP
    )
    return which or "best"


def _take_over(key: str) -> None:
    """The reader changed the box under `key`: that run is the session's from now on."""
    choose_run(st.session_state[key])
