"""Maps of attention and of transitions: every number arrives, every axis says what it is."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from lab.figures.heatmaps import (
    MAX_OVERVIEW_CELLS,
    head_figure,
    heads_figure,
    heads_height_px,
    looks_figure,
    thinning,
)
from lab.figures.map_axes import MAX_LABELS, Matrix, character_axis, named, percent, sign
from lab.figures.palette import DARK, LIGHT
from lab.figures.transitions import (
    N_SUCCESSORS,
    RowEntropies,
    difference_figure,
    logits_figure,
    successors_figure,
    transitions_figure,
)

TEXT = "to be\n<b>"
T = len(TEXT)
TABLE_HEIGHT_PX = 600
"""As on the Bigram page."""
NASTY = "<&>$\n "


def attention(n_layers: int = 2, n_heads: int = 3, n_characters: int = T) -> Matrix:
    """Random weights (L, H, T, T) whose rows sum to 1 and look back only."""
    rng = np.random.default_rng(0)
    raw = np.tril(rng.random((n_layers, n_heads, n_characters, n_characters))) + 1e-9
    raw = np.tril(raw)
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)


def table(n_characters: int, seed: int = 0) -> Matrix:
    raw = np.random.default_rng(seed).random((n_characters, n_characters)) ** 4
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)


def overview(weights: Matrix, chosen: tuple[int, int] = (0, 0)) -> go.Figure:
    L, H = weights.shape[:2]
    names = [[f"{layer}.{head}" for head in range(H)] for layer in range(L)]
    return heads_figure(weights, names, names, chosen, "transformer", LIGHT)


def texts_of(figure: go.Figure) -> str:
    return json.dumps(json.loads(pio.to_json(figure)), ensure_ascii=False)


# --- words ----------------------------------------------------------------------------------------


def test_a_label_is_visible_and_never_html() -> None:
    assert [sign(c) for c in "<&> \n\tb"] == ["&lt;", "&amp;", "&gt;", "␣", "↵", "⇥", "b"]
    assert [sign(c) for c in "\x07\u00a0\u0301\u200b"] == ["␇", "⍽", "◌\u0301", "⬚"]


def test_a_hover_names_what_no_keyboard_has() -> None:
    assert [named(c) for c in "<e"] == ["‘&lt;’", "‘e’"]
    assert named("\u00a0") == "‘⍽’ U+00A0 no-break space"
    figure = head_figure(attention()[0, 0, :2, :2], "\u00a0b", (1, 0), "attention", LIGHT)
    assert "from ‘⍽’ U+00A0 no-break space (position 1),<br>" in figure.data[0].text[1][0]


def test_wide_characters_get_fewer_labels() -> None:
    assert len(character_axis("ab" * 35)["ticktext"]) == 70
    assert len(character_axis("漢字" * 35)["ticktext"]) == 35


def test_small_shares_are_not_rounded_to_nothing() -> None:
    shares = (0.0, 0.0001, 0.004, 0.0994, 0.0996, 0.43, 1.0)
    said = ["0 %", "under 0.1 %", "0.4 %", "9.9 %", "10 %", "43 %", "100 %"]
    assert [percent(share).replace("\N{NO-BREAK SPACE}", " ") for share in shares] == said


# --- all heads ------------------------------------------------------------------------------------


def test_every_weight_is_in_its_tile_and_the_future_is_empty() -> None:
    weights = attention()
    map_ = overview(weights).data[0]
    assert map_.z.dtype == np.float32
    pitch = round(1 / map_.dx)
    for layer in range(2):
        for head in range(3):
            tile = map_.z[layer * pitch :, head * pitch :][:T, :T]
            past = np.tril(np.ones((T, T), bool))
            np.testing.assert_allclose(tile[past] ** 2, weights[layer, head][past], atol=1e-6)
            assert np.isnan(tile[~past]).all()
    assert np.isnan(map_.z[T:pitch]).all() and np.isnan(map_.z[:, T:pitch]).all()


def test_a_tile_lies_around_its_place_so_that_clicks_find_it() -> None:
    map_ = overview(attention()).data[0]
    pitch = round(1 / map_.dx)
    for head in range(3):
        cells = map_.x0 + map_.dx * (head * pitch + np.arange(T))
        assert (np.round(cells) == head).all()
        assert cells.mean() == pytest.approx(head)


def test_one_invisible_cell_per_head_answers_the_pointer() -> None:
    _, cells = overview(attention()).data
    assert cells.opacity == 0
    assert cells.text[1][2] == "1.2"
    assert (cells.x0, cells.dx, cells.y0, cells.dy) == (0, 1, 0, 1)


def test_layers_and_heads_are_named_and_the_chosen_head_is_framed() -> None:
    figure = overview(attention(), chosen=(1, 2))
    assert list(figure.layout.xaxis.ticktext) == ["head 1", "head 2", "head 3"]
    assert list(figure.layout.yaxis.ticktext) == ["layer 1", "layer 2"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # layer 1 on top
    frame = figure.layout.shapes[-1]
    assert (frame.x0 + frame.x1, frame.y0 + frame.y1) == (4, 2)
    assert frame.line.color == LIGHT.text


def test_long_texts_are_thinned_to_the_strongest_cells() -> None:
    weights = attention(6, 6, 128)
    k = thinning(weights.shape)
    assert k == 3
    map_ = overview(weights).data[0]
    assert map_.z.size < 1.5 * MAX_OVERVIEW_CELLS
    assert map_.z[5, 2] ** 2 == pytest.approx(weights[0, 0, 15:18, 6:9].max())
    assert np.isnan(map_.z[2, 5])
    assert thinning(attention().shape) == 1


def test_height_leaves_tiles_square_and_not_huge() -> None:
    assert heads_height_px(4, 4, 500) > heads_height_px(2, 4, 500)
    assert heads_height_px(1, 1, 500) < 200


def test_no_heads_give_an_empty_figure_that_says_so() -> None:
    figure = overview(np.zeros((0, 0, T, T), np.float32))
    assert not figure.data
    assert "head" in figure.layout.annotations[0].text


# --- one head -------------------------------------------------------------------------------------


def test_one_head_keeps_every_place_though_characters_repeat() -> None:
    weights = attention(n_characters=4)[0, 0]
    figure = head_figure(weights, "aaaa", (3, 1), "attention", DARK)
    assert list(figure.layout.xaxis.tickvals) == [0, 1, 2, 3]
    assert list(figure.layout.xaxis.ticktext) == ["a"] * 4
    np.testing.assert_allclose(np.tril(figure.data[0].z) ** 2, weights, atol=1e-6)
    assert np.isnan(figure.data[0].z[0, 1])
    assert figure.data[0].z.dtype == np.float32


def test_cells_are_square_and_the_chosen_one_is_framed_in_its_row() -> None:
    figure = head_figure(attention()[0, 0], TEXT, (3, 1), "attention", LIGHT)
    assert figure.layout.yaxis.scaleanchor == "x"
    assert {figure.layout.xaxis.constrain, figure.layout.yaxis.constrain} == {"domain"}
    row, cell = figure.layout.shapes
    assert (row.x0, row.x1, row.y0, row.y1) == (-0.5, 3.5, 2.5, 3.5)
    assert (cell.x0, cell.x1, cell.y0, cell.y1) == (0.5, 1.5, 2.5, 3.5)


def test_a_part_of_a_long_text_keeps_its_places_and_its_even_shares() -> None:
    weights = attention(n_characters=8)[0, 0]
    part = head_figure(weights[3:, 3:], TEXT[3:], (0, 0), "attention", LIGHT, "even", 4)
    whole = head_figure(weights, TEXT, (0, 0), "attention", LIGHT, "even")
    np.testing.assert_allclose(part.data[0].z, whole.data[0].z[3:, 3:], atol=1e-6)
    assert part.data[0].text[2][1] == whole.data[0].text[5][4]
    assert "(position 6)" in part.data[0].text[2][1]


def test_against_even_spreading_an_even_head_has_no_colour() -> None:
    even = np.tril(np.ones((T, T))) / np.arange(1, T + 1)[:, None]
    figure = head_figure(even.astype(np.float32), TEXT, (0, 0), "transformer", LIGHT, "even")
    cells = figure.data[0].z
    np.testing.assert_allclose(cells[np.tril_indices(T)], 0, atol=1e-6)
    assert np.isnan(cells[np.triu_indices(T, 1)]).all()
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-3, 3)
    assert dict(figure.data[0].colorscale)[0.5].upper() == LIGHT.ground.upper()
    assert "even share" in figure.data[0].colorbar.title.text


def test_twice_the_even_share_is_one_doubling_and_nothing_is_far_below_the_scale() -> None:
    weights = np.zeros((T, T), np.float32)
    weights[:, 0] = 1.0
    cells = head_figure(weights, TEXT, (0, 0), "transformer", LIGHT, "even").data[0].z
    np.testing.assert_allclose(cells[1], [1, -150] + [np.nan] * (T - 2))
    tiles = (
        heads_figure(weights[None, None], [[""]], [[""]], (0, 0), "transformer", LIGHT, "even")
        .data[0]
        .z
    )
    np.testing.assert_allclose(tiles[1, :2], [1, -150])


def test_one_head_says_who_looks_at_whom() -> None:
    weights = attention()[1, 2]
    figure = head_figure(weights, TEXT, (0, 0), "transformer", LIGHT)
    said = figure.data[0].text[3][1].replace("\N{NO-BREAK SPACE}", " ")
    share = percent(float(weights[3, 1])).replace("\N{NO-BREAK SPACE}", " ")
    times = f"{weights[3, 1] * 4:.1f} times an even share"
    assert said == f"‘b’ (position 4) takes {share} from ‘o’ (position 2),<br>{times}"
    assert figure.data[0].text[1][3] == ""
    assert figure.layout.xaxis.title.text == "what it looks at (its key)"
    assert figure.layout.yaxis.title.text == "the character that looks (its query)"
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first on top
    assert "square-root" in figure.data[0].colorbar.title.text


def test_scale_runs_from_the_ground_to_the_model_s_colour() -> None:
    scale = head_figure(attention()[0, 0], TEXT, (0, 0), "attention", DARK).data[0].colorscale
    assert scale[0][1] == DARK.ground
    assert scale[-1][1] == DARK.model("attention")


def test_the_row_as_bars() -> None:
    weights = attention()
    figure = looks_figure(
        weights[0, 0, 4], weights.mean(axis=(0, 1))[4], TEXT, "transformer", LIGHT
    )
    bars, means = figure.data
    np.testing.assert_array_equal(bars.y, weights[0, 0, 4])
    np.testing.assert_array_equal(means.y, weights.mean(axis=(0, 1))[4])
    assert (bars.name, means.name) == ("this head", "mean of all heads")
    assert "‘␣’ U+0020 space (position 3)" in bars.hovertext[2]


@pytest.mark.parametrize(("most", "form"), [(0.5, ".0%"), (0.016, ".1%")])
def test_small_shares_are_told_apart_on_the_axis(most: float, form: str) -> None:
    row = np.full(3, most, np.float32)
    assert looks_figure(row, row, "abc", "attention", LIGHT).layout.yaxis.tickformat == form


def test_too_many_labels_are_thinned_out_evenly() -> None:
    assert len(character_axis("x" * MAX_LABELS)["tickvals"]) == MAX_LABELS
    assert character_axis("x" * (MAX_LABELS + 1))["tickvals"][:3] == [0, 2, 4]
    assert character_axis("")["tickvals"] == []


def rows_of(figure: go.Figure, name: str, height_px: int) -> list[tuple[str, float, int]]:
    """Each label of a vertical axis: how far it steps back, its place in pixels, its size."""
    axis, margin = figure.layout[name], figure.layout.margin
    cell_px = (height_px - margin.t - margin.b) / (max(axis.range) - min(axis.range))
    return [
        (label.count("\N{NO-BREAK SPACE}"), place * cell_px, axis.tickfont.size)
        for place, label in zip(axis.tickvals, axis.ticktext)
    ]


@pytest.mark.parametrize("n", [32, 34, 35, 64, 65, 72, 100, 128])
def test_labels_of_a_whole_map_on_one_screen_can_be_read(n: int) -> None:
    text = ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.;:!?-+3$'" * 3)[:n]
    weights = np.tril(np.ones((n, n), np.float32))
    figure = head_figure(weights, text, (0, 0), "transformer", LIGHT)
    rows = rows_of(figure, "yaxis", 510)
    for near in {step for step, _, _ in rows}:
        places = [place for step, place, _ in rows if step == near]
        apart = min((b - a for a, b in pairwise(places)), default=99)
        assert apart >= rows[0][2], "no label covers another of its column"
    assert rows[0][2] >= 12
    stripped = [label.replace("\N{NO-BREAK SPACE}", "") for label in figure.layout.yaxis.ticktext]
    assert stripped == [text[i] for i in figure.layout.yaxis.tickvals]


@pytest.mark.parametrize("n", [8, 65])
def test_the_table_of_transitions_has_square_cells_and_labels_that_can_be_read(n: int) -> None:
    text = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.;:!?-&3$'01"[:n]
    figure = transitions_figure(np.full((n, n), 1 / n, np.float32), text, "learned", 0, LIGHT)
    assert figure.layout.yaxis.scaleanchor == "x"
    assert {figure.layout.xaxis.constrain, figure.layout.yaxis.constrain} == {"domain"}
    rows = rows_of(figure, "yaxis", TABLE_HEIGHT_PX)
    for near in {step for step, _, _ in rows}:
        places = [place for step, place, _ in rows if step == near]
        assert min(b - a for a, b in pairwise(places)) >= rows[0][2] >= 12
    assert len(rows) == n, "each character has its label"


def test_columns_step_back_from_the_side_where_the_labels_stand() -> None:
    top, bottom = (character_axis("ab" * 30, side)["ticktext"][:2] for side in ("top", "bottom"))
    assert [label.index("a" if i == 0 else "b") > 0 for i, label in enumerate(top)] == [True, False]
    assert [label.index("a" if i == 0 else "b") > 0 for i, label in enumerate(bottom)] == (
        [False, True]
    )


def test_typed_characters_never_reach_plotly_as_html() -> None:
    weights = attention(n_characters=len(NASTY))[0, 0]
    n = len(NASTY)
    for figure in (
        head_figure(weights, NASTY, (0, 0), "attention", LIGHT),
        looks_figure(weights[2], weights[2], NASTY, "attention", LIGHT),
        transitions_figure(table(n), NASTY, "learned", 0, LIGHT),
        difference_figure(table(n), table(n, 1), NASTY, 0, LIGHT),
        successors_figure(table(n)[0], table(n, 1)[0], NASTY, LIGHT),
    ):
        said = texts_of(figure).replace("<extra></extra>", "").replace("<br>", "")
        assert "‘<" not in said and '"<"' not in said and "‘&’" not in said
        assert "&lt;" in said and "&amp;" in said


# --- transitions ----------------------------------------------------------------------------------


def test_a_transition_table_arrives_whole() -> None:
    probabilities = table(5)
    figure = transitions_figure(probabilities, "ab \n<", "counted", 2, LIGHT)
    np.testing.assert_allclose(figure.data[0].z ** 2, probabilities, atol=1e-6)
    assert figure.data[0].z.dtype == np.float32
    assert list(figure.layout.yaxis.ticktext) == ["a", "b", "␣", "↵", "&lt;"]
    assert figure.layout.xaxis.title.text == "what follows"
    assert figure.layout.yaxis.title.text == "the character that is there"
    assert "after ‘b’ comes ‘␣’ U+0020 space<br>counted: " in figure.data[0].text[1][2]
    assert (figure.layout.shapes[0].y0, figure.layout.shapes[0].y1) == (1.5, 2.5)
    bar = figure.data[0].colorbar
    assert dict(zip(bar.ticktext, bar.tickvals))["25 %"] == pytest.approx(0.5)


def test_no_difference_is_in_the_middle_of_the_scale() -> None:
    learned, counted = table(5), table(5, 1)
    figure = difference_figure(learned, counted, "abcde", None, LIGHT)
    map_ = figure.data[0]
    np.testing.assert_allclose(np.sign(map_.z) * map_.z**2, learned - counted, atol=1e-6)
    assert (map_.zmin, map_.zmid, map_.zmax) == (-1, 0, 1)
    assert map_.colorscale[len(map_.colorscale) // 2][1] == LIGHT.ground
    assert "learned " in map_.text[0][0] and "counted " in map_.text[0][0]
    assert not figure.layout.shapes


def test_successors_are_sorted_by_the_counts_and_cut() -> None:
    characters = "abcdefghijklmnopqrst"
    learned, counted = table(20)[0], table(20, 1)[0]
    bars, hatched = successors_figure(learned, counted, characters, LIGHT).data
    assert (bars.name, hatched.name) == ("learned", "counted")
    assert len(hatched.y) == N_SUCCESSORS
    np.testing.assert_array_equal(hatched.y, np.sort(counted)[::-1][:N_SUCCESSORS])
    assert bars.y[0] == learned[np.argmax(counted)]
    assert hatched.marker.pattern.shape == "/"  # told apart without colour too


def test_successors_without_counts_are_sorted_by_what_was_learned() -> None:
    (bars,) = successors_figure(table(4)[0], None, "abcd", LIGHT).data
    assert list(bars.y) == sorted(bars.y, reverse=True)


def test_logits_are_drawn_as_they_are_round_zero() -> None:
    logits = np.array([[-4.2, 0.5], [np.nan, np.nan]], np.float32)
    map_ = logits_figure(logits, "ab", 0, DARK).data[0]
    np.testing.assert_array_equal(map_.z, logits)
    assert (map_.zmin, map_.zmid, map_.zmax) == (-5, 0, 5)
    assert map_.colorscale[len(map_.colorscale) // 2][1] == DARK.ground
    assert "nats" in map_.colorbar.title.text
    assert "logit −4.20 nats" in map_.text[0][0] and "not known" in map_.text[1][0]
    almost_nothing = logits_figure(logits[:1, 1:] / 10, "a", 0, DARK).data[0]
    assert (almost_nothing.zmin, almost_nothing.zmax) == (-1, 1), "small numbers stay pale"


def test_a_row_that_is_not_known_is_empty_and_not_zero() -> None:
    probabilities = table(3)
    probabilities[1] = np.nan
    for figure in (
        transitions_figure(probabilities, "abc", "learned", 0, LIGHT),
        difference_figure(probabilities, table(3, 1), "abc", 0, LIGHT),
    ):
        assert np.isnan(figure.data[0].z[1]).all() and not np.isnan(figure.data[0].z[[0, 2]]).any()
        assert "not known" in figure.data[0].text[1][0]
    bars = successors_figure(probabilities[1], table(3, 1)[1], "abc", LIGHT).data[0]
    assert "not known" in bars.hovertext[0]


def test_beside_each_row_stands_how_uncertain_it_is() -> None:
    learned = np.array([1.0, np.nan, 0.5], np.float32)
    counted = np.array([0.9, 0.7, 0.1], np.float32)
    entropies = RowEntropies(learned, counted, "transformer", float(np.log(3)))
    figure = transitions_figure(table(3), "abc", "learned", 2, LIGHT, entropies)
    _, bars, ticks = figure.data
    np.testing.assert_array_equal(bars.x, learned)
    np.testing.assert_array_equal(ticks.x, counted)
    assert list(bars.y) == list(ticks.y) == [0, 1, 2]
    assert (bars.yaxis, ticks.yaxis) == ("y", "y"), "a click there finds the map's row"
    assert bars.marker.color == LIGHT.model("transformer")
    assert "learned: 1.000 nats, 1.443 bits, as unsure as among 2.7" in bars.hovertext[0]
    assert "learned" not in bars.hovertext[1] and "counted: 0.700 nats" in bars.hovertext[1]
    assert figure.layout.xaxis.domain[1] < figure.layout.xaxis2.domain[0]
    assert "nats" in figure.layout.xaxis2.title.text
    alone = RowEntropies(learned, None, "bigram", 1.0)
    assert len(transitions_figure(table(3), "abc", "learned", 0, LIGHT, alone).data) == 2


def test_empty_tables_say_what_will_be_there() -> None:
    none = np.zeros((0, 0), np.float32)
    for figure in (
        transitions_figure(none, "", "learned", None, LIGHT),
        difference_figure(none, none, "", None, LIGHT),
        logits_figure(none, "", None, LIGHT),
        successors_figure(np.zeros(0, np.float32), None, "", LIGHT),
        head_figure(none, "", (0, 0), "attention", LIGHT),
        looks_figure(np.zeros(0, np.float32), np.zeros(0, np.float32), "", "attention", LIGHT),
    ):
        assert not figure.data
        assert figure.layout.annotations[0].text
