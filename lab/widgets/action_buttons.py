"""Buttons that do something with runs: done, and the page drawn as they stand, or said why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

import streamlit as st

from core.errors import LabError
from lab.wording.labels import in_labels
from lab.wording.plain import plain_but_code


class ButtonOptions(TypedDict, total=False):
    """What a button may have besides, as `st.button` takes it."""

    disabled: bool
    shortcut: str
    help: str


def deed_button(
    label: str,
    icon: str,
    deed: Callable[[], object],
    *,
    key: str,
    primary: bool = True,
    **options: Unpack[ButtonOptions],
) -> None:
    """A button; what cannot be done is said beside it, and nothing is lost."""
    clicked = st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary", key=key,
        **options,
    )  # fmt: skip
    if clicked:
        try:
            deed()
        except LabError as error:
            st.error(plain_but_code(in_labels(str(error))))
        else:
            st.rerun()
