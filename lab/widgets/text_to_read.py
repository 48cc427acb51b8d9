"""The text that a model is to read while one looks inside: one box, the same on all pages."""

from __future__ import annotations

import streamlit as st

from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from lab.session.looking import TEXT
from lab.widgets.pickers import example_text, suggest
from lab.wording.plain import quoted

EXAMPLE_LENGTH = 40


def text_box(run: RunRecord | None, loaded: LoadedModel) -> str:
    """The box; at first with a line of what the run learned from."""
    suggest(TEXT.key, example_text(run, loaded, EXAMPLE_LENGTH))
    return st.text_input(
        "Text to look at", key=TEXT.key, persist_state="session",
        help=f"This model sees {loaded.model.config.block_size} characters at most.",
    )  # fmt: skip


def is_readable(text: str, loaded: LoadedModel) -> bool:
    """Whether the model knows every character; where it does not, offer to put that right."""
    if unknown := loaded.vocabulary.unknown(text):
        st.warning(f"The text that this model learned from has no {quoted(unknown)}.")
        st.button(
            "Leave out what it cannot read", key="text_drop",
            on_click=_drop_unknown, args=(loaded,),
        )  # fmt: skip
    return not unknown


def _drop_unknown(loaded: LoadedModel) -> None:
    readable = loaded.vocabulary.drop_unknown(TEXT.get())
    if readable.strip():
        TEXT.set(readable)
    else:  # then an example takes its place
        TEXT.clear()
