"""Attention: where every head of a model looks, and one of them large."""

from __future__ import annotations

from typing import Any

import streamlit as st
import torch

from core.errors import CorpusError
from core.interpretability.attention import attention_weights
from core.interpretability.habits import HeadHabits
from core.records.records import RunRecord
from core.runs.lab import LoadedModel
from core.service.racing import newest_race
from core.text.characters import sign_of
from core.text.corpus import Corpus
from lab.attention_page.head_words import (
    HABIT_RULES,
    corner_label,
    habit_sentence,
    hover_text,
    look_sentence,
)
from lab.attention_page.switching_off import render_switching_off, take_click
from lab.attention_page.worth import render_worth
from lab.components.live_plot import live_plot
from lab.figures.heatmaps import (
    SCALES,
    Scale,
    head_figure,
    heads_figure,
    heads_height_px,
    looks_figure,
    thinning,
)
from lab.figures.map_axes import Matrix
from lab.session.entry import Entry
from lab.session.state import chosen_run, habits_of_heads, moment_of, palette, the_lab
from lab.widgets.page_head import page_head
from lab.widgets.pickers import (
    PICKER_PX,
    load_model,
    pick_addressed_run,
    untrained_model,
)
from lab.widgets.scrubber import scrub
from lab.widgets.switches import settled
from lab.widgets.text_to_read import is_readable, text_box
from lab.wording.plain import plain

INTRODUCTION = (
    "Before it guesses what comes next, a model lets every character **look back** at the text so "
    "far, never ahead. Each head does that in its own way: by queries and keys it decides how much "
    "to take from which character."
)
MAX_SHOWN = 128
"""More characters than this cannot be told apart in a map."""
ALL_HEADS_PX, ONE_HEAD_PX, ONE_HEAD_HEIGHT_PX = 500, 700, 510
MAX_BUTTONS = 8
"""With more layers or heads than this, a box to choose from takes the place of buttons."""

SCALE_WORDS: dict[Scale, str] = {"even": "against even spreading", "share": "share of the weight"}

_LAYER, _HEAD = Entry("attention_layer", 1), Entry("attention_head", 1)
_PLACE: Entry[int | None] = Entry("attention_place", None)
_CLICKED: Entry[tuple[tuple[Entry[Any], int], ...]] = Entry("attention_clicked", ())
"""What a click has chosen."""


def main() -> None:
    # A click arrives after the widgets that it changes were drawn, so it is taken over here.
    for entry, value in _CLICKED.take():
        entry.set(value)
    take_click()
    page_head("Where each head looks", INTRODUCTION, "attention head", "entropy")
    runs = the_lab().runs()
    with_heads = [run for run in runs if run.config.model.n_layer]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = _pick(with_heads)
        loaded = load_model(run, moment_of(run)) if run else _before_any_run()
        text = text_box(run, loaded)
        corpus = _text_of(run)
        if run and corpus:
            render_worth(f"{run.id} {loaded.origin}", loaded, corpus)
    seen = text[-min(loaded.model.config.block_size, MAX_SHOWN) :]
    with st.container(gap=None):
        if run:
            scrub(run)
        _render_standing(run, loaded, n_typed=len(text), n_seen=len(seen))
        looked_at = chosen_run(runs)
        if looked_at and not looked_at.config.model.n_layer:
            what = "is a bigram table" if looked_at.model == "bigram" else "has no layers"
            st.caption(f"{plain(looked_at.name)} {what}: it has no attention to show.")
    if is_readable(text, loaded) and _is_long_enough(seen):
        key = f"{run.id if run else ''} {loaded.origin}"
        habits = habits_of_heads(key, loaded, corpus) if corpus else []
        _render_maps(loaded, seen, habits)
        if corpus:
            render_switching_off(key, loaded, corpus, seen, habits)


# --- the model and the text -----------------------------------------------------------------------


def _pick(with_heads: list[RunRecord]) -> RunRecord | None:
    if not with_heads:
        return None
    with st.container(width=PICKER_PX):
        return pick_addressed_run(with_heads, key="attention_run", usual=_simplest(with_heads))


def _simplest(with_heads: list[RunRecord]) -> RunRecord | None:
    """Of a race, whose runs are equally new, the model of one layer: it is the simplest to read.

    None where the newest run is of no race.
    """
    found = newest_race(the_lab())
    raced = found[1] if found else {}
    newest = next((run for run in with_heads if not run.sweep), None)
    return raced.get("attention") if newest in raced.values() else None


def _text_of(run: RunRecord | None) -> Corpus | None:
    """What heads are measured on; None where the text of a run is gone."""
    if run is None:
        return the_lab().library.load()
    try:
        return the_lab().corpus_of(run)
    except CorpusError:
        return None


def _before_any_run() -> LoadedModel:
    return untrained_model("transformer", the_lab().library.load())


def _render_standing(run: RunRecord | None, loaded: LoadedModel, n_typed: int, n_seen: int) -> None:
    """Say which model this is a picture of and what it reads; with no run, lead to training."""
    limits = ""
    if n_seen < n_typed:
        block_size = loaded.model.config.block_size
        room = f" (the map has room for {MAX_SHOWN})" if block_size > MAX_SHOWN else ""
        limits = (
            f" It sees {block_size} characters at most{room}, so it is given only the last "
            f"{n_seen} of these {n_typed:,}."
        )
    if run:
        if limits:
            st.caption(limits.strip())
        return
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        if st.button("Train a model", type="primary", key="attention_train"):
            st.switch_page("app_pages/train.py")
        st.caption(
            f"Shown: a transformer with random weights, **{loaded.origin}**. All its heads spread "
            f"almost evenly.{limits}"
        )


def _is_long_enough(seen: str) -> bool:
    """Whether there is anything to choose from; where there is not, that is said."""
    if not seen:
        st.info("Type a text above to see where the heads look.")
    elif len(seen) == 1:
        st.info("A single character can only look at itself: there is nothing to choose from.")
    return len(seen) > 1


# --- the maps -------------------------------------------------------------------------------------


def _render_maps(loaded: LoadedModel, text: str, habits: list[HeadHabits]) -> None:
    weights = attention_weights(loaded.model, loaded.vocabulary, text)  # L, H, T, T
    numbers: Matrix = weights.numpy()
    L, H = weights.shape[:2]
    kind = loaded.model.config.model
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=ALL_HEADS_PX, gap="xsmall")
        right = st.container(width=ONE_HEAD_PX, gap="xsmall")
    # The choices first, since what is drawn follows from them.
    with right, st.container(horizontal=True, vertical_alignment="center"):
        layer, head = _choose("layer", L, _LAYER), _choose("head", H, _HEAD)
    with left:
        scale = st.segmented_control(
            "Colours", SCALES, key="attention_scale", format_func=SCALE_WORDS.__getitem__,
            default="even", required=True, label_visibility="collapsed",
            help="Against even spreading: what does a head do that one would not that has learned "
            "nothing?",
        ) or "even"  # fmt: skip
    with left:
        all_heads, about_place = st.container(gap="xsmall"), st.container()
        place = _choose_place(text)
    with right:
        _render_habit(habits[layer * H + head] if habits else None)
        _render_one_head(numbers[layer, head], text, place, kind, scale)
    with all_heads:
        _render_all_heads(weights, (layer, head), kind, habits, scale)
    about_place.caption(
        f"**The character that looks.** {look_sentence(numbers[layer, head, place], text, place)}",
        help="Choose it with the slider, or click its row in the large map.",
    )
    with left:
        _render_row(numbers[layer, head], numbers.mean(axis=(0, 1)), text, place, kind)


def _choose(label: str, n: int, held: Entry[int]) -> int:
    """Let the reader choose a layer or a head by keyboard too; returns its place from 0."""

    def option_text(number: int) -> str:
        return f"{label} {number}"

    options = list(range(1, n + 1))
    first = settled(held, options, 1, option_text)  # another run may have fewer
    if n == 1:
        return 0
    chosen: int | None
    if n <= MAX_BUTTONS:
        chosen = st.segmented_control(
            label, options, key=held.key, required=True, persist_state="session",
            label_visibility="collapsed", format_func=option_text,
        )  # fmt: skip
    else:
        chosen = st.selectbox(
            label, options, key=held.key, persist_state="session", width=130,
            label_visibility="collapsed", format_func=option_text,
        )  # fmt: skip
    return (chosen or first) - 1


def _render_all_heads(
    weights: torch.Tensor, chosen: tuple[int, int], kind: str, habits: list[HeadHabits],
    scale: Scale,
) -> None:  # fmt: skip
    L, H = weights.shape[:2]
    labels, hovers = _describe(L, H, habits)
    click = live_plot(
        heads_figure(weights.numpy(), labels, hovers, chosen, kind, palette(), scale),
        key="attention_all_heads",
        alt=f"Attention of {L} × {H} heads on this text; the same numbers are in the map of one "
        "head, which the controls Layer and Head choose",
        height_px=heads_height_px(L, H, ALL_HEADS_PX),
        clickable=True,
    )  # fmt: skip
    k = thinning(weights.shape)
    thinned = f" Only the strongest of each {k} × {k} cells is drawn here." * (k > 1)
    st.caption(
        "Row: the character that looks. Column: what it looks at. Click a head to see it large."
        + thinned
    )
    if click and isinstance(click.x, int | float) and isinstance(click.y, int | float):
        layer, head = round(click.y), round(click.x)
        if 0 <= layer < L and 0 <= head < H and (layer, head) != chosen:
            _set_and_rerun((_LAYER, layer + 1), (_HEAD, head + 1))


def _describe(L: int, H: int, habits: list[HeadHabits]) -> tuple[list[list[str]], list[list[str]]]:
    """For each layer and head: the label in its corner, and what hovering says."""
    if not habits:
        nothing = [[""] * H for _ in range(L)]
        return nothing, nothing
    rows = [habits[layer * H : (layer + 1) * H] for layer in range(L)]
    labels = [[corner_label(head) if H <= 6 else "" for head in row] for row in rows]
    return labels, [[hover_text(head) for head in row] for row in rows]


def _render_habit(head: HeadHabits | None) -> None:
    """What one head does on many places of the validation text, in numbers."""
    if head is None:
        st.caption("The text of this run is gone, so what its heads do cannot be measured.")
    else:
        st.caption(habit_sentence(head), help=HABIT_RULES)


def _render_one_head(weights: Matrix, text: str, place: int, kind: str, scale: Scale) -> None:
    click = live_plot(
        head_figure(weights, text, place, kind, palette(), scale),
        key="attention_one_head",
        alt="Attention weights of the chosen head, one row for each character that looks",
        height_px=ONE_HEAD_HEIGHT_PX,
        clickable=True,
    )
    if click and isinstance(click.y, int | float):
        row = round(click.y)
        if 0 <= row < len(text) and row != place:
            _set_and_rerun((_PLACE, row + 1))


def _choose_place(text: str) -> int:
    """Let the reader choose the character that looks; its place from 0, at first the last one."""

    def option_text(number: int) -> str:
        return f"{sign_of(text[number - 1])} ({number})"

    options = list(range(1, len(text) + 1))
    # Another text, or another block size, has others.
    settled(_PLACE, options, len(text), option_text)
    chosen: int = st.select_slider(
        "The character that looks", options, key=_PLACE.key, format_func=option_text,
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen - 1


def _render_row(head: Matrix, mean: Matrix, text: str, place: int, kind: str) -> None:
    """One row of a head (T, T) beside that of the mean over all heads (T, T)."""
    live_plot(
        looks_figure(head[place], mean[place], text, kind, palette()),
        key="attention_row",
        alt="How much the chosen character takes from each character before it",
        height_px=164,
    )


def _set_and_rerun(*choices: tuple[Entry[Any], int]) -> None:
    _CLICKED.set(choices)
    st.rerun()


main()
