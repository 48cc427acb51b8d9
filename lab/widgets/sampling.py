"""How a model is to write: the controls that every page with a text has.

Each begins with the usual value, unless an address or another page has set its entry before.
"""

from __future__ import annotations

import secrets

import streamlit as st

from core.settings.config import SampleConfig, help_line
from lab.session.entry import Entry
from lab.wording.wishes import SEED_HELP

SHORTEST, LENGTH_STEP = 50, 50
"""Of the lengths that can be asked for, in characters."""
MAX_SAMPLES = 4
LARGEST_SEED = 2**31 - MAX_SAMPLES
"""So that each sample has a seed of its own."""


def temperature_slider(held: Entry[float]) -> float:
    """What the draws are to be divided by: 0 always takes the likeliest."""
    held.begin(SampleConfig().temperature)
    return st.slider(
        "Temperature", 0.0, 2.0, step=0.05, key=held.key, help=help_line("temperature"),
        persist_state="session",
    )  # fmt: skip


def length_slider(held: Entry[int], most: int) -> int:
    """How many characters; `most` is what the page has room or time for."""
    held.begin(held.default)
    return st.slider(
        "Length (characters)", SHORTEST, most, step=LENGTH_STEP, key=held.key,
        help=help_line("max_new_tokens"), persist_state="session",
    )  # fmt: skip


def top_k_slider(held: Entry[int], vocab_size: int) -> int:
    """Of the likeliest characters, how many may be drawn; `held` is of this vocabulary size."""
    held.begin(SampleConfig().top_k)
    return st.slider(
        "Top-k (0: all)",
        0,
        vocab_size,
        key=held.key,
        help=help_line("top_k"),
        persist_state="session",
    )


def top_p_slider(held: Entry[float]) -> float:
    """How much probability the characters that may be drawn are to hold."""
    held.begin(SampleConfig().top_p)
    return st.slider(
        "Top-p", 0.05, 1.0, step=0.05, key=held.key, help=help_line("top_p"),
        persist_state="session",
    )  # fmt: skip


def choose_seed(held: Entry[int]) -> int:
    """A box for the seed, which begins with the usual one."""
    held.begin(SampleConfig().seed)
    return st.number_input(
        "Seed", 0, LARGEST_SEED, key=held.key, help=SEED_HELP, persist_state="session"
    )


def set_new_seed(held: Entry[int]) -> None:
    """Hold any seed. Before its box is drawn, or in a callback."""
    held.set(secrets.randbelow(LARGEST_SEED + 1))
