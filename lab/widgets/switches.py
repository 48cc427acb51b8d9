"""Choices of which one always holds: what the widget shows is what the page draws.

Kept while other pages are on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, cast

import streamlit as st

from lab.session.entry import Entry, only_fragments_run

Choice = TypeVar("Choice")


def settled(
    held: Entry[Any], choices: Sequence[Choice], default: Choice, say: Callable[[Any], str] = str
) -> Choice:
    """What a widget is going to hold: its value, or `default` if that is no choice.

    Call it before the widget is drawn. A browser knows a choice by its label alone and keeps the
    label that it has; where the labels have changed under it, it is told anew which one holds.
    """
    said: Entry[tuple[str, ...] | None] = Entry(f"{held.key}_labels", None)
    now, labels = held.get(), tuple(map(say, choices))
    value = cast(Choice, now) if now in choices else default
    if now != value or said.get() != labels:
        held.set(value)
    said.set(labels)
    return value


def switch(
    label: str,
    choices: Sequence[Choice],
    *,
    held: Entry[Choice],
    labelled: bool = True,
    format_func: Callable[[Any], str] = str,
    width: Literal["content", "stretch"] = "content",
    help_text: str | None = None,
) -> Choice:
    """Draw it and return what holds. An address or another page may have set it before."""
    shown = settled(held, choices, held.default, format_func)
    chosen = st.segmented_control(
        label, choices, required=True, key=held.key, persist_state="session", width=width,
        label_visibility="visible" if labelled else "collapsed", format_func=format_func,
        help=help_text, on_change=_keep_at_ticks, args=(held, shown),
    )  # fmt: skip
    return held.default if chosen is None else chosen


def _keep_at_ticks(held: Entry[Choice], shown: Choice) -> None:
    """Let what the page was drawn with hold, unless the reader has chosen something else."""
    if only_fragments_run():
        held.set(shown)
