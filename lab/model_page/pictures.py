"""The picture of each part of a model, large, with the real numbers of a text."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from torch import Tensor

from core.interpretability.embeddings import (
    character_vectors,
    nearest,
    position_vectors,
    principal_plane,
    turned_towards,
)
from core.interpretability.lens import layer_logits
from core.models import LanguageModel
from core.models.modern import ModernTransformer
from core.text.characters import quoted_character, sign_of
from lab.components.live_plot import live_plot
from lab.figures.embeddings import characters_figure, positions_figure
from lab.figures.heatmaps import heads_figure, heads_height_px
from lab.figures.inside import (
    lens_figure,
    next_character_figure,
    numbers_figure,
    over_characters_figure,
)
from lab.figures.said import distances_said, likeliest_said, range_said
from lab.model_page import sentences
from lab.model_page.look import Look, part_of
from lab.session.entry import Entry
from lab.session.looking import show_head
from lab.session.state import palette
from lab.widgets.clicks import cell_clicked, click_on
from lab.widgets.switches import settled
from lab.wording.glossary import explained
from lab.wording.plain import unmarked

WIDE_PX = 730
TALL_PX, BARS_PX = 430, 170
ROW_PX, AXIS_PX = 14, 70
"""Of a picture with a row for each character."""
N_NEAREST = 5
FIRST_CHARACTER = "e"

_CHARACTER: Entry[str | None] = Entry("model_character", None)
_PLACE: Entry[int | None] = Entry("model_place", None)
CHARACTERS, OVER_CHARACTERS = "model_characters", "model_over_characters"
"""The keys of pictures that can be clicked."""


def take_clicks(characters: str, n_places: int) -> None:
    """Take over what was clicked in a picture, before anything is drawn with what was chosen.

    `characters` are those of the model, and the text has `n_places`.
    """
    click = click_on(CHARACTERS)
    if click and isinstance(click.customdata, int) and 0 <= click.customdata < len(characters):
        _CHARACTER.set(characters[click.customdata])
    cell = cell_clicked(OVER_CHARACTERS)
    if cell and 0 <= cell[0] < n_places:
        _PLACE.set(cell[0] + 1)


def render_picture(look: Look, key: str) -> None:
    """The picture of one part, with a sentence that says what one sees."""
    name, layer = part_of(key)
    draw: dict[str, Callable[[Look, int], None]] = {
        "characters": _render_characters, "positions": _render_positions,
        "rotation": _render_rotation, "stream": _render_lens, "attention": _render_attention,
        "mlp": _render_mlp, "logits": _render_logits, "tables": _render_tables,
        "table": _render_logits, "probabilities": _render_probabilities,
    }  # fmt: skip
    draw[name](look, layer)


def _say(sentence: str) -> None:
    st.caption(sentence, help=explained(sentence))


# --- what and where -------------------------------------------------------------------------------


def _render_characters(look: Look, _: int) -> None:
    characters = look.characters
    first = FIRST_CHARACTER if FIRST_CHARACTER in characters else characters[0]
    settled(_CHARACTER, list(characters), first, quoted_character)
    said = st.container()
    chosen = st.selectbox(
        "Nearest to the character", list(characters), key=_CHARACTER.key, persist_state="session",
        format_func=quoted_character, help="Or click it in the picture.", width=260,
    )  # fmt: skip
    place = characters.index(chosen)
    vectors = character_vectors(look.loaded.model)
    near = nearest(vectors, place, N_NEAREST)
    plane = principal_plane(vectors)
    neighbours = [(characters[i], cosine) for i, cosine in near]
    sentence = sentences.characters_text(look.config, plane.variance, chosen, neighbours)
    xy = _turned(look, plane.xy, character_vectors)
    live_plot(
        characters_figure(
            xy.numpy(), plane.variance, characters, place, [i for i, _ in near], palette()
        ),
        key=CHARACTERS, height_px=TALL_PX, clickable=True,
        alt=unmarked(sentence),
    )  # fmt: skip
    with said:
        _say(sentence)


def _turned(look: Look, xy: Tensor, vectors_of: Callable[[LanguageModel], Tensor]) -> Tensor:
    """A plane seen from the side from which the end of the run is seen, so that it plays calmly."""
    newest = principal_plane(vectors_of(look.newest().model))
    return turned_towards(xy, newest.xy)


def _render_positions(look: Look, _: int) -> None:
    plane = principal_plane(position_vectors(look.loaded.model))
    sentence = sentences.positions_text(look.config, plane.variance)
    _say(sentence)
    live_plot(
        positions_figure(
            _turned(look, plane.xy, position_vectors).numpy(), plane.variance,
            look.config.model, palette(),
        ),
        key="model_positions", height_px=TALL_PX,
        alt=unmarked(sentence),
    )  # fmt: skip


def _render_rotation(look: Look, _: int) -> None:
    model = look.loaded.model
    assert isinstance(model, ModernTransformer)
    cosines, _sines = model.rotation(len(look.text), model.head.weight.device)
    _say(sentences.ROTATION)
    live_plot(
        numbers_figure(
            cosines.numpy(), look.text, "pair of numbers of a query or a key", palette()
        ),
        key="model_rotation", height_px=TALL_PX,
        alt=unmarked(sentences.ROTATION),
    )  # fmt: skip


# --- layers ---------------------------------------------------------------------------------------


def _render_lens(look: Look, _: int) -> None:
    tokens = look.loaded.vocabulary.encode(look.text)[None]
    sure, guessed = layer_logits(look.loaded.model, tokens)[:, 0].softmax(dim=-1).max(dim=-1)
    guesses = [look.loaded.vocabulary.decode(row) for row in guessed]
    sentence = sentences.lens_text(guesses, look.follows)
    _say(sentence)
    live_plot(
        lens_figure(guesses, sure.numpy(), look.text, look.follows, palette()),
        key="model_lens", height_px=min(TALL_PX, 130 + 64 * len(guesses)),
        alt=unmarked(sentence),
    )  # fmt: skip


def _render_attention(look: Look, layer: int) -> None:
    weights = look.flow.attention[layer - 1 : layer].numpy()  # 1, H, T, T
    n_heads = weights.shape[1]
    with st.container(horizontal=True, vertical_alignment="center"):
        _say(sentences.attention_text(layer, n_heads))
        if st.button("See its heads large", key="model_to_heads", icon=":material/grid_on:"):
            show_head(layer, 1)
            st.switch_page("app_pages/attention.py")
    nothing = [[""] * n_heads]
    figure = heads_figure(
        weights, nothing, nothing, None, look.config.model, palette(), "even"
    ).update_yaxes(ticktext=[f"layer {layer}"])  # which it takes for the first of several
    click = live_plot(
        figure,
        key="model_heads", height_px=heads_height_px(1, n_heads, WIDE_PX),
        alt=f"Attention of layer {layer} on this text. {distances_said(weights[0])}",
        clickable=True,
    )  # fmt: skip
    if click and isinstance(click.x, int | float) and 0 <= round(click.x) < n_heads:
        show_head(layer, round(click.x) + 1)
        st.switch_page("app_pages/attention.py")
    _render_numbers(look, look.flow.added_by_attention[layer - 1], "what all heads together add")


def _render_mlp(look: Look, layer: int) -> None:
    hidden = look.flow.hidden[layer - 1]
    _say(sentences.mlp_text(look.config, float((hidden > 0).float().mean())))
    _render_numbers(look, hidden, "hidden number, after the nonlinearity")
    _render_numbers(look, look.flow.added_by_mlp[layer - 1], "what it adds")


def _render_numbers(look: Look, values: Tensor, what: str) -> None:
    height_px = min(TALL_PX, ROW_PX * len(look.text) + AXIS_PX)
    live_plot(
        numbers_figure(values.numpy(), look.text, what, palette()),
        key=f"model_numbers_{what}", height_px=height_px,
        alt=f"For each character of the text: {what}; {range_said(values.numpy())}",
    )  # fmt: skip


# --- the guess ------------------------------------------------------------------------------------


def _render_logits(look: Look, _: int) -> None:
    _say(sentences.logits_text(look.config))
    place = _choose_place(look)
    _render_over_characters(look, look.flow.logits, place, is_share=False)


def _render_tables(look: Look, _: int) -> None:
    model = look.loaded.model
    assert isinstance(model, ModernTransformer) and model.tables is not None
    tokens = look.loaded.vocabulary.encode(look.text)[None]
    _say(sentences.TABLES)
    _render_over_characters(
        look, model.tables(tokens)[0].detach(), _choose_place(look), is_share=False
    )


def _render_probabilities(look: Look, _: int) -> None:
    said = st.container()
    place = _choose_place(look)
    with said:
        _say(sentences.probabilities_text(look, place))
    live_plot(
        next_character_figure(
            look.probabilities[place], look.characters, look.config.model, palette()
        ),
        key="model_next", height_px=BARS_PX,
        alt="The likeliest to follow: "
        + likeliest_said(look.probabilities[place], look.characters),
    )  # fmt: skip
    _render_over_characters(look, look.flow.probabilities, place, is_share=True)


def _choose_place(look: Look) -> int:
    """Let the reader choose a place of the text, by keyboard too; from 0, at first the last."""

    def option_text(number: int) -> str:
        return f"after {sign_of(look.text[number - 1])} ({number})"

    options = list(range(1, len(look.text) + 1))
    if len(options) == 1:
        return 0
    settled(_PLACE, options, len(options), option_text)
    chosen: int = st.select_slider(
        "Place in the text", options, key=_PLACE.key, format_func=option_text,
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen - 1


def _render_over_characters(look: Look, values: Tensor, place: int, *, is_share: bool) -> None:
    live_plot(
        over_characters_figure(
            values.numpy(), look.text, look.characters, palette(), row=place, is_share=is_share
        ),
        key=OVER_CHARACTERS, height_px=TALL_PX, clickable=True,
        alt="For each character of the text a number for each that may follow, "
        + range_said(values.numpy()),
    )  # fmt: skip
