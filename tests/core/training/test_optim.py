"""Steps and learning rates, against AdamW and the schedules written out."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from core.models import LanguageModel, build_model
from core.settings.config import ModelKind, TrainConfig
from core.training.optim import build_optimizers, learning_rate_at, muon_momentum_at
from tests.helpers import small_config


def train_config(**changes: Any) -> TrainConfig:
    flags = dict(
        max_iters=100, learning_rate=1.0, min_lr=0.1, warmup_iters=9, lr_decay_iters=99
    ) | changes  # fmt: skip
    return small_config("bigram", 5, **flags).train


def adamw(model: LanguageModel, config: TrainConfig) -> torch.optim.Optimizer:
    return build_optimizers(model, config).parts["adamw"]


# --- learning rate --------------------------------------------------------------------------------


def test_the_rate_rises_in_a_line_over_the_warm_up() -> None:
    rates = [learning_rate_at(step, train_config()) for step in range(10)]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


@pytest.mark.parametrize(
    ("schedule", "quarter"), [("cosine", 0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2), ("linear", 0.775)]
)
def test_the_rate_falls_from_the_peak_to_min_lr(schedule: str, quarter: float) -> None:
    config = train_config(schedule=schedule, lr_decay_iters=89)  # 80 steps of falling
    at = {step: learning_rate_at(step, config) for step in (9, 29, 49, 69, 89)}
    assert at[9] == pytest.approx(1.0)
    assert at[29] == pytest.approx(quarter)
    assert at[49] == pytest.approx(0.55)
    assert at[69] == pytest.approx(1.1 - quarter)
    assert at[89] == pytest.approx(0.1)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_rate_stays_at_min_lr_after_the_decay(schedule: str) -> None:
    config = train_config(schedule=schedule)
    assert [learning_rate_at(step, config) for step in (99, 100, 5000)] == [0.1] * 3


def test_a_constant_rate_stays_after_the_warm_up() -> None:
    config = train_config(schedule="constant")
    assert learning_rate_at(0, config) == pytest.approx(0.1)
    assert [learning_rate_at(step, config) for step in (9, 50, 5000)] == [1.0] * 3


def test_without_a_warm_up_the_first_rate_is_the_peak() -> None:
    assert learning_rate_at(0, train_config(warmup_iters=0)) == pytest.approx(1.0)


def test_a_warm_up_longer_than_the_decay_ends_at_min_lr() -> None:
    config = train_config(warmup_iters=20, lr_decay_iters=10)
    assert learning_rate_at(19, config) == pytest.approx(20 / 21)
    assert learning_rate_at(20, config) == 0.1


# --- optimiser ------------------------------------------------------------------------------------


def test_matrices_decay_and_vectors_do_not() -> None:
    config = small_config("transformer", 5, bias=True, weight_decay=0.3)
    model = build_model(config.model, seed=1)
    matrices, vectors = adamw(model, config.train).param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.3, 0.0)
    assert all(p.dim() >= 2 for p in matrices["params"])
    assert all(p.dim() == 1 for p in vectors["params"])
    both = [*matrices["params"], *vectors["params"]]
    assert len(both) == len(list(model.parameters())) == len({id(p) for p in both})


def test_a_model_without_vectors_has_one_group() -> None:
    config = small_config("bigram", 5)
    assert len(adamw(build_model(config.model, 1), config.train).param_groups) == 1


def test_the_settings_reach_the_optimiser(kind: ModelKind) -> None:
    config = small_config(kind, 5, learning_rate=0.02, beta1=0.8, beta2=0.95)
    group = adamw(build_model(config.model, 1), config.train).param_groups[0]
    assert (group["lr"], group["betas"]) == (0.02, (0.8, 0.95))


def test_steps_are_those_of_the_paper() -> None:
    config = small_config("bigram", 5, learning_rate=0.05, weight_decay=0.4, beta1=0.8, beta2=0.9)
    model = build_model(config.model, seed=1)
    optimizer = adamw(model, config.train)
    [theta_torch] = model.parameters()
    theta = theta_torch.detach().clone().double()
    m, v = torch.zeros_like(theta), torch.zeros_like(theta)
    noise = torch.Generator().manual_seed(2)
    for t in range(1, 6):
        gradient = torch.randn(theta.shape, generator=noise)
        theta_torch.grad = gradient.clone()
        optimizer.step()

        g = gradient.double()
        m = 0.8 * m + 0.2 * g
        v = 0.9 * v + 0.1 * g**2
        m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.9**t)
        theta = theta - 0.05 * 0.4 * theta - 0.05 * m_hat / (v_hat.sqrt() + 1e-8)
        assert torch.allclose(theta_torch.detach().double(), theta, atol=1e-6)


# --- several at once ------------------------------------------------------------------------------


def test_the_flat_schedule_stays_at_the_peak_and_then_falls_in_a_line() -> None:
    config = train_config(schedule="flat", warmup_iters=0, lr_decay_iters=100, min_lr=0.0)
    at = [learning_rate_at(step, config) for step in (0, 40, 70, 100, 200)]
    assert at == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])


def test_muon_takes_the_matrices_of_the_blocks_and_nothing_else() -> None:
    config = small_config("transformer", 5, bias=True, optimizer="muon")
    model = build_model(config.model, seed=1)
    parts = build_optimizers(model, config.train).parts
    names = {id(p): name for name, p in model.named_parameters()}
    taken = {
        part: {names[id(p)] for group in optimizer.param_groups for p in group["params"]}
        for part, optimizer in parts.items()
    }
    assert taken["muon"] == {n for n in names.values() if "blocks" in n and "weight" in n
                             and "norm" not in n}  # fmt: skip
    assert taken["adamw"] | taken["muon"] == set(names.values())
    assert not taken["adamw"] & taken["muon"]


def test_every_part_follows_the_schedule_from_its_own_peak() -> None:
    config = small_config(
        "transformer", 5, block="modern", ngrams=3, optimizer="muon", learning_rate=0.01,
        muon_lr=0.03, table_lr=0.2,
    )  # fmt: skip
    model = build_model(config.model, seed=1)
    optimizers = build_optimizers(model, config.train)
    model(torch.zeros(1, 4, dtype=torch.int64)).sum().backward()
    optimizers.step(rate=0.005, step=150)
    rates = {name: part.param_groups[0]["lr"] for name, part in optimizers.parts.items()}
    assert rates == pytest.approx({"adamw": 0.005, "muon": 0.015, "tables": 0.1})
    assert optimizers.parts["muon"].param_groups[0]["momentum"] == muon_momentum_at(150)


def test_the_momentum_of_muon_grows_and_then_stays() -> None:
    assert [muon_momentum_at(s) for s in (0, 150, 300, 900)] == pytest.approx(
        [0.85, 0.9, 0.95, 0.95]
    )
