"""Choices of which one always holds: what the widget shows is what the page draws.

Kept while other pages are on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, cast

import streamlit as st

Choice = TypeVar("Choice")


def settled(
    key: str, choices: Sequence[Choice], default: Choice, say: Callable[[Any], str] = str
) -> Choice:
    """What the widget under `key` is going to hold: its value, or `default` if that is no choice.

    Call it before the widget is drawn. A browser knows a choice by its label alone and keeps the
    label that it has; where the labels have changed under it, it is told anew which one holds.
    """
    held = st.session_state.get(key)
    value = cast(Choice, held) if held in choices else default
    labels = tuple(map(say, choices))
    if held != value or st.session_state.get(f"{key}_labels") != labels:
        st.session_state[key] = value
    st.session_state[f"{key}_labels"] = labels
    return value


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
    settled(key, choices, default, format_func)
    chosen = st.segmented_control(
        label, choices, required=True, key=key, persist_state="session", width=width,
        label_visibility="visible" if labelled else "collapsed", format_func=format_func,
        help=help_text,
    )  # fmt: skip
    return default if chosen is None else chosen
