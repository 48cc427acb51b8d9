"""The maps of the three models side by side: what each adds to the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.interpretability.flow import flow_of
from core.models import count_params
from core.records.records import RunRecord, newest_of_each_model, on_text
from core.runs.lab import LoadedModel
from core.settings.config import MODEL_KINDS, ModelKind
from lab.components.model_map import model_map
from lab.model_page.look import Look, map_of
from lab.session.looking import PART
from lab.session.state import choose_run, moment_of, palette, the_lab
from lab.widgets.pickers import load_model, untrained_model
from lab.wording import words
from lab.wording.plain import plain

FOLD = "model_side_by_side"
PICTURE_PX, MOST_SHOWN = 14, 64
ADDS: dict[ModelKind, str] = {
    "bigram": "One table: the last character looks up what follows. Nothing before it counts.",
    "attention": "Adds vectors instead of rows, places, and heads that look back.",
    "transformer": "Adds a stream that layers only add to, an MLP after each look, and depth.",
}


def render_side_by_side(run: RunRecord | None, runs: Sequence[RunRecord], text: str) -> None:
    """The chosen run beside the newest of each other model, each with the same text in it.

    Others that learned from the same text come first; a model without a run is untrained. A part of
    a run's map leads to its large picture above.
    """
    fold = st.expander(
        "The three models side by side: what does each add?", key=FOLD, on_change="rerun",
        icon=":material/view_column:",
    )  # fmt: skip
    if not fold.open:
        return
    newest = {other.model: other for other in newest_of_each_model(runs)}
    if run:
        on_this = newest_of_each_model(on_text(runs, run.fingerprint))
        newest |= {other.model: other for other in on_this}
        newest[run.model] = run
    with fold:
        for column, kind in zip(st.columns(len(MODEL_KINDS), gap="medium"), MODEL_KINDS):
            with column:
                _render_one(kind, newest.get(kind), text)


def _render_one(kind: ModelKind, run: RunRecord | None, text: str) -> None:
    loaded = load_model(run, moment_of(run)) if run else _untrained(kind)
    name = plain(run.name) if run else "untrained"
    n_params = words.count(count_params(loaded.model.config))
    st.markdown(f"**{kind.capitalize()}** · {name} · {n_params} parameters")
    st.caption(ADDS[kind])
    seen = loaded.vocabulary.drop_unknown(text)[-min(loaded.model.config.block_size, MOST_SHOWN) :]
    if not seen:
        st.caption("It can read nothing of this text.")
        return
    flow = flow_of(loaded.model, loaded.vocabulary.encode(seen))
    look = Look(loaded, lambda: loaded, flow, seen, seen[1:])
    pressed = model_map(
        replace(map_of(look, ""), is_pressable=run is not None), palette().model(kind), palette(),
        key=f"model_map_{kind}", picture_px=PICTURE_PX,
    )  # fmt: skip
    if run and pressed:
        choose_run(run.id)
        PART.set(pressed)
        st.rerun()


def _untrained(kind: ModelKind) -> LoadedModel:
    return untrained_model(kind, the_lab().library.load())
