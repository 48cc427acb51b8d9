"""A row of choices of which one always holds, kept while other pages are on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import streamlit as st

Choice = TypeVar("Choice")


def switch(
    label: str,
    choices: Sequence[Choice],
    *,
    key: str,
    default: Choice,
    labelled: bool = True,
    format_func: Callable[[Any], str] = str,
    width: Literal["content", "stretch"] = "content",
    help_text: str | None = None,
) -> Choice:
    """Draw it and return what holds. An address or another page may have set `key` before."""
    if st.session_state.get(key) not in choices:
        st.session_state[key] = default
    chosen = st.segmented_control(
        label, choices, required=True, key=key, persist_state="session", width=width,
        label_visibility="visible" if labelled else "collapsed", format_func=format_func,
        help=help_text,
    )  # fmt: skip
    return default if chosen is None else chosen
