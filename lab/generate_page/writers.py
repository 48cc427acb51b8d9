"""Who writes: the run that the session looks at, and up to two others beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.errors import LabError, quoted
from core.records.records import RunRecord, newest_of_each_model, on_text
from core.runs.lab import Moment
from lab.session.address import Part, read_address
from lab.session.generate_choices import BESIDE, BESIDE_TOUCHED
from lab.session.state import the_lab
from lab.widgets.pickers import PICKER_PX, pick_addressed_run
from lab.widgets.scrubber import scrub
from lab.wording.plain import plain

MAX_BESIDE = 2
ALONE = "none"
"""What an address says where no other run writes."""

Writer = tuple[RunRecord, Moment]
"""A run, and when in its training."""


def pick_first(runs: list[RunRecord]) -> Writer | None:
    """The run that the session looks at, and its moment; None where there is none."""
    if not runs:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=PICKER_PX):
            run = pick_addressed_run(runs, key="generate_run")
        with st.container(gap=None):
            return (run, scrub(run)) if run else None


def beside_in_address(beside: Sequence[RunRecord], usual: Sequence[RunRecord]) -> str | None:
    """What an address says of the runs beside the first; None where they are the usual ones."""
    if {run.id for run in beside} == {run.id for run in usual}:
        return None
    named = [run.id if "," in run.name or run.name == ALONE else run.name for run in beside]
    return ",".join(named) or ALONE


def usual_beside(runs: Sequence[RunRecord], run: RunRecord) -> list[RunRecord]:
    """The newest run of each other model on the same text."""
    newest = newest_of_each_model(on_text(runs, run.fingerprint))
    return [other for other in newest if other.model != run.model][:MAX_BESIDE]


def pick_beside(runs: Sequence[RunRecord], run: RunRecord) -> list[RunRecord]:
    """The others, as the address or the reader wants them; at first the usual ones."""
    others = {other.id: other for other in runs if other.id != run.id}
    _take_address(others)
    wanted = [other for other in BESIDE.get() if other in others]
    if not BESIDE_TOUCHED.get():
        wanted = [other.id for other in usual_beside(runs, run)]
    BESIDE.set(wanted[:MAX_BESIDE])

    def option_text(run_id: str) -> str:
        return f"{others[run_id].name} · {others[run_id].model}"

    st.multiselect(
        "Side by side with", list(others), key=BESIDE.key, max_selections=MAX_BESIDE,
        format_func=option_text, on_change=BESIDE_TOUCHED.set, args=(True,),
        persist_state="session", placeholder="No other run",
        help="They continue the same prompt with the same seed. Until you choose, the newest run "
        "of each other model on the same text.",
    )  # fmt: skip
    return [others[run_id] for run_id in BESIDE.get()]


def _take_address(others: dict[str, RunRecord]) -> None:
    """Let the address choose, once; what of it cannot be is said."""
    before = BESIDE.get()
    trouble = read_address("generate, runs", [Part("beside", BESIDE, _ids_among(others))])
    if BESIDE.get() != before:
        BESIDE_TOUCHED.set(True)
    if trouble:
        st.warning(plain(trouble))


def _ids_among(others: dict[str, RunRecord]) -> Callable[[str], tuple[str, ...]]:
    """Reads names of runs, or ids, with commas between them."""

    def read(text: str) -> tuple[str, ...]:
        if text == ALONE:
            return ("",)  # which is no run, but a choice
        ids = []
        for name in text.split(",")[: MAX_BESIDE + 1]:
            try:
                ids.append(the_lab().run(name).id)
            except LabError:
                raise ValueError(f"names runs that are there, not {quoted(name)}") from None
        if len(ids) > MAX_BESIDE or not set(ids) <= others.keys():
            raise ValueError(f"names at most {MAX_BESIDE} runs other than the first")
        return tuple(ids)

    return read
