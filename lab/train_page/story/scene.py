"""One scene of a told step: what the guess is made from, a picture, and a sentence or two."""

from __future__ import annotations

import zlib

import plotly.graph_objects as go
import streamlit as st

from core.errors import LabError
from core.interpretability.training_step import TrainingStep, told_guess
from lab.components.live_plot import PlotClick, live_plot
from lab.figures.base import compact
from lab.figures.training_step import (
    after_figure,
    batch_figure,
    gradient_figure,
    layers_figure,
    losses_figure,
    update_figure,
)
from lab.session.entry import Entry, only_fragments_run
from lab.session.state import palette
from lab.session.told_steps import StepSource, step_told
from lab.train_page.story.playing import Stand
from lab.train_page.story.words import SCENES, Telling, context_line, scene_text
from lab.wording.glossary import explained
from lab.wording.plain import plain_but_code

MIN_PX, PART_PX, PICKER_PX = 310, 19, 130


def render_scene(source: StepSource, stand: Stand) -> None:
    """Draw the scene where the telling stands; the step is taken where it was not yet."""
    try:
        with st.spinner("Taking the step on a private copy …"):
            step = step_told(source, stand.n_ahead)
    except LabError as error:
        st.warning(f"This step cannot be told. {plain_but_code(str(error))}")
        return
    window, place = _chosen(source, step.step)
    guess = told_guess(step.step, window.get() - 1, place.get() - 1)
    telling = Telling(step.step, guess, step.vocabulary, step.config)
    st.code(context_line(telling), language=None)
    click = live_plot(
        _picture(stand.scene, telling), key="train_story_plot", clickable=True,
        height_px=max(MIN_PX, 70 + PART_PX * len(step.step.parts)),
        alt=f"Scene {stand.scene + 1}, {SCENES[stand.scene]}: {_spoken(stand.scene, telling)}",
    )  # fmt: skip
    if click and _take_click(click, stand.scene, window, place):
        st.rerun(scope="fragment" if only_fragments_run() else "app")
    said = scene_text(stand.scene, telling)
    st.markdown(said, help=explained(said))
    _render_pickers(step.step, window, place)


def _chosen(source: StepSource, told: TrainingStep) -> tuple[Entry[int], Entry[int]]:
    """Window and place of the guess that is followed, from 1: the typical one until another is
    chosen. Each step has its own."""
    name = f"{zlib.crc32(source.name.encode()):08x}_{told.step}"
    usual = told.typical
    held = (
        Entry(f"train_story_window_{name}", usual[0] + 1),
        Entry(f"train_story_place_{name}", usual[1] + 1),
    )
    for entry in held:
        entry.begin(entry.default)
    return held


def _take_click(click: PlotClick, scene: int, window: Entry[int], place: Entry[int]) -> bool:
    """Follow the guess that was clicked on, in the batch or among the losses; whether it is another
    one."""
    if not isinstance(click.x, int | float) or not isinstance(click.y, int | float):
        return False
    before = window.get(), place.get()
    if SCENES[scene] == "Batch" and click.x >= 1:
        window.set(round(click.y) + 1)
        place.set(round(click.x))  # what stands at x is guessed at the place before it
    elif SCENES[scene] == "Loss":
        place.set(round(click.x) + 1)
    return before != (window.get(), place.get())


def _render_pickers(told: TrainingStep, window: Entry[int], place: Entry[int]) -> None:
    """Which guess of the batch is followed."""
    B, T = told.inputs.shape
    with st.container(horizontal=True):
        for held, label, n in ((window, "Window", B), (place, "Place", T)):
            st.number_input(label, 1, n, key=held.key, width=PICKER_PX)


def _picture(scene: int, telling: Telling) -> go.Figure:
    told, guess, kind = telling.told, telling.guess, telling.kind
    characters, colors = telling.vocabulary.characters, palette()
    match SCENES[scene]:
        case "Batch":
            texts = [
                telling.vocabulary.decode([*inputs, targets[-1]])
                for inputs, targets in zip(told.inputs.tolist(), told.targets.tolist())
            ]
            return batch_figure(texts, guess.window, guess.place, kind, colors)
        case "Guess":
            layers = compact(guess.layers)
            names = (
                ["the table"]
                if kind == "bigram"
                else [f"layer {n}" for n in range(1, len(layers) + 1)]
            )
            return layers_figure(layers, guess.target, characters, names, colors)
        case "Loss":
            targets = telling.vocabulary.decode(told.targets[guess.window])
            return losses_figure(
                compact(told.losses_before_nats[guess.window].cpu()), targets, guess.place,
                told.loss_before_nats, kind, colors,
            )  # fmt: skip
        case "Gradient":
            return gradient_figure(
                compact(guess.logits_grad), guess.target, characters, told.parts, kind, colors
            )
        case "Update":
            return update_figure(told.parts, kind, colors)
        case _:
            return after_figure(
                compact(guess.before), compact(guess.after), guess.target, characters, kind, colors
            )


def _spoken(scene: int, telling: Telling) -> str:
    """The sentences of a scene without what makes them Markdown."""
    return scene_text(scene, telling).replace("*", "").replace("\\", "")
