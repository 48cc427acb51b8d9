"""Model: a map of all parts, each with its real numbers on a text, and one of them large."""

from __future__ import annotations

import streamlit as st

from core.interpretability.flow import flow_of
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.settings.config import ModelConfig
from lab.components.model_map import model_map
from lab.model_page.boxes import boxes_of
from lab.model_page.look import Look, map_of
from lab.model_page.pictures import WIDE_PX, render_picture, take_clicks
from lab.model_page.side_by_side import render_side_by_side
from lab.session.address import Part, has_just_arrived, one_of, read_address, write_address
from lab.session.looking import PART
from lab.session.state import choose_run, chosen_run, moment_of, palette, the_lab
from lab.visit.card import render_visit
from lab.widgets.clicks import event_of
from lab.widgets.errors import errors_said
from lab.widgets.page_head import page_head
from lab.widgets.pickers import PICKER_PX, load_model, pick_addressed_run, untrained_model
from lab.widgets.scrubber import scrub
from lab.widgets.text_to_read import is_readable, text_box
from lab.wording.plain import plain

INTRODUCTION = (
    "A text on its way through a model: what goes in, what each part makes of it, and the guess "
    "that comes out. Every number is real. Click a part to see it large, and move through the "
    "training to see it come to be."
)
MAP_KEY, MAP_PX = "model_map", 470
MAX_SHOWN = 64
"""Longer texts cannot be read in the pictures."""
PICTURE_PX, FEW_LAYERS = 18, 6
"""With more layers than this, the map has no small pictures."""


def main() -> None:
    page_head("What is inside a model", INTRODUCTION, "softmax")
    render_visit("model")
    runs = the_lab().runs()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = _pick(runs)
        loaded = load_model(run, moment_of(run)) if run else _before_any_run()
        trouble = read_address("model", [Part("part", PART, one_of(_keys(loaded.model.config)))])
        text = text_box(run, loaded)
    if trouble:
        st.warning(plain(trouble))
    if is_readable(text, loaded):
        _render_moment(run, runs, text)


@st.fragment
@errors_said()
def _render_moment(run: RunRecord | None, runs: list[RunRecord], text: str) -> None:
    """All that changes with the step and with a click: by itself it is sooner on the screen."""
    loaded = load_model(run, moment_of(run)) if run else _before_any_run()
    if run:
        scrub(run)
    else:
        _render_offer(loaded)
    if not text:
        st.info("Type a text above: it flows through the model.")
        return
    look = _look(run, loaded, text)
    take_clicks(look.characters, len(look.text))
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=MAP_PX, gap="xsmall")
        right = st.container(width=WIDE_PX, gap="xsmall")
    with left:
        chosen = _render_map(look)
    with right:
        render_picture(look, chosen)
    render_side_by_side(run, runs, text)


def _pick(runs: list[RunRecord]) -> RunRecord | None:
    if not runs:
        return None
    if has_just_arrived() and "run" not in st.query_params:
        _look_at_one_with(st.query_params.get("part"), runs)
    with st.container(width=PICKER_PX):
        return pick_addressed_run(runs, key="model_run")


def _look_at_one_with(part: str | None, runs: list[RunRecord]) -> None:
    """Look at the newest run that has the part which a link asks for, if the one chosen has not."""
    if part is None:
        return
    chosen = chosen_run(runs)
    looked_through = [chosen, *runs] if chosen else runs
    found = next((run for run in looked_through if part in _keys(run.config.model)), None)
    if found and found != chosen:
        choose_run(found.id)


def _before_any_run() -> LoadedModel:
    return untrained_model("transformer", the_lab().library.load())


def _render_offer(loaded: LoadedModel) -> None:
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        if st.button("Train a model", type="primary", key="model_train"):
            st.switch_page("app_pages/train.py")
        st.caption(
            f"Shown: a transformer with random weights, **{loaded.origin}**. What it guesses is "
            "noise."
        )


def _look(run: RunRecord | None, loaded: LoadedModel, text: str) -> Look:
    seen = text[-min(loaded.model.config.block_size, MAX_SHOWN) :]
    flow = flow_of(loaded.model, loaded.vocabulary.encode(seen))
    return Look(loaded, lambda: load_model(run, "newest") if run else loaded, flow, seen, seen[1:])


def _keys(config: ModelConfig) -> list[str]:
    return [box.key for box in boxes_of(config).all()]


def _render_map(look: Look) -> str:
    """The map; returns the key of the part to be shown large."""
    keys = _keys(look.config)
    if (pressed := event_of(MAP_KEY, "pressed")) in keys:
        PART.set(pressed)
    chosen = PART.get() if PART.get() in keys else keys[-1]
    write_address({"part": None if chosen == PART.default else chosen})
    n_layers = look.config.n_layer
    model_map(
        map_of(look, chosen), palette().model(look.config.model), palette(), key=MAP_KEY,
        picture_px=PICTURE_PX if n_layers <= FEW_LAYERS else 0,
    )  # fmt: skip
    st.caption("Below each name: shape · parameters. Small pictures: a row for each character.")
    return chosen


main()
