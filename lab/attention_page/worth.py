"""What attention adds to a model, measured when the reader asks for it."""

from __future__ import annotations

import streamlit as st

from core.errors import CorpusError
from core.records.records import RunRecord
from core.runs.lab import Which
from core.text.reference import reference_lines
from lab.attention_page.head_words import worth_sentence
from lab.session.state import the_lab, worth_of_attention
from lab.wording.glossary import explained
from lab.wording.plain import plain_but_code


def render_worth(run: RunRecord, step: int, which: Which) -> None:
    """A button that says what attention does for this model, over the page: nothing moves for it.

    Nothing is measured before it is asked.
    """
    with st.popover(
        "What does attention add?", key="attention_worth", type="tertiary", on_change="rerun",
        icon=":material/balance:", help="Measures the loss with and without; takes some seconds.",
    ) as asked:  # fmt: skip
        if asked.open:
            _render_worth(run, step, which)


def _render_worth(run: RunRecord, step: int, which: Which) -> None:
    """The loss of this model with and without its attention, in a sentence."""
    with st.spinner("Measuring with attention and without …"):
        try:
            worth = worth_of_attention(run.id, step, which)
            references = reference_lines(the_lab().corpus_of(run))
        except CorpusError as error:
            st.warning(f"There is no text to measure on. {plain_but_code(str(error))}")
            return
    floors = {line.name: line.loss_nats for line in references}
    sentence = worth_sentence(worth, run.config.model, floors.get("bigram"))
    st.markdown(sentence, help=explained(sentence))
