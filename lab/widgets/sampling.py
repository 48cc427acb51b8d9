"""How a model is to write: the controls that every page with a text has."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.settings.config import SampleConfig, help_line
from lab.session.entry import Entry
from lab.wording.wishes import SEED_HELP


def temperature_and_length(page: str, usual_length: int, most: int) -> tuple[float, int]:
    """Two sliders side by side; what they say of temperature and of the length in characters.

    Args:
        page: the name of the page, with which their keys begin.
        most: the longest text that the page has room or time for.
    """
    left, right = st.columns(2)
    temperature = left.slider(
        "Temperature", 0.0, 2.0, SampleConfig().temperature, 0.05, key=f"{page}_temperature",
        help=help_line("temperature"), persist_state="session",
    )  # fmt: skip
    length = right.slider(
        "Length", 50, most, usual_length, 50, key=f"{page}_length",
        help=help_line("max_new_tokens"), persist_state="session",
    )  # fmt: skip
    return temperature, length


def choose_seed(held: Entry[int], width: int | Literal["stretch"] = "stretch") -> int:
    """A box for the seed, which begins with the usual one; `width` is in px."""
    held.begin(SampleConfig().seed)
    return st.number_input(
        "Seed", 0, 2**31 - 1, key=held.key, help=SEED_HELP, persist_state="session", width=width
    )
