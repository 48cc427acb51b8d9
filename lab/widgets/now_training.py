"""What trains now, said at the top of every page in every tab, with a way there.

One small fragment, which asks the registry for the live runs and for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.records.records import RunRecord
from lab.session.pace import begin_page, keep_pace, paced
from lab.session.state import View, choose_run, the_lab, want_view
from lab.widgets.errors import errors_said
from lab.wording import words
from lab.wording.plain import plain

EVERY_S = 2.0
# In the bar with the names of the pages, which stays in sight, left of Streamlit's own signs. It
# takes no room on the page, with a run or without: so nothing moves when one begins or ends. A long
# name is cut off before it lies on those of the pages.
CSS = """
[data-testid="stLayoutWrapper"]:has(> * > * > .st-key-now_training) {
  position: fixed; top: 0.6rem; right: 8.5rem; width: auto; z-index: 1000000;
}
[data-testid="stMainBlockContainer"] > * > [data-testid="stLayoutWrapper"]:has(> :empty) {
  display: none;
}
.st-key-now_training p {
  max-width: calc(100vw - 75rem); overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
@media (max-width: 1270px) {
  [data-testid="stLayoutWrapper"]:has(> * > * > .st-key-now_training) { top: 3rem; right: 1rem; }
  .st-key-now_training p { max-width: 60vw; }
}
"""


def render_now_training() -> None:
    """Call once per page run, outside any fragment."""
    st.html(f"<style>{CSS}</style>")
    begin_page()
    st.fragment(_watch, run_every=paced(EVERY_S))()


@errors_said()  # a registry that is damaged under an open page is found here first
def _watch() -> None:
    keep_pace()
    live = the_lab().live_runs()
    with st.container(key="now_training"):
        if live and st.button(
            training_text(live), key="now_training_open", type="tertiary",
            icon=":material/model_training:", help="Shows it on the Train page",
        ):  # fmt: skip
            choose_run(live[0].id)
            want_view(_view_of(live))
            st.switch_page("app_pages/train.py")


def training_text(live: Sequence[RunRecord]) -> str:
    """What is being trained and how far it is; `live` are one run or more."""
    done, total = (sum(counts) for counts in zip(*((run.step, run.max_iters) for run in live)))
    if len(live) == 1:
        return f"Step {words.count(done)} of {words.count(total)}: {plain(live[0].name)} trains"
    return f"{len(live)} runs train: {words.count(done)} of {words.count(total)} steps"


def _view_of(live: Sequence[RunRecord]) -> View:
    """Where the live runs are seen together: one by itself, a race, a sweep."""
    if all(run.sweep for run in live):
        return "sweep"
    racing = {run_id for run_id, _ in the_lab().store.races()}
    return "race" if len(live) > 1 and all(run.id in racing for run in live) else "run"
