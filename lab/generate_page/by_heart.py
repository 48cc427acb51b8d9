"""What of a finished text stands in the training text, is spelled right, or was said before."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import LabError
from lab.generate_page.heart_words import (
    Held,
    by_heart_text,
    passages_table,
    repetition_text,
    summary_table,
    words_text,
)
from lab.session.entry import Entry
from lab.session.measured import yardstick_in
from lab.session.state import the_lab
from lab.session.texts import originality_in, usual_originality_in
from lab.widgets.switches import settled
from lab.wording.glossary import explained
from lab.wording.plain import plain_but_code

_SHOWN: Entry[str | None] = Entry("generate_held_shown", None)
"""Of several texts, the name of the one whose passages are shown."""


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


def render_by_heart(texts: Sequence[tuple[str, Held]]) -> None:
    """What of one or more texts, each with its name, is their models' own.

    Of one text in sentences; of several in a table, with the sentences of the one that is chosen.
    """
    st.markdown("**What of it is the model's own**")
    name, held = texts[0]
    if len(texts) > 1:
        known = [(name, held) for name, held in texts if held.found]
        if known:
            table = summary_table(known)
            st.table(
                table, border="horizontal", hide_index=True, alt="Of each text, what stands "
                "elsewhere word for word, what is in words of the corpus, and what repeats itself",
            )  # fmt: skip
        names = [name for name, _ in texts]
        settled(_SHOWN, names, names[0])
        name = st.selectbox("In words, and its longest passages: the text of", names,
                            key=_SHOWN.key, width=360)  # fmt: skip
        held = dict(texts)[name]
    _render_held(held)


def _render_held(held: Held) -> None:
    """Three sentences on a text, and its passages that stand elsewhere."""
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
