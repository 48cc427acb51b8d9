"""What each character of a text costs a model, against the loss and against reading one by one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core.interpretability.scoring import (
    context_lengths,
    costs_by_context,
    enough_context,
    score,
)
from core.models import LanguageModel, build_model
from core.settings.config import ModelKind
from core.training.evaluation import loss_given_the_past, split_loss
from tests.helpers import small_config
from tests.recipes import RUNS, config_of

V = 9


@pytest.fixture(params=[*RUNS])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """Each way to train, with weights large enough that it has opinions; ready to train."""
    config = config_of(request.param, V)
    model = build_model(config.model, 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
            )
    return model


def text(n: int) -> Tensor:
    return torch.randint(V, (n,), generator=torch.Generator().manual_seed(3))


def one_by_one(model: LanguageModel, tokens: Tensor) -> list[float]:
    """The same, said as plainly as possible: a forward pass for every character."""
    model.eval()
    costs = []
    for place in range(1, len(tokens)):
        context = tokens[max(0, place - model.config.block_size) : place]
        with torch.inference_mode():
            logits = model(context[None])[0, -1].double()
        costs.append(float(logits.logsumexp(0) - logits[tokens[place]]))
    return costs


def test_a_window_costs_its_loss(model: LanguageModel) -> None:
    tokens = text(model.config.block_size + 1)
    total_bits = float(score(model, tokens).bits.sum())
    loss = split_loss(model, tokens)
    if not model.config.has("mask") and model.config.has("attention"):  # it looks ahead there
        assert total_bits > loss * model.config.block_size / math.log(2)
        loss = loss_given_the_past(model, tokens[None])
    assert total_bits == pytest.approx(loss * model.config.block_size / math.log(2), rel=1e-5)


@pytest.mark.parametrize("n", [2, 5, 9, 10, 40])
def test_each_character_is_read_with_all_that_the_block_holds(model: LanguageModel, n: int) -> None:
    tokens = text(n)
    found = score(model, tokens)
    assert len(found.nats) == len(found.guesses) == n - 1
    assert found.nats.tolist() == pytest.approx(one_by_one(model, tokens), rel=1e-4, abs=1e-5)


def test_it_changes_nothing(model: LanguageModel) -> None:
    model.train()
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    score(model, text(20))
    costs_by_context(model, text(20), [3])
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_likeliest_is_named_with_its_probability(kind: ModelKind) -> None:
    model = build_model(small_config(kind, V).model, 1).eval()
    tokens = text(6)
    found = score(model, tokens)
    with torch.inference_mode():
        rows = model(tokens[None, :-1])[0].double().softmax(dim=-1)
    assert found.guesses.tolist() == rows.argmax(dim=1).tolist()
    assert found.guess_probabilities.tolist() == pytest.approx(rows.max(dim=1).values.tolist())


def test_lengths_of_context_are_close_at_first_and_end_with_the_longest() -> None:
    assert context_lengths(1) == [1]
    assert context_lengths(8) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert context_lengths(21) == [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 21]
    assert len(context_lengths(256)) < 32


def test_the_cost_of_a_place_by_what_was_seen_of_it(model: LanguageModel) -> None:
    tokens, T = text(30), model.config.block_size
    places = [1, 5, 29]
    found = costs_by_context(model, tokens, places)
    whole = score(model, tokens).nats
    for place, costs in zip(places, found):
        assert [*costs] == context_lengths(min(place, T))
        assert costs[max(costs)] == pytest.approx(float(whole[place - 1]), rel=1e-4, abs=1e-5)
        for n, nats in costs.items():
            (cost,) = one_by_one(model, tokens[place - n : place + 1])[-1:]
            assert nats == pytest.approx(cost, rel=1e-4, abs=1e-5)


def test_enough_context_is_the_shortest_that_gains_nearly_all() -> None:
    assert enough_context({1: 5.0, 2: 4.9, 3: 1.4, 4: 1.2, 5: 1.0}) == 3
    assert enough_context({1: 5.0, 2: 4.9, 3: 1.45, 4: 1.2, 5: 1.0}) == 4
    assert enough_context({1: 1.0, 2: 3.0}) == 1
    assert enough_context({1: 1.0}) == 1
