"""Widgets for the settings of a run, and the config that they add up to.

One table says which values a slider offers; which sliders there are follows from the model, the
level, and what a lesson hides. What cannot be combined cannot be picked, and `core` checks it all
again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import streamlit as st

from core.runs.lab import Lab
from core.settings.config import (
    BLOCKS,
    MODEL_SETTINGS,
    OPTIMIZERS,
    SCHEDULES,
    ModelKind,
    RunConfig,
    TrainConfig,
)
from core.settings.presets import PRESETS, RECIPES, adapt, resolve
from core.text.corpus import Corpus, largest_block_size
from lab.session import train_choices
from lab.session.drafts import Draft, begin_draft, draft_for, draft_of
from lab.session.entry import Entry, draw_page_again
from lab.widgets.switches import switch
from lab.wording.labels import gloss, label_of, value_with_unit

OWN = "own defaults"
NGRAMS = (0, 2, 3, 4, 5, 6)
Level = Literal["simple", "all"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Slider:
    """One setting with the values that a learner may give it."""

    name: str
    values: tuple[Any, ...]
    simple: bool = True
    """Whether it is there at the simple level too."""

    @property
    def label(self) -> str:
        return label_of(self.name)


SLIDERS = (
    Slider("block_size", (4, 8, 16, 32, 64, 128, 256)),
    Slider("n_head", (1, 2, 3, 4, 6, 8, 12, 16)),
    Slider("n_layer", (1, 2, 3, 4, 5, 6, 8)),
    Slider("n_embd", (16, 32, 48, 64, 96, 128, 192, 256, 384)),
    Slider("learning_rate", (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)),
    Slider("max_iters", (50, 100, 200, 500, 1000, 2000, 5000, 10_000)),
    Slider("batch_size", (1, 2, 4, 8, 12, 16, 32, 64, 128), simple=False),
    Slider("dropout", tuple(i / 20 for i in range(11)), simple=False),
)
_SMALLEST_BLOCK_SIZE: int = min(next(s.values for s in SLIDERS if s.name == "block_size"))
_TRAIN_FIELDS = frozenset(f.name for f in fields(TrainConfig))
GROUPS = ("block", "ngrams", "optimizer")
"""The three groups that a recipe is made of, each with a switch of its own."""
_NOT_CLASSIC = {"ngrams": 0, "logit_cap": 0.0, "head_gates": False, "pair_embedding": False}
"""What the classic block does not have."""
SETTINGS = (*(slider.name for slider in SLIDERS), *GROUPS, "schedule", "seed")
"""Every setting that has a control."""
HIDEABLE = (*SETTINGS, "corpus", "preset", "recipe", "threads", "level", "model")
"""What a lesson can hide."""


@dataclass(frozen=True)
class Panel:
    """How the controls are to be drawn."""

    lab: Lab
    model: ModelKind
    level: Level
    hidden: Collection[str]
    on_rate: Callable[[float], None]
    """Called when the reader moves the learning rate."""

    def shows(self, name: str, *, simple: bool = False) -> bool:
        """Whether a control is there."""
        has = name not in MODEL_SETTINGS["transformer"] or name in MODEL_SETTINGS[self.model]
        return has and name not in self.hidden and (simple or self.level == "all")


def is_long_enough(text: str) -> bool:
    """Whether a text can be trained on with any of the block sizes that the controls offer."""
    return largest_block_size(len(text)) >= _SMALLEST_BLOCK_SIZE


def run_settings(panel: Panel) -> tuple[Corpus, RunConfig]:
    """Draw the controls of one model and return what they say.

    Raises ConfigError when the corpus is too short for any choice.
    """
    corpus = _corpus(panel)
    draft = draft_for(panel.model, corpus, _start(panel))
    cells = _cells([s.name for s in SLIDERS if _has(panel.model, s.name)
                    and panel.shows(s.name, simple=s.simple)])  # fmt: skip
    width_first = sorted(
        SLIDERS, key=lambda slider: slider.name != "n_embd"
    )  # heads follow from it
    for slider in width_first:
        if slider.name in cells:
            with cells[slider.name]:
                _slider(slider, corpus, draft, panel)
        elif slider.name in MODEL_SETTINGS[panel.model]:
            _keep_possible(slider, corpus, draft)
    if panel.model == "transformer":
        _groups(panel, draft)
    _schedule_and_seed(panel, draft)
    config = draft.config()
    corpus.check_long_enough(config.model.block_size)
    return corpus, config


def _has(model: ModelKind, name: str) -> bool:
    return name in MODEL_SETTINGS[model] or name in _TRAIN_FIELDS


def _cells(names: list[str]) -> dict[str, Any]:
    """A place for each control, two in a row."""
    places: dict[str, Any] = {}
    for i in range(0, len(names), 2):
        places |= dict(zip(names[i : i + 2], st.columns(2)))
    return places


# --- where to start from --------------------------------------------------------------------------


def _corpus(panel: Panel) -> Corpus:
    names = panel.lab.library.names()
    if not panel.shows("corpus", simple=True):
        return chosen_corpus(panel.lab)
    # Its label stands in the box: so the last sliders are on the first screen too.
    st.selectbox(
        label_of("corpus"), names, key=train_choices.CORPUS.key, persist_state="session",
        label_visibility="collapsed", format_func=lambda name: f"{label_of('corpus')}: {name}",
    )  # fmt: skip
    corpus = chosen_corpus(panel.lab)
    st.caption(f"{len(corpus.text):,} characters, {len(corpus.vocabulary):,} distinct")
    return corpus


def chosen_corpus(lab: Lab) -> Corpus:
    """The text that was chosen on the Train page, else the lab's default."""
    name = train_choices.CORPUS.get()
    return lab.library.load(name if name in lab.library.names() else None)


def choose_corpus(name: str) -> None:
    """Let the Train page learn from this text when it is drawn next."""
    train_choices.CORPUS.set(name)


def _start(panel: Panel) -> tuple[str | None, str]:
    """Preset and recipe; picking another sets all controls below."""
    draft = draft_of(panel.model)
    preset: str | None = None
    recipe = "classic"
    if draft:
        preset, recipe = draft.start
    if panel.shows("preset"):
        held = train_choices.preset_of(panel.model)
        held.begin(preset or OWN)
        picked = st.selectbox(
            label_of("preset"), [OWN, *PRESETS], key=held.key, persist_state="session",
            help="Sets all controls below to a known set of values; then change what you like.",
        )  # fmt: skip
        preset = None if picked in (None, OWN) else str(picked)
    if panel.model == "transformer" and panel.shows("recipe"):
        recipe = switch(
            label_of("recipe"), list(RECIPES), width="stretch",
            held=replace(train_choices.RECIPE, default=recipe),
            help_text="classic: GPT-2's block and AdamW. fast: the modern block, and Muon for the "
            "matrices of the blocks. fastest: tables of n-grams as well. Each sets the controls "
            "below.",
        )  # fmt: skip
    return preset, recipe if panel.model == "transformer" else "classic"


def begin_controls(
    model: ModelKind, corpus: Corpus, preset: str | None, recipe: str, settings: Mapping[str, Any]
) -> None:
    """Let the controls of a model begin with a preset, a recipe and some settings beside them.

    Raises ConfigError for what cannot be.
    """
    base = resolve(model, len(corpus.vocabulary), preset, None, recipe)
    adapt(base, settings)  # what cannot be is said now
    begin_draft(base, (preset, recipe), settings)
    train_choices.preset_of(model).set(preset or OWN)
    train_choices.RECIPE.set(recipe)


# --- one setting each -----------------------------------------------------------------------------


def _slider(slider: Slider, corpus: Corpus, draft: Draft, panel: Panel) -> None:
    possible = _keep_possible(slider, corpus, draft)
    wanted = draft.wanted(slider.name)
    values = sorted({*(slider.values if possible is None else possible), wanted})
    key = _key(panel.model, slider.name, draft)
    if possible is not None:
        # What is possible may have changed under it: then in a new widget, since the old one may
        # hold a value that is no longer there.
        key += f"_{len(values)}_{values[-1]}"
    is_rate = slider.name == "learning_rate"
    draft.values[slider.name] = st.select_slider(
        slider.label, options=values, value=wanted, key=key, help=gloss(slider.name),
        format_func=lambda value: value_with_unit(slider.name, value),
        on_change=_tell if is_rate else "rerun", args=(panel.on_rate, key) if is_rate else None,
    )  # fmt: skip


def _tell(on_rate: Callable[[float], None], key: str) -> None:
    on_rate(Entry(key, 0.0).get())


def _keep_possible(slider: Slider, corpus: Corpus, draft: Draft) -> list[Any] | None:
    """The values that fit the text and the width (None: all do); the draft then holds one."""
    if slider.name == "n_head":
        # Even heads, since the modern block turns pairs of numbers.
        width = draft.wanted("n_embd")
        possible = [n for n in slider.values if width % (2 * n) == 0] or [1]
        n_head, classic = draft.wanted("n_head"), draft.wanted("block") != "modern"
        fits = n_head in possible or (classic and width % n_head == 0)
    elif slider.name == "block_size":
        n_val = len(corpus.text) - corpus.n_train
        possible = [n for n in slider.values if n < n_val] or [slider.values[0]]
        fits = draft.wanted("block_size") < n_val
    else:
        return None
    if not fits:
        below = [n for n in possible if n <= draft.wanted(slider.name)]
        draft.values[slider.name] = max(below, default=possible[0])
    return possible


def _groups(panel: Panel, draft: Draft) -> None:
    if draft.wanted("block") != "modern":
        draft.values |= _NOT_CLASSIC
    has_tables = draft.wanted("block") == "modern"
    cells = _cells([n for n in GROUPS if panel.shows(n) and (n != "ngrams" or has_tables)])
    # The ladder's block has settings of its own, which only a run of a ladder brings along.
    blocks = [b for b in BLOCKS if b != "ladder" or draft.base.model.block == b]
    for name, options in (("block", blocks), ("optimizer", [*OPTIMIZERS])):
        if name in cells:
            draft.values[name] = cells[name].selectbox(
                label_of(name), options, index=options.index(draft.wanted(name)),
                key=_key("transformer", name, draft), help=gloss(name),
            )  # fmt: skip
    if draft.wanted("block") == "ladder":
        draft.values.pop("ideas", None)  # those of the run that brought the block along
    else:
        draft.values["ideas"] = ""
        _give_a_layer(draft)
    if draft.wanted("block") != "modern":
        draft.values |= _NOT_CLASSIC
    elif "ngrams" in cells:
        draft.values["ngrams"] = cells["ngrams"].select_slider(
            label_of("ngrams"), sorted({*NGRAMS, draft.wanted("ngrams")}),
            value=draft.wanted("ngrams"), help=gloss("ngrams"),
            key=_key("transformer", "ngrams", draft),
        )  # fmt: skip


def _give_a_layer(draft: Draft) -> None:
    """The ladder's first rungs have no layer, which only the ladder's block can do without."""
    if not draft.wanted("n_layer"):
        draft.values["n_layer"] = 1
        draft.version += 1  # its slider stands above, and is drawn anew with what now holds
        draw_page_again()


def _schedule_and_seed(panel: Panel, draft: Draft) -> None:
    cells = _cells([name for name in ("schedule", "seed", "threads") if panel.shows(name)])
    if "schedule" in cells:
        draft.values["schedule"] = cells["schedule"].selectbox(
            label_of("schedule"), SCHEDULES, index=SCHEDULES.index(draft.wanted("schedule")),
            key=_key(panel.model, "schedule", draft), help=gloss("schedule"),
        )  # fmt: skip
    if "seed" in cells:
        draft.values["seed"] = cells["seed"].number_input(
            label_of("seed"), min_value=0, max_value=2**31 - 1, value=draft.wanted("seed"), step=1,
            key=_key(panel.model, "seed", draft), help=gloss("seed"),
        )  # fmt: skip
    if "threads" in cells:
        cells["threads"].selectbox(
            label_of("threads"), range(1, (os.cpu_count() or 1) + 1), key=train_choices.THREADS.key,
            help="How many the lab may take, for every run, until it is stopped; LAB_THREADS sets "
            "it for good. A small model takes one: it is faster on one. Sums in another order may "
            "differ in the last digits.",
        )  # fmt: skip


def _key(model: ModelKind, name: str, draft: Draft) -> str:
    """A widget's key; a new version of the draft gets new widgets, and so its own values."""
    return f"train_{name}_{model}_{draft.version}"
