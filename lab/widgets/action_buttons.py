"""Buttons that do something with runs: done, and the page drawn as they stand, or said why not."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import LabError
from lab.wording.labels import in_labels
from lab.wording.plain import plain_but_code


def deed_button(
    label: str,
    icon: str,
    deed: Callable[[], object],
    *,
    key: str,
    primary: bool = True,
    disabled: bool = False,
    shortcut: str | None = None,
    help_text: str | None = None,
) -> None:
    """A button; what cannot be done is said beside it, and nothing is lost."""
    clicked = st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary", key=key,
        disabled=disabled, shortcut=shortcut, help=help_text,
    )  # fmt: skip
    if clicked:
        try:
            deed()
        except LabError as error:
            st.error(plain_but_code(in_labels(str(error))))
        else:
            st.rerun()
