"""What is said of a model's inside is what it does, and hand-made heads are read as they are."""

from __future__ import annotations

import pytest
import torch

from core.errors import ConfigError, PromptError
from core.interpretability.attention import attention_weights, attention_worth
from core.interpretability.parts import attention_of, without
from core.models import LanguageModel, build_model
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.text.corpus import Vocabulary
from core.training.evaluation import split_loss
from tests.helpers import small_config

LETTERS = "abcdefgh"
VOCABULARY = Vocabulary(LETTERS)
T = 40
SMALL_SHAPE = dict(block_size=8, n_head=2, n_embd=8, n_layer=1)


def small_model(kind: ModelKind) -> LanguageModel:
    """Random weights, large enough for the heads to differ."""
    model = build_model(small_config(kind, len(LETTERS)).model, seed=3).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20)
    return model


# --- attention ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "n_layers"), [("attention", 1), ("transformer", 2)])
def test_rows_of_attention_sum_to_one_and_never_look_ahead(kind: ModelKind, n_layers: int) -> None:
    weights = attention_weights(small_model(kind), VOCABULARY, "abcabc")
    assert weights.shape == (n_layers, 2, 6, 6)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(n_layers, 2, 6))
    assert weights.triu(diagonal=1).count_nonzero() == 0
    assert not torch.equal(weights[0, 0], weights[0, 1])


def test_a_bigram_table_has_no_attention() -> None:
    assert attention_weights(small_model("bigram"), VOCABULARY, "abc").shape == (0, 0, 3, 3)


def test_of_a_long_text_the_model_sees_the_end() -> None:
    model = small_model("transformer")
    block_size = model.config.block_size
    long = (LETTERS * 3)[: block_size + 5]
    weights = attention_weights(model, VOCABULARY, long)
    assert weights.shape[-1] == block_size
    assert torch.equal(weights, attention_weights(model, VOCABULARY, long[-block_size:]))


def test_unknown_characters_are_named() -> None:
    with pytest.raises(PromptError, match="‘X’") as caught:
        attention_weights(small_model("attention"), VOCABULARY, "abX")
    assert caught.value.unknown == "X"


# --- without attention ----------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["classic", "fast", "fastest"])
def test_without_attention_a_character_knows_nothing_of_those_far_before(recipe: str) -> None:
    config = resolve("transformer", len(LETTERS), None, SMALL_SHAPE, recipe).model
    model, dice = build_model(config, seed=3).eval(), torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn(parameter.shape, generator=dice)
    idx = torch.arange(8)[None]
    changed = idx.clone()
    changed[0, 0] = 5  # further away than token shifts and n-gram tables reach
    whole = model(idx)
    rest = without(model, attention_of(model))
    silenced = rest(idx)
    assert torch.equal(silenced[0, -1], rest(changed)[0, -1])
    assert not torch.allclose(silenced, whole)
    assert torch.equal(model(idx), whole) and not torch.equal(whole[0, -1], model(changed)[0, -1])


@pytest.mark.parametrize("kind", ["attention", "transformer"])
def test_the_worth_of_attention_is_two_losses_and_leaves_the_model_alone(kind: ModelKind) -> None:
    model, tokens = small_model(kind), torch.arange(T) % len(LETTERS)
    found = attention_worth(model, tokens)
    assert found.with_nats == split_loss(model, tokens)
    assert found.without_nats == split_loss(without(model, attention_of(model)), tokens)
    assert found.with_nats == split_loss(model, tokens)
    assert found.without_nats != found.with_nats
    assert found.n_guesses == T - 1


def test_a_table_has_no_attention_to_leave_out() -> None:
    with pytest.raises(ConfigError, match="bigram model has no attention"):
        attention_of(small_model("bigram"))
