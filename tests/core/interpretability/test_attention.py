"""What is said of a model's inside is what it does, and hand-made heads are read as they are."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core.errors import ConfigError, PromptError
from core.interpretability.attention import (
    Pattern,
    attention_weights,
    attention_worth,
    even_weights,
    head_summary,
    name_pattern,
    transition_loss,
    transition_probabilities,
    without_attention,
)
from core.models import build_model
from core.models.bigram import BigramModel
from core.runs.lab import Lab, LoadedModel
from core.settings.config import ModelConfig, ModelKind
from core.settings.presets import resolve
from core.text.corpus import Corpus, Vocabulary
from core.text.reference import bigram_loss, bigram_probabilities
from core.training.trainer import split_loss
from tests.helpers import small_config, trained

LETTERS = "abcdefgh"
T = 40
SMALL_SHAPE = dict(block_size=8, n_head=2, n_embd=8, n_layer=1)


def small_model(kind: ModelKind) -> LoadedModel:
    """Random weights, large enough for the heads to differ."""
    model = build_model(small_config(kind, len(LETTERS)).model, seed=3).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20)
    return LoadedModel(model, Vocabulary(LETTERS), 0, "untrained, step 0")


def looking(back: int) -> Tensor:
    """A head that looks so many characters back, and before that at the first one: (T, T)."""
    weights = torch.zeros(T, T)
    for t in range(T):
        weights[t, max(0, t - back)] = 1.0
    return weights


# --- attention ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "n_layers"), [("attention", 1), ("transformer", 2)])
def test_rows_of_attention_sum_to_one_and_never_look_ahead(kind: ModelKind, n_layers: int) -> None:
    weights = attention_weights(small_model(kind), "abcabc")
    assert weights.shape == (n_layers, 2, 6, 6)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(n_layers, 2, 6))
    assert weights.triu(diagonal=1).count_nonzero() == 0
    assert not torch.equal(weights[0, 0], weights[0, 1])


def test_a_bigram_table_has_no_attention() -> None:
    assert attention_weights(small_model("bigram"), "abc").shape == (0, 0, 3, 3)


def test_of_a_long_text_the_model_sees_the_end() -> None:
    loaded = small_model("transformer")
    block_size = loaded.model.config.block_size
    long = (LETTERS * 3)[: block_size + 5]
    weights = attention_weights(loaded, long)
    assert weights.shape[-1] == block_size
    assert torch.equal(weights, attention_weights(loaded, long[-block_size:]))


def test_unknown_characters_are_named() -> None:
    with pytest.raises(PromptError, match="‘X’") as caught:
        attention_weights(small_model("attention"), "abX")
    assert caught.value.unknown == "X"


# --- summaries ------------------------------------------------------------------------------------


def test_a_head_on_itself() -> None:
    summary = head_summary(torch.eye(T))
    assert (summary.itself, summary.previous, summary.first) == (1, 0, 0)
    assert (summary.mean_distance, summary.entropy_nats) == (0, 0)


def test_a_head_on_the_previous_character() -> None:
    summary = head_summary(looking(back=1))
    assert (summary.itself, summary.previous, summary.mean_distance) == (0, 1, 1)
    assert summary.first == pytest.approx(1 / (T - 1))  # the second character's previous one


def test_a_head_on_the_first_character() -> None:
    summary = head_summary(looking(back=T))
    assert summary.first == 1
    assert summary.mean_distance == pytest.approx(sum(range(1, T)) / (T - 1))


def test_an_even_head_has_the_largest_entropy() -> None:
    weights = even_weights(T)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(T))
    summary = head_summary(weights)
    expected = sum(math.log(t + 1) for t in range(1, T)) / (T - 1)
    assert summary.entropy_nats == pytest.approx(expected)
    assert summary.itself == pytest.approx(sum(1 / (t + 1) for t in range(1, T)) / (T - 1))


def test_one_character_has_no_habits() -> None:
    with pytest.raises(ValueError, match="two characters"):
        head_summary(torch.ones(1, 1))


@pytest.mark.parametrize(
    ("weights", "pattern"),
    [
        (even_weights(T), "even"),
        (looking(back=0), "itself"),
        (looking(back=1), "previous"),
        (looking(back=T), "first"),
        (looking(back=2), "nearby"),
        (0.5 * looking(back=12) + 0.5 * looking(back=15), "mixed"),
        (0.9 * looking(back=1) + 0.1 * even_weights(T), "previous"),
    ],
)
def test_patterns_follow_their_rules(weights: Tensor, pattern: Pattern) -> None:
    assert name_pattern(head_summary(weights), head_summary(even_weights(T))) == pattern


def test_a_share_that_even_spreading_gives_too_names_nothing() -> None:
    """In two characters everything is near and large; that is no habit of the head."""
    weights = torch.tensor([[1.0, 0.0], [0.75, 0.25]])
    assert name_pattern(head_summary(weights), head_summary(even_weights(2))) == "mixed"


# --- transitions ----------------------------------------------------------------------------------


def test_transitions_are_the_guesses_after_one_character(kind: ModelKind) -> None:
    model = small_model(kind).model
    probabilities = transition_probabilities(model)
    assert probabilities.shape == (len(LETTERS), len(LETTERS))
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(len(LETTERS)))
    guess = model(torch.tensor([[5]]))[0, 0].softmax(dim=-1)
    torch.testing.assert_close(probabilities[5], guess)


def test_even_guesses_cost_ln_v() -> None:
    even = BigramModel(ModelConfig(model="bigram", vocab_size=8, block_size=8))
    torch.nn.init.zeros_(even.table.weight)
    assert transition_loss(even, torch.tensor([0, 5, 3, 3])) == pytest.approx(math.log(8))


def test_loss_of_the_counts_is_the_reference_line(tiny_corpus: Corpus) -> None:
    V = len(tiny_corpus.vocabulary)
    counted = BigramModel(ModelConfig(model="bigram", vocab_size=V, block_size=8))
    with torch.no_grad():
        counted.table.weight.copy_(bigram_probabilities(tiny_corpus.train, V).log())
    expected = bigram_loss(tiny_corpus.train, tiny_corpus.val, V)
    assert transition_loss(counted, tiny_corpus.val) == pytest.approx(expected)


def test_a_part_of_a_large_table_is_the_whole_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    V = 11
    model = BigramModel(ModelConfig(model="bigram", vocab_size=V, block_size=8))
    tokens, kept = torch.arange(100) * 7 % V, torch.tensor([9, 2, 5])
    whole, loss = transition_probabilities(model), transition_loss(model, tokens)
    monkeypatch.setattr("core.interpretability.attention._MAX_LOGITS", 2 * V)  # two rows at a time
    assert torch.equal(transition_probabilities(model), whole)
    assert torch.equal(transition_probabilities(model, kept), whole[kept][:, kept])
    assert transition_loss(model, tokens) == pytest.approx(loss)
    assert loss == pytest.approx(float(-whole.log()[tokens[:-1], tokens[1:]].mean()), rel=1e-6)


def test_loss_of_a_learned_table_is_the_one_that_its_run_measured(lab: Lab, corpus: Corpus) -> None:
    record = lab.run(trained(lab, corpus, "bigram", learning_rate=0.1))
    learned = lab.model(record, "last").model
    assert transition_loss(learned, corpus.val) == pytest.approx(record.val_loss, abs=1e-5)


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
    with without_attention(model):
        silenced = model(idx)
        assert torch.equal(silenced[0, -1], model(changed)[0, -1])
    assert not torch.allclose(silenced, whole)
    assert torch.equal(model(idx), whole) and not torch.equal(whole[0, -1], model(changed)[0, -1])


@pytest.mark.parametrize("kind", ["attention", "transformer"])
def test_the_worth_of_attention_is_two_losses_and_leaves_the_model_alone(kind: ModelKind) -> None:
    model, tokens = small_model(kind).model, torch.arange(T) % len(LETTERS)
    found = attention_worth(model, tokens)
    assert found.with_nats == split_loss(model, tokens)
    assert not any(layer._forward_hooks for layer in model.modules())
    with without_attention(model):
        assert found.without_nats == split_loss(model, tokens)
    assert found.without_nats != found.with_nats
    assert found.n_guesses == T - 1


def test_a_table_has_no_attention_to_leave_out() -> None:
    with (
        pytest.raises(ConfigError, match="bigram model has no attention"),
        without_attention(small_model("bigram").model),
    ):
        pass
