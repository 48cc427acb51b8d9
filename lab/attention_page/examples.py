"""Where a head mattered most: the guesses that are worst without it, in their text."""

from __future__ import annotations

import streamlit as st

from core.interpretability.parts import Part
from core.runs.lab import LoadedModel
from core.text.corpus import Corpus
from lab.components.saveable_picture import saveable_picture
from lab.figures.examples import WIDTH_PX, examples_alt, examples_picture
from lab.session.measured import examples_for
from lab.session.state import palette
from lab.wording.glossary import explained

N_EXAMPLES = 4


def render_examples(key: str, loaded: LoadedModel, corpus: Corpus, chosen: tuple[int, int]) -> None:
    """The guesses that the chosen head was for; layer and head from 1. `key` names the model."""
    part = Part("head", *chosen)
    examples = examples_for(f"{key} {part}", loaded, corpus, part, N_EXAMPLES)
    st.markdown(
        f"**Where layer {part.layer} · head {part.head} mattered most.** Of some of the validation "
        "text, the guesses whose loss rises most without it; the bracket leads to the character "
        "that it looked at most.",
        help=explained("loss", "validation", "attention head"),
    )
    saveable_picture(
        examples_picture(examples, loaded.model.config.model, palette()),
        key="attention_examples", width=round(WIDTH_PX),
        alt=examples_alt(examples) or "There are none.",
    )  # fmt: skip
