"""What attention adds to a model, measured when the reader asks for it."""

from __future__ import annotations

import streamlit as st

from core.runs.lab import LoadedModel
from core.text.corpus import Corpus
from core.text.reference import reference_lines
from lab.attention_page.head_words import worth_sentence
from lab.session.measured import worth_of_attention
from lab.wording.glossary import explained


def render_worth(key: str, loaded: LoadedModel, corpus: Corpus) -> None:
    """A button that says what attention does for this model, over the page: nothing moves for it.

    `key` names the model. Nothing is measured before it is asked.
    """
    with st.popover(
        "What does attention add?", key="attention_worth", type="tertiary", on_change="rerun",
        icon=":material/balance:", help="Measures the loss with and without; takes some seconds.",
    ) as asked:  # fmt: skip
        if asked.open:
            _render_worth(key, loaded, corpus)


def _render_worth(key: str, loaded: LoadedModel, corpus: Corpus) -> None:
    """The loss of this model with and without its attention, in a sentence."""
    with st.spinner("Measuring with attention and without …"):
        worth = worth_of_attention(key, loaded, corpus)
    floors = {line.name: line.loss_nats for line in reference_lines(corpus)}
    sentence = worth_sentence(worth, loaded.model.config, floors.get("bigram"))
    st.markdown(sentence, help=explained(sentence))
