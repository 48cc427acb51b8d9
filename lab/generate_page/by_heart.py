"""What of a finished text stands in the training text, is spelled right, or was said before."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.errors import LabError
from core.generation.originality import Originality, UsualOriginality
from core.generation.spelling import Yardstick
from lab.generate_page.heart_words import (
    by_heart_text,
    passages_table,
    repetition_text,
    words_text,
)
from lab.session.state import the_lab, yardstick_in
from lab.session.texts import originality_in, usual_originality_in
from lab.wording.glossary import explained
from lab.wording.plain import plain_but_code


@dataclass(frozen=True)
class Held:
    """A text held against what its model learned from; or why that cannot be done."""

    text: str
    found: Originality | None = None
    usual: UsualOriginality | None = None
    yardstick: Yardstick | None = None
    message: str = ""

    @property
    def marks(self) -> list[tuple[int, int]]:
        """Start and length of what stands in the training text."""
        return [(p.start, p.length) for p in self.found.passages] if self.found else []


def held_against_its_text(run_id: str, text: str) -> Held:
    """Hold a text against the training text of the run that wrote it.

    `run_id` is empty for a model that learned nothing: then against the lab's default text.
    """
    try:
        lab = the_lab()
        corpus = lab.corpus_of(lab.run(run_id)) if run_id else lab.library.load()
    except LabError as error:
        return Held(text, message=str(error))
    return Held(
        text,
        originality_in(corpus, text),
        usual_originality_in(corpus, len(text)),
        yardstick_in(corpus),
    )


def render_by_heart(held: Held) -> None:
    """Three sentences under the text, and its passages that stand elsewhere."""
    st.markdown("**What of it is the model's own**")
    if held.found is None:
        st.caption(f"Not held against the training text: {plain_but_code(held.message)}")
        return
    sentences = [
        by_heart_text(held.found, held.usual),
        words_text(held.text, held.yardstick),
        repetition_text(held.found, held.usual),
    ]
    # A number stays on the line of its sign.
    said = "\n".join(f"* {sentence}" for sentence in sentences if sentence).replace(" %", "\u00a0%")
    st.markdown(said, help=explained(said))
    if held.found.passages:
        st.table(
            passages_table(held.text, held.found), border="horizontal", hide_index=True,
            alt=f"The longest passage has {held.found.longest} characters",
        )  # fmt: skip
