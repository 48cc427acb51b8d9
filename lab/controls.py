"""Widgets for the settings of a run, and the config that they add up to.

One table says which values a slider offers; which sliders there are follows from the model. What
cannot be combined cannot be picked, and `core` checks it all again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import streamlit as st

from core.config import (
    BLOCKS,
    MODEL_SETTINGS,
    OPTIMIZERS,
    SCHEDULES,
    ModelKind,
    RunConfig,
    TrainConfig,
    help_line,
)
from core.corpus import Corpus
from core.lab import Lab
from core.presets import PRESETS, RECIPES

OWN = "own defaults"
_DRAFTS = "train_drafts"
NGRAMS = (0, 2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Slider:
    """One setting with the values that a learner may give it."""

    name: str
    label: str
    values: tuple[Any, ...]


SLIDERS = (
    Slider("block_size", "Block size", (4, 8, 16, 32, 64, 128, 256)),
    Slider("n_layer", "Layers", (1, 2, 3, 4, 5, 6, 8)),
    Slider("n_embd", "Width", (16, 32, 48, 64, 96, 128, 192, 256, 384)),
    Slider("n_head", "Heads", (1, 2, 3, 4, 6, 8, 12, 16)),
    Slider("batch_size", "Batch", (1, 2, 4, 8, 12, 16, 32, 64, 128)),
    Slider("max_iters", "Steps", (50, 100, 200, 500, 1000, 2000, 5000, 10_000)),
    Slider("learning_rate", "Learning rate", (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)),
    Slider("dropout", "Dropout", tuple(i / 20 for i in range(11))),
)
_TRAIN_FIELDS = frozenset(f.name for f in fields(TrainConfig))


def run_settings(lab: Lab, model: ModelKind) -> tuple[Corpus, RunConfig]:
    """Draw the controls of one model and return what they say.

    Raises ConfigError when the corpus is too short for any choice.
    """
    left, right = st.columns(2)
    name = left.selectbox("Corpus", lab.library.names(), key="train_corpus")
    corpus = lab.library.load(name)
    with right:
        preset = st.selectbox(
            "Start from", [OWN, *PRESETS], key=f"train_preset_{model}", persist_state="session",
            help="Sets all controls below to a known set of values; then change what you like.",
        )  # fmt: skip
    recipe = _recipe() if model == "transformer" else "classic"
    draft = _draft(lab, model, corpus, None if preset == OWN else preset, recipe)
    has = MODEL_SETTINGS[model]
    chosen: dict[str, Any] = {}
    columns = itertools.cycle(st.columns(2))
    for slider in SLIDERS:
        if slider.name in has or slider.name in _TRAIN_FIELDS:
            with next(columns):
                chosen[slider.name] = _slider(slider, chosen, corpus, draft, model)
    if model == "transformer":
        chosen |= _groups(draft, columns)
    with next(columns):
        chosen["schedule"] = st.selectbox(
            "Schedule", SCHEDULES, index=SCHEDULES.index(draft["schedule"]),
            key=_key(model, "schedule", draft), help=help_line("schedule"),
        )  # fmt: skip
    with next(columns):
        chosen["seed"] = st.number_input(
            "Seed", min_value=0, max_value=2**31 - 1, value=draft["seed"], step=1,
            key=_key(model, "seed", draft), help=help_line("seed"),
        )  # fmt: skip
    draft.update(chosen)
    return corpus, lab.configure(model, corpus, draft["preset"], draft["recipe"], **chosen)


def new_seed(model: ModelKind) -> None:
    """Move the draft's seed on by one, so that the next run starts from other random numbers."""
    draft = st.session_state[_DRAFTS][model]
    draft["seed"] += 1
    draft["version"] += 1


def _recipe() -> str:
    """How the transformer is built and trained: as nanoGPT does, or faster."""
    recipe = st.segmented_control(
        "Recipe", list(RECIPES), default="classic", required=True, key="train_recipe",
        width="stretch", persist_state="session",
        help="classic: GPT-2's block and AdamW. fast: newer ingredients, and Muon for the matrices "
        "of the blocks. fastest: tables of n-grams as well. Each sets the controls below.",
    )  # fmt: skip
    return recipe or "classic"


def _groups(draft: dict[str, Any], columns: Iterator[Any]) -> dict[str, Any]:
    """The three groups that a recipe is made of, each with a switch of its own."""
    chosen: dict[str, Any] = {}
    for name, label, options in (
        ("block", "Block", BLOCKS),
        ("optimizer", "Optimiser", OPTIMIZERS),
    ):
        with next(columns):
            chosen[name] = st.selectbox(
                label, options, index=options.index(draft[name]), help=help_line(name),
                key=_key("transformer", name, draft),
            )  # fmt: skip
    if chosen["block"] == "fast":
        with next(columns):
            chosen["ngrams"] = st.select_slider(
                "n-gram tables", NGRAMS, value=draft["ngrams"], help=help_line("ngrams"),
                key=_key("transformer", "ngrams", draft),
            )  # fmt: skip
    else:
        chosen["ngrams"] = 0
    return chosen


def _draft(
    lab: Lab, model: ModelKind, corpus: Corpus, preset: str | None, recipe: str
) -> dict[str, Any]:
    """What the controls of this model said last, also while another model's were on the screen."""
    drafts = st.session_state.setdefault(_DRAFTS, {})
    start = {"preset": preset, "recipe": recipe}
    before = drafts.get(model, {})
    if any(before.get(name, "") != value for name, value in start.items()):
        flat = lab.configure(model, corpus, preset, recipe).flat()
        drafts[model] = flat | start | {"version": before.get("version", 0) + 1}
    draft: dict[str, Any] = drafts[model]
    return draft


def _slider(
    slider: Slider, chosen: dict[str, Any], corpus: Corpus, draft: dict[str, Any], model: ModelKind
) -> Any:
    wanted = draft[slider.name]
    values = _possible(slider, chosen, corpus)
    key = _key(model, slider.name, draft)
    if values is None:
        values = sorted({*slider.values, wanted})
    else:
        # What is possible may have changed under it: fall back to the largest that still fits,
        # in a new widget, since this one may hold a value that is no longer there.
        wanted = wanted if wanted in values else max(v for v in values if v <= wanted)
        key += f"_{len(values)}_{values[-1]}"
    return st.select_slider(
        slider.label, options=values, value=wanted, key=key, help=help_line(slider.name),
        format_func=lambda v: f"{v:,.6g}",
    )  # fmt: skip


def _possible(slider: Slider, chosen: dict[str, Any], corpus: Corpus) -> list[Any] | None:
    """The values that fit the text and the width chosen so far; None: all do."""
    if slider.name == "n_head":
        # Even heads, since the fast block turns pairs of numbers.
        return [n for n in slider.values if chosen["n_embd"] % (2 * n) == 0]
    if slider.name == "block_size":
        n_val = len(corpus.text) - corpus.n_train
        return [n for n in slider.values if n < n_val] or [slider.values[0]]
    return None


def _key(model: ModelKind, name: str, draft: dict[str, Any]) -> str:
    """A widget's key; a new version of the draft gets new widgets, and so its own values."""
    return f"train_{name}_{model}_{draft['version']}"
