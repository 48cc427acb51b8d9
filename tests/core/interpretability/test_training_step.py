"""A told step is the step: its weights, gradients and losses those of an independent account."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.interpretability.lens import layer_logits
from core.interpretability.training_step import (
    PartStep,
    TrainingStep,
    part_of,
    tell_step,
    told_guess,
)
from core.text.corpus import Batches, Corpus
from core.training.evaluation import evaluating
from core.training.trainer import DivergedError, Trainer
from tests.helpers import assert_equal_states, small_config
from tests.recipes import RUNS, config_of

N_BEFORE = 3
"""Steps that were taken before the one that is told, so that optimisers have something to go on."""


def trainer_of(name: str, corpus: Corpus, **changes: Any) -> Trainer:
    trainer = Trainer(config_of(name, len(corpus.vocabulary), **changes), corpus)
    for _ in range(N_BEFORE):
        trainer.take_step()
    return trainer


def twin_of(trainer: Trainer) -> Trainer:
    twin = Trainer(trainer.config, trainer.corpus)
    twin.load_state_dict(trainer.state_dict())
    return twin


def state_of(trainer: Trainer) -> dict[str, Any]:
    state = copy.deepcopy(trainer.state_dict())
    state.pop("elapsed_s")
    return state


@pytest.mark.parametrize("name", RUNS)
def test_the_told_step_is_the_one_that_the_trainer_takes(name: str, tiny_corpus: Corpus) -> None:
    trainer = trainer_of(name, tiny_corpus)
    private = twin_of(trainer)
    before = copy.deepcopy(trainer.model.state_dict())
    told, record = tell_step(private), trainer.take_step()
    assert_equal_states(state_of(private), state_of(trainer))
    assert_equal_states(dict(told.before.state_dict()), dict(before))
    assert_equal_states(dict(told.after.state_dict()), dict(trainer.model.state_dict()))
    assert (told.step, told.step_loss_nats, told.grad_norm, told.learning_rate) == (
        record.step, record.loss_nats, record.grad_norm, record.learning_rate,
    )  # fmt: skip
    tell_step(private)
    trainer.take_step()
    assert_equal_states(state_of(private), state_of(trainer))


@pytest.mark.parametrize("name", RUNS)
def test_the_batch_is_the_next_of_the_seeds_own(name: str, tiny_corpus: Corpus) -> None:
    trainer = trainer_of(name, tiny_corpus)
    train = trainer.config.train
    batches = Batches(tiny_corpus.train, 8, train.batch_size, train.seed)
    for _ in range(N_BEFORE):
        batches.next()
    inputs, targets = batches.next()
    told = tell_step(trainer)
    assert torch.equal(told.inputs, inputs) and torch.equal(told.targets, targets)
    assert torch.equal(told.inputs[:, 1:], told.targets[:, :-1])


@pytest.mark.parametrize("clip", [0.0, 1e-3])
@pytest.mark.parametrize("name", RUNS)
def test_gradients_are_those_of_autograd(name: str, clip: float, tiny_corpus: Corpus) -> None:
    told = tell_step(trainer_of(name, tiny_corpus, dropout=0.0, grad_clip=clip))
    model = told.before.train()
    logits = model(told.inputs).float()
    logits.retain_grad()
    F.cross_entropy(logits.flatten(0, 1), told.targets.flatten()).backward()
    assert logits.grad is not None
    squares: dict[str, float] = {}
    for parameter, weight in model.named_parameters():
        assert weight.grad is not None
        grad = weight.grad.to_dense() if weight.grad.is_sparse else weight.grad
        part = part_of(parameter)
        squares[part] = squares.get(part, 0.0) + float(grad.double().square().sum())
    assert {part.name: part.grad_norm for part in told.parts} == pytest.approx(
        {part: math.sqrt(square) for part, square in squares.items()}, rel=1e-3
    )
    dense = sum(square for part, square in squares.items() if part != "tables")
    assert told.grad_norm == pytest.approx(math.sqrt(dense), rel=1e-3)
    wanted = min(1.0, clip / told.grad_norm) if clip else 1.0
    assert told.clip_factor == pytest.approx(wanted, rel=1e-2)
    for window, place in ((0, 0), (3, 7), told.typical):
        ours = told_guess(told, window, place).logits_grad
        theirs = logits.grad[window, place] * told.inputs.numel()
        torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("name", RUNS)
def test_losses_are_an_independent_cross_entropy(name: str, tiny_corpus: Corpus) -> None:
    told = tell_step(trainer_of(name, tiny_corpus))
    for model, losses in (
        (told.before, told.losses_before_nats), (told.after, told.losses_after_nats),
    ):  # fmt: skip
        with torch.no_grad():
            chances = model(told.inputs).double().exp()
        of_targets = chances.gather(2, told.targets[..., None])[..., 0]
        by_hand = (chances.sum(dim=-1) / of_targets).log().float()
        torch.testing.assert_close(losses, by_hand, atol=1e-4, rtol=1e-4)
    window, place = told.typical
    guess = told_guess(told, window, place)
    assert guess.loss_before_nats == pytest.approx(
        float(told.losses_before_nats[window, place]), abs=1e-4
    )
    assert guess.loss_after_nats == pytest.approx(
        float(told.losses_after_nats[window, place]), abs=1e-4
    )
    assert told.loss_before_nats == pytest.approx(float(told.losses_before_nats.mean()))
    assert told.loss_after_nats == pytest.approx(float(told.losses_after_nats.mean()))
    dropout = told.before.config.dropout
    if not dropout:  # then the step measures what is told
        assert told.step_loss_nats == pytest.approx(told.loss_before_nats, abs=1e-4)
        assert guess.step_loss_nats == pytest.approx(guess.loss_before_nats, abs=1e-4)


@pytest.mark.parametrize("name", RUNS)
def test_a_guess_is_told_layer_by_layer(name: str, tiny_corpus: Corpus) -> None:
    told = tell_step(trainer_of(name, tiny_corpus))
    guess = told_guess(told, 2, 5)
    with torch.no_grad():
        before, after = (m(told.inputs)[2, 5].softmax(dim=-1) for m in (told.before, told.after))
    torch.testing.assert_close(guess.before, before, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(guess.after, after, atol=1e-5, rtol=1e-4)
    assert guess.target == int(told.targets[2, 5])
    if told.before.config.n_layer:
        layers = layer_logits(told.before, told.inputs)[:, 2, 5].softmax(dim=-1)
        torch.testing.assert_close(guess.layers, layers, atol=1e-5, rtol=1e-4)
    else:
        assert len(guess.layers) == 1
    torch.testing.assert_close(guess.layers.sum(dim=-1), torch.ones(len(guess.layers)))


def flat(model: Any, inside: list[str]) -> Tensor:
    weights = dict(model.named_parameters())
    return torch.cat([weights[name].detach().flatten() for name in inside]).double()


@pytest.mark.parametrize("name", RUNS)
def test_parts_are_the_whole_model_and_say_how_far_they_moved(
    name: str, tiny_corpus: Corpus
) -> None:
    told = tell_step(trainer_of(name, tiny_corpus))
    assert sum(part.n_params for part in told.parts) == told.before.n_params
    for part in told.parts:
        inside = [n for n, _ in told.before.named_parameters() if part_of(n) == part.name]
        was, now = flat(told.before, inside), flat(told.after, inside)
        assert part.weight_norm == pytest.approx(float(was.norm()), rel=1e-4)
        assert part.update_norm == pytest.approx(float((now - was).norm()), rel=1e-3)
        assert part.update_norm > 0
        assert part.update_ratio == pytest.approx(part.update_norm / part.weight_norm)


PARTS = {
    "bigram": ["table"],
    "attention": ["token embedding", "position embedding", "layer 1 attention", "head"],
    "classic": [
        "token embedding", "position embedding", "layer 1 attention", "layer 1 MLP",
        "layer 2 attention", "layer 2 MLP", "last norm",
    ],
    "fastest": ["token embedding", "layer 1 attention", "layer 1 MLP", "head", "tables"],
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_parts_have_the_names_that_people_know(name: str, tiny_corpus: Corpus) -> None:
    told = tell_step(trainer_of(name, tiny_corpus))
    assert [part.name for part in told.parts] == PARTS[name]
    assert [part.layer for part in told.parts] == [
        int(part.split()[1]) if part.startswith("layer") else 0 for part in PARTS[name]
    ]


def test_what_was_all_zero_has_no_share() -> None:
    part = PartStep(
        part="head", layer=0, n_params=2, grad_norm=1.0, weight_norm=0.0, update_norm=0.1
    )
    assert part.update_ratio is None and part.name == "head"


def test_each_optimiser_says_its_rate(tiny_corpus: Corpus) -> None:
    told = tell_step(trainer_of("fastest", tiny_corpus))
    assert list(told.rates) == ["adamw", "muon", "tables"]
    assert told.rates["adamw"] == told.learning_rate > 0
    assert told.rates["muon"] == pytest.approx(2 * told.learning_rate)  # 2e-2 beside 1e-2


def test_the_typical_guess_has_a_loss_like_the_mean(tiny_corpus: Corpus) -> None:
    told = tell_step(trainer_of("classic", tiny_corpus))
    window, place = told.typical
    off = (told.losses_before_nats - told.loss_before_nats).abs()
    assert place >= 4 and float(off[window, place]) == pytest.approx(float(off[:, 4:].min()))


def test_telling_draws_no_random_numbers_but_the_trainers_own(tiny_corpus: Corpus) -> None:
    trainer = trainer_of("attention", tiny_corpus)  # with dropout
    before = torch.get_rng_state()
    told = tell_step(trainer)
    told_guess(told, 0, 3)
    assert torch.equal(torch.get_rng_state(), before)
    assert trainer.model.training and not told.before.training and not told.after.training
    with evaluating(trainer.model):
        torch.testing.assert_close(trainer.model(told.inputs), told.after(told.inputs))


def test_a_step_that_diverges_is_said_to(tiny_corpus: Corpus) -> None:
    trainer = Trainer(small_config("bigram", len(tiny_corpus.vocabulary)), tiny_corpus)
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(math.nan)
    with pytest.raises(DivergedError):
        tell_step(trainer)


def test_a_place_that_is_not_there_is_none(tiny_corpus: Corpus) -> None:
    told: TrainingStep = tell_step(trainer_of("bigram", tiny_corpus))
    with pytest.raises(IndexError):
        told_guess(told, 0, 8)
