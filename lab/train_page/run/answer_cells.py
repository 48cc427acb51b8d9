"""Five answers about the run on the bench, side by side, in cells of one height."""

from __future__ import annotations

import streamlit as st

from core.findings.curve import Lines
from core.records.records import RunRecord, run_before
from lab.session.state import the_lab
from lab.train_page.run.answers import Answer, Measured, answers
from lab.wording.plain import plain

ANSWER_PX, ANSWER_LEAST_PX = 184, 150
"""Room for the question, six lines and what stands behind them; how narrow a line may be."""
CSS = """
.st-key-answers p { line-height: 1.35; }
.st-key-answers [data-testid="stPopoverButton"] { min-height: 0; padding-block: 0; }
"""


def render_answers(
    now: Measured, others: list[RunRecord], references: Lines, in_bits: bool
) -> None:
    """Draw them. Cells have one height, whatever they say, so that nothing below them moves."""
    store, earlier = the_lab().store, run_before(others, now.run)
    before = None
    if earlier:
        estimates, changes = store.estimates(earlier.id), store.changes(earlier.id)
        before = Measured(earlier, estimates, changes=changes)
    with st.container(border=True, key="answers"):
        st.html(f"<style>{CSS}</style>")
        said = answers(now, before, references, in_bits)
        grid = st.grid(len(said), min_column_width=ANSWER_LEAST_PX)
        for nth, answer in enumerate(said):
            with grid.container(height=ANSWER_PX, border=False, gap="xsmall"):
                _render_answer(answer, nth)


def _render_answer(answer: Answer, nth: int) -> None:
    st.markdown(f":small[:gray[{answer.question}]]  \n:small[{plain(answer.text)}]")
    if answer.more:
        with st.popover(f":small[{answer.more_title}]", type="tertiary", key=f"answer_more_{nth}"):
            st.markdown("\n".join(f"* {plain(line)}" for line in answer.more))
