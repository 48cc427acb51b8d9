"""What follows each character: the model's own guesses, and for a table the loss itself."""

from __future__ import annotations

import math

import pytest
import torch

from core.interpretability.transitions import (
    transition_logits,
    transition_loss,
    transition_probabilities,
)
from core.models.bigram import BigramModel
from core.runs.lab import Lab
from core.settings.config import ModelConfig, ModelKind
from core.text.corpus import Corpus
from core.text.reference import bigram_loss, bigram_probabilities
from tests.core.interpretability.test_attention import LETTERS, small_model
from tests.helpers import trained


def test_transitions_are_the_guesses_after_one_character(kind: ModelKind) -> None:
    model = small_model(kind)
    probabilities = transition_probabilities(model)
    assert probabilities.shape == (len(LETTERS), len(LETTERS))
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(len(LETTERS)))
    logits = model(torch.tensor([[5]]))[0, 0]
    torch.testing.assert_close(transition_logits(model)[5], logits)
    torch.testing.assert_close(probabilities[5], logits.softmax(dim=-1))


def test_the_logits_of_a_table_are_the_table() -> None:
    model = BigramModel(ModelConfig(model="bigram", vocab_size=8, block_size=8))
    assert torch.equal(transition_logits(model), model.table.weight)


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
    monkeypatch.setattr("core.interpretability.transitions.MAX_LOGITS", 2 * V)  # two rows at a time
    assert torch.equal(transition_probabilities(model), whole)
    assert torch.equal(transition_probabilities(model, kept), whole[kept])
    assert transition_loss(model, tokens) == pytest.approx(loss)
    assert loss == pytest.approx(float(-whole.log()[tokens[:-1], tokens[1:]].mean()), rel=1e-6)


def test_loss_of_a_learned_table_is_the_one_that_its_run_measured(lab: Lab, corpus: Corpus) -> None:
    record = lab.run(trained(lab, corpus, "bigram", learning_rate=0.1))
    learned = lab.model(record, "last").model
    assert transition_loss(learned, corpus.val) == pytest.approx(record.val_loss_nats, abs=1e-5)
