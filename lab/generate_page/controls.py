"""What is continued and how: the prompt and the settings, on the page and in its address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.records.records import RunRecord
from core.settings.config import SampleConfig
from lab.generate_page.writers import beside_in_address, pick_beside, usual_beside
from lab.session.address import (
    Part,
    lines_of_text,
    number,
    read_address,
    whole_number,
    write_address,
)
from lab.session.generate_choices import (
    LENGTH,
    N_SAMPLES,
    PROMPT,
    SEED,
    TEMPERATURE,
    TOP_P,
    top_k_of,
)
from lab.session.state import the_lab
from lab.session.writing import MAX_CHARACTERS
from lab.widgets.pickers import opening_for, suggest
from lab.widgets.sampling import (
    LARGEST_SEED,
    MAX_SAMPLES,
    SHORTEST,
    choose_seed,
    length_slider,
    set_new_seed,
    temperature_slider,
    top_k_slider,
    top_p_slider,
)
from lab.wording.plain import plain

MAX_ADDRESSED = 500
"""A longer prompt is not put into the address, nor taken from it."""
PROMPT_PX = 72
_PARTS = (
    Part("prompt", PROMPT, lines_of_text(MAX_ADDRESSED)),
    Part("temperature", TEMPERATURE, number(0.0, 2.0)),
    Part("length", LENGTH, whole_number(MAX_CHARACTERS, SHORTEST)),
    Part("top_p", TOP_P, number(0.05, 1.0)),
    Part("seed", SEED, whole_number(LARGEST_SEED, 0)),
    Part("samples", N_SAMPLES, whole_number(MAX_SAMPLES)),
)


@dataclass(frozen=True)
class Asked:
    """What the controls say, and a place beside the prompt for the button that does it."""

    prompt: str
    config: SampleConfig
    n_samples: int
    """Texts of each run."""
    beside: list[RunRecord]
    """The other runs that write."""
    vocab_size: int
    """Of the run with most characters."""
    button_place: DeltaGenerator
    below: DeltaGenerator
    """A place below the prompt."""


def render_controls(runs: Sequence[RunRecord], run: RunRecord | None) -> Asked:
    """Prompt, the other runs, and the settings.

    Args:
        runs: all there are, the newest first.
        run: the first that writes, from whose text the first prompt is.
    """
    if trouble := read_address("generate", _PARTS):
        st.warning(plain(trouble))
    suggest(PROMPT.key, opening_for(run))
    first, *others = st.columns([5, 2, 2, 2], gap="medium")
    with first:
        prompt = st.text_area(
            "Prompt", key=PROMPT.key, height=PROMPT_PX, max_chars=MAX_CHARACTERS,
            persist_state="session",
            help="What is continued. Empty: it begins with a new line.",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            button_place = st.container(width="content")
            with st.container():
                beside = pick_beside(runs, run) if run else []
        below = st.container()
    sizes = [each.config.model.vocab_size for each in (run, *beside) if each]
    vocab_size = max(sizes) if sizes else len(the_lab().library.load().vocabulary)
    with others[0]:
        temperature = temperature_slider(TEMPERATURE)
        length = length_slider(LENGTH, MAX_CHARACTERS)
    with others[1]:
        top_k = _choose_top_k(vocab_size)
        top_p = top_p_slider(TOP_P)
    with others[2]:
        seed, n_samples = _choose_draws()
    config = SampleConfig(
        max_new_tokens=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
    )
    return Asked(prompt or "", config, n_samples, beside, vocab_size, button_place, below)


def say_in_address(runs: Sequence[RunRecord], run: RunRecord | None, asked: Asked) -> None:
    """Let the address say what was chosen; what is so anyway needs no word."""
    usual, config = SampleConfig(), asked.config
    is_said = asked.prompt != opening_for(run) and len(asked.prompt) <= MAX_ADDRESSED
    held = [
        ("temperature", config.temperature, usual.temperature),
        ("length", config.max_new_tokens, usual.max_new_tokens),
        ("top_k", config.top_k, usual.top_k),
        ("top_p", config.top_p, usual.top_p),
        ("seed", config.seed, usual.seed),
        ("samples", asked.n_samples, 1),
    ]
    values = {name: None if value == usual else _short(value) for name, value, usual in held}
    values["prompt"] = asked.prompt if is_said else None
    values["beside"] = beside_in_address(asked.beside, usual_beside(runs, run)) if run else None
    write_address(values)


def _short(value: float) -> str:
    """A number without what floats add to it."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def _choose_top_k(vocab_size: int) -> int:
    """Its slider; what the address may say of it depends on who writes."""
    held = top_k_of(vocab_size)
    part = Part("top_k", held, whole_number(vocab_size, 0))
    if trouble := read_address("generate, top-k", [part]):
        st.warning(plain(trouble))
    return top_k_slider(held, vocab_size)


def _choose_draws() -> tuple[int, int]:
    """The seed, and how many texts are drawn with it and those after it."""
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        seed = choose_seed(SEED)
        st.button(
            "New seed", key="generate_new_seed", icon=":material/casino:", on_click=set_new_seed,
            args=(SEED,),
        )  # fmt: skip
    N_SAMPLES.begin(1)
    n_samples = st.slider(
        "Samples", 1, MAX_SAMPLES, key=N_SAMPLES.key, persist_state="session",
        help="Texts of each run. Each has draws of its own: the first by the seed, the next by the "
        "seed and 1, and so on, as `generate --n_samples` of the command line has them.",
    )  # fmt: skip
    return seed, n_samples
