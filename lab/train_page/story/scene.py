"""One scene of a told step: what the guess is made from, a picture, and a sentence or two."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from core.errors import LabError
from core.interpretability.training_step import TrainingStep, told_guess
from lab.components.live_plot import PlotClick, live_plot
from lab.figures.base import compact
from lab.figures.told_guess import after_figure, batch_figure, layers_figure
from lab.figures.told_step import gradient_figure, losses_figure, update_figure
from lab.session.entry import Entry, only_fragments_run
from lab.session.state import palette
from lab.session.told_steps import StepSource, step_told
from lab.train_page.story.playing import Stand
from lab.train_page.story.words import SCENES, Telling, context_line, scene_text
from lab.wording.glossary import explained
from lab.wording.plain import plain_but_code, unmarked

MIN_PX, PART_PX, PICKER_PX = 320, 19, 130


@dataclass(frozen=True)
class Place:
    """Which guess of a batch is followed, from 0."""

    window: int
    place: int
    n_clicks: int = 0
    """How often it was chosen by a click: then the boxes are new ones, which say so."""


def render_scene(source: StepSource, stand: Stand) -> None:
    """Draw the scene where the telling stands; the step is taken where it was not yet."""
    try:
        with st.spinner("Taking the step on a private copy …"):
            step = step_told(source, stand.n_ahead)
    except LabError as error:
        st.warning(f"This step cannot be told. {plain_but_code(str(error))}")
        return
    drawn, boxes = st.container(gap="small"), st.container(horizontal=True)
    held = _place_in(source, step.step)
    with boxes:
        at = _render_boxes(step.step, held)
    guess = told_guess(step.step, at.window, at.place)
    telling = Telling(step.step, guess, step.vocabulary, step.config)
    with drawn:
        st.code(context_line(telling), language=None)
        click = live_plot(
            _picture(stand.scene, telling), key="train_story_plot", clickable=True,
            height_px=max(MIN_PX, 70 + PART_PX * len(step.step.parts)),
            alt=f"Scene {stand.scene + 1}, {SCENES[stand.scene]}: {_spoken(stand.scene, telling)}",
        )  # fmt: skip
        said = scene_text(stand.scene, telling)
        st.markdown(said, help=explained(said, *SCENES))
    clicked = _clicked(click, stand.scene, at, step.step) if click else at
    if clicked != at:
        held.set(clicked)
        st.rerun(scope="fragment" if only_fragments_run() else "app")


def _place_in(source: StepSource, told: TrainingStep) -> Entry[Place]:
    """Where the guess stands that is followed: the typical one until another is chosen. Each step
    has its own."""
    name = f"{zlib.crc32(source.name.encode()):08x}_{told.step}"
    return Entry(f"train_story_place_{name}", Place(*told.typical))


def _render_boxes(told: TrainingStep, held: Entry[Place]) -> Place:
    """Which guess of the batch is followed, chosen by keyboard too."""
    (B, T), at = told.inputs.shape, held.get()
    chosen = [
        st.number_input(
            label, 1, n, value + 1, key=f"{held.key}_{label}_{at.n_clicks}", width=PICKER_PX
        )
        for label, n, value in (("Window", B, at.window), ("Place", T, at.place))
    ]
    return Place(chosen[0] - 1, chosen[1] - 1, at.n_clicks)


def _clicked(click: PlotClick, scene: int, at: Place, told: TrainingStep) -> Place:
    """The guess that was clicked on, in the batch or among the losses."""
    if not isinstance(click.x, int | float) or not isinstance(click.y, int | float):
        return at
    (B, T), window, place = told.inputs.shape, at.window, at.place
    if SCENES[scene] == "Batch" and click.x >= 1:
        window, place = round(click.y), round(click.x) - 1  # what stands at x was guessed before it
    elif SCENES[scene] == "Loss":
        place = round(click.x)
    is_there = 0 <= window < B and 0 <= place < T
    if not is_there or (window, place) == (at.window, at.place):
        return at
    return Place(window, place, at.n_clicks + 1)


def _picture(scene: int, telling: Telling) -> go.Figure:
    told, guess, kind = telling.told, telling.guess, telling.kind
    characters, colors = telling.vocabulary.characters, palette()
    match SCENES[scene]:
        case "Batch":
            texts = [
                telling.vocabulary.decode([*inputs, targets[-1]])
                for inputs, targets in zip(told.inputs.tolist(), told.targets.tolist())
            ]
            n_seen = 1 if kind == "bigram" else guess.place + 1
            return batch_figure(texts, guess.window, guess.place, n_seen, kind, colors)
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
    return unmarked(scene_text(scene, telling))
