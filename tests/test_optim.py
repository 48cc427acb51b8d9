"""Steps and learning rates, against AdamW and the schedules written out."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from core.config import ModelKind, TrainConfig
from core.models import build_model
from core.optim import build_optimizer, learning_rate_at
from tests.helpers import small_config


def train_config(**changes: Any) -> TrainConfig:
    flags = dict(
        max_iters=100, learning_rate=1.0, min_lr=0.1, warmup_iters=9, lr_decay_iters=99
    ) | changes  # fmt: skip
    return small_config("bigram", 5, **flags).train


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


def test_a_changed_peak_keeps_the_shape_and_the_end() -> None:
    config = train_config(lr_decay_iters=89)
    assert learning_rate_at(4, config, peak=2.0) == pytest.approx(1.0)
    assert learning_rate_at(49, config, peak=2.0) == pytest.approx(1.05)
    assert learning_rate_at(89, config, peak=2.0) == pytest.approx(0.1)
    assert learning_rate_at(89, config, peak=0.05) == pytest.approx(0.05)


# --- optimiser ------------------------------------------------------------------------------------


def test_matrices_decay_and_vectors_do_not() -> None:
    config = small_config("transformer", 5, bias=True, weight_decay=0.3)
    model = build_model(config.model, seed=1)
    matrices, vectors = build_optimizer(model, config.train).param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.3, 0.0)
    assert all(p.dim() >= 2 for p in matrices["params"])
    assert all(p.dim() == 1 for p in vectors["params"])
    both = [*matrices["params"], *vectors["params"]]
    assert len(both) == len(list(model.parameters())) == len({id(p) for p in both})


def test_a_model_without_vectors_has_one_group() -> None:
    config = small_config("bigram", 5)
    assert len(build_optimizer(build_model(config.model, 1), config.train).param_groups) == 1


def test_the_settings_reach_the_optimiser(kind: ModelKind) -> None:
    config = small_config(kind, 5, learning_rate=0.02, beta1=0.8, beta2=0.95)
    group = build_optimizer(build_model(config.model, 1), config.train).param_groups[0]
    assert (group["lr"], group["betas"]) == (0.02, (0.8, 0.95))


def test_steps_are_those_of_the_paper() -> None:
    config = small_config("bigram", 5, learning_rate=0.05, weight_decay=0.4, beta1=0.8, beta2=0.9)
    model = build_model(config.model, seed=1)
    optimizer = build_optimizer(model, config.train)
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
