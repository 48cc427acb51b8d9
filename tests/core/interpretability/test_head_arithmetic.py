"""One cell worked out is the cell of the map, and what the head really gives on."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.errors import ConfigError, PromptError
from core.interpretability.attention import attention_weights
from core.interpretability.head_arithmetic import Cell, CellArithmetic, cell_arithmetic
from core.interpretability.parts import Part, attention_layers, without
from core.interpretability.source_lines import lines_of, steps_of
from core.models import LanguageModel, build_model
from core.models.attention import attention_scores
from core.models.modern import rms_norm, rotate, rotation
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.text.corpus import Vocabulary

LETTERS = "abcdefgh"
VOCABULARY = Vocabulary(LETTERS)
TEXT = "abcadbeg"
T, D = len(TEXT), 8
SHAPE = dict(block_size=T, n_head=2, n_embd=2 * D, n_layer=2, dropout=0.2)
KINDS = ("attention", "transformer", "fast", "gated")
CELLS = [Cell(1, 1, 8, 3), Cell(1, 2, 5, 5), Cell(1, 1, 1, 1)]


def model_of(kind: str) -> LanguageModel:
    """Random weights, large enough for the heads to differ, in outputs that start at zero too."""
    name: ModelKind = "attention" if kind == "attention" else "transformer"
    shape = {k: v for k, v in SHAPE.items() if name == "transformer" or k != "n_layer"}
    recipe = "fast" if kind in ("fast", "gated") else "classic"
    if kind == "gated":
        shape |= dict(head_gates=True, pair_embedding=True)
    model = build_model(resolve(name, len(LETTERS), None, shape, recipe).model, seed=3).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model


def layers(kind: str) -> list[int]:
    return [1] if kind == "attention" else [1, 2]


def forward_pass(model: LanguageModel, layer: int) -> dict[str, Any]:
    """What the attention of a layer is called with, and what its output matrix reads."""
    watched = copy.deepcopy(model)
    attention = attention_layers(watched)[layer - 1]
    seen: dict[str, Any] = {}
    attention.register_forward_pre_hook(lambda module, given: seen.update(given=given))
    attention.output.register_forward_pre_hook(lambda module, given: seen.update(mixed=given[0]))
    with torch.no_grad():
        watched(VOCABULARY.encode(TEXT)[None])
        q, k, v = attention.heads(*seen["given"])
    return seen | dict(scores=attention_scores(q, k), v=v, attention=attention)


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_lead_to_the_weight_and_the_output_of_a_forward_pass(
    kind: str, cell: Cell
) -> None:
    model = model_of(kind)
    for layer in layers(kind):
        cell = Cell(layer, cell.head, cell.query_place, cell.key_place)
        found = cell_arithmetic(model, VOCABULARY, TEXT, cell)
        row, column, head = cell.query_place - 1, cell.key_place - 1, cell.head - 1
        real = forward_pass(model, layer)
        # dot product and scale make the score
        assert found.scale == 1 / math.sqrt(D)
        assert found.dot == pytest.approx(float(found.query @ found.key), abs=1e-5)
        assert found.dot * found.scale == pytest.approx(found.score, abs=1e-5)
        torch.testing.assert_close(found.scores, real["scores"][0, head, row])
        # softmax over what may be seen makes the weights
        weights = attention_weights(model, VOCABULARY, TEXT)[layer - 1, head, row]
        torch.testing.assert_close(found.weights, weights)
        allowed = found.scores[: row + 1].softmax(dim=-1)
        torch.testing.assert_close(found.weights[: row + 1], allowed)
        assert not found.weights[row + 1 :].any()
        assert found.weight == pytest.approx(float(weights[column]))
        # the weighted sum of values makes the output
        values: Tensor = real["v"][0, head]
        torch.testing.assert_close(found.value, values[column])
        torch.testing.assert_close(found.contribution, weights[column] * values[column])
        mixed = real["mixed"][0, row, head * D : (head + 1) * D]
        torch.testing.assert_close(found.opening * found.output, mixed)
        torch.testing.assert_close(found.output, weights @ values)


@pytest.mark.parametrize("kind", KINDS)
def test_query_and_key_are_what_the_block_makes_of_the_projection(kind: str) -> None:
    model, cell = model_of(kind), Cell(1, 2, 7, 3)
    found = cell_arithmetic(model, VOCABULARY, TEXT, cell)
    real = forward_pass(model, 1)
    x, matrix = real["given"][0], real["attention"].query_key_value
    assert isinstance(matrix, nn.Linear)
    with torch.no_grad():
        query = matrix(x)[0, 6, D : 2 * D]  # of the second head
        key = matrix(x)[0, 2, 3 * D : 4 * D]
    torch.testing.assert_close(found.stages[0].query, query)
    torch.testing.assert_close(found.stages[0].key, key)
    if kind not in ("fast", "gated"):
        assert [stage.name for stage in found.stages] == ["projected"]
        return
    assert [stage.name for stage in found.stages] == ["projected", "normalised", "turned"]
    by = rotation(T, D, x.device)
    for vector, place, turned in ((query, 7, found.query), (key, 3, found.key)):
        at = tuple(angles[place - 1] for angles in by)
        torch.testing.assert_close(turned, rotate(rms_norm(vector), (at[0], at[1])))
        assert float(turned.norm()) == pytest.approx(math.sqrt(D), rel=1e-4)


def test_shares_of_the_output_sum_to_one() -> None:
    model = model_of("transformer")
    every = [
        cell_arithmetic(model, VOCABULARY, TEXT, Cell(2, 1, 6, key)) for key in range(1, T + 1)
    ]
    assert sum(each.share_of_output for each in every) == pytest.approx(1, abs=1e-5)
    total = torch.stack([each.contribution for each in every]).sum(dim=0)
    torch.testing.assert_close(total, every[0].output)


def test_of_the_future_there_is_a_score_and_nothing_is_taken() -> None:
    found = cell_arithmetic(model_of("transformer"), VOCABULARY, TEXT, Cell(1, 1, 3, 6))
    assert not found.is_allowed and found.score != 0
    assert found.weight == 0 and not found.contribution.any() and found.share_of_output == 0


def test_of_a_long_text_places_count_from_what_the_model_sees() -> None:
    model, cell = model_of("attention"), Cell(1, 1, 4, 2)
    short = cell_arithmetic(model, VOCABULARY, TEXT, cell)
    assert_same(short, cell_arithmetic(model, VOCABULARY, "hhh" + TEXT, cell))


def test_without_positions_nothing_is_turned() -> None:
    model = without(model_of("fast"), [Part("positions")])
    found = cell_arithmetic(model, VOCABULARY, TEXT, Cell(1, 1, 8, 3))
    torch.testing.assert_close(found.query, found.stages[1].query)


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_left_alone(kind: str) -> None:
    model = model_of(kind)
    before = copy.deepcopy(model.state_dict())
    state = torch.random.get_rng_state()
    cell_arithmetic(model, VOCABULARY, TEXT, CELLS[0])
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(before[name], w) for name, w in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (Cell(3, 1, 1, 1), "no layer 3 here: they go from 1 to 2"),
        (Cell(1, 0, 1, 1), "no head 0"),
        (Cell(1, 1, 9, 1), "no query place 9"),
        (Cell(1, 1, 1, -1), "no key place -1"),
    ],
    ids=str,
)
def test_a_cell_that_is_not_there_is_named(cell: Cell, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        cell_arithmetic(model_of("transformer"), VOCABULARY, TEXT, cell)


def test_what_cannot_be_read_or_has_no_attention_is_said() -> None:
    with pytest.raises(PromptError, match="‘X’"):
        cell_arithmetic(model_of("attention"), VOCABULARY, "aX", Cell(1, 1, 1, 1))
    table = build_model(resolve("bigram", len(LETTERS)).model, seed=1)
    with pytest.raises(ConfigError, match="no attention"):
        cell_arithmetic(table, VOCABULARY, TEXT, Cell(1, 1, 1, 1))


def assert_same(one: CellArithmetic, other: CellArithmetic) -> None:
    for name in ("products", "scores", "weights", "value", "contribution", "output"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(
    ("ideas", "words"),
    [
        ("average,positions,mlp,residual,norm,tied", "fixed shares"),
        ("attention,scale,positions,mlp,residual,norm,tied", "looks ahead"),
    ],
)
def test_a_model_of_the_ladder_may_have_no_such_cell(ideas: str, words: str) -> None:
    shape = dict(block_size=8, n_layer=1, n_head=1, n_embd=8, block="ladder", ideas=ideas)
    model = build_model(resolve("transformer", 4, None, shape).model, seed=1).eval()
    with pytest.raises(ConfigError, match=words):
        cell_arithmetic(model, Vocabulary("abcd"), "abca", Cell(1, 1, 2, 1))


def test_a_model_of_the_ladder_has_the_cells_of_the_classic_block() -> None:
    shape = dict(block_size=8, n_layer=1, n_head=2, n_embd=8, block="ladder",
                 ideas="attention,mask,scale,positions")  # fmt: skip
    model = build_model(resolve("transformer", 4, None, shape).model, seed=1).eval()
    found = cell_arithmetic(model, Vocabulary("abcd"), "abca", Cell(1, 2, 4, 2))
    weights = attention_weights(model, Vocabulary("abcd"), "abca")
    assert found.weight == pytest.approx(float(weights[0, 1, 3, 1]), abs=1e-6)
    assert [lines_of(step, model) for step in steps_of(model)]
