"""Settings that cannot be are refused, and what is kept is what was given."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from core.errors import ConfigError
from core.settings.config import (
    MODEL_KINDS,
    MODEL_SETTINGS,
    ModelConfig,
    ModelKind,
    RunConfig,
    SampleConfig,
    TrainConfig,
    help_line,
)
from core.settings.presets import PRESETS, RECIPES, resolve
from tests.helpers import small_config

SHAPE: dict[str, Any] = dict(
    model="transformer", vocab_size=10, block_size=8, n_layer=2, n_head=2, n_embd=8
)
TRAINING: dict[str, Any] = dict(
    batch_size=4, max_iters=10, learning_rate=1e-2, min_lr=1e-3, warmup_iters=1,
    lr_decay_iters=10, eval_interval=5, eval_iters=2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "rnn"),
        ("block", "faster"),
        ("block", ["fast"]),
        ("vocab_size", 1),
        ("block_size", 0),
        ("block_size", 5000),
        ("block_size", 8.0),
        ("block_size", True),
        ("n_layer", 0),
        ("n_head", 0),
        ("n_embd", 0),
        ("dropout", -0.1),
        ("dropout", 1.0),
        ("dropout", float("nan")),
    ],
)
def test_a_shape_that_cannot_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is"):
        ModelConfig(**SHAPE | {name: value})


def test_the_modern_block_is_read_under_its_former_name_too() -> None:
    modern = ModelConfig(**SHAPE, block="modern")
    former = ModelConfig(**SHAPE, block="fast")  # type: ignore[arg-type]
    assert former == modern and former.block == "modern"
    flat = RunConfig(model=modern, train=TrainConfig(**TRAINING)).flat()
    assert RunConfig.from_flat(flat | {"block": "fast"}).flat() == flat


def test_only_a_transformer_has_a_modern_block() -> None:
    with pytest.raises(ConfigError, match="bigram model has no block"):
        ModelConfig(model="bigram", vocab_size=10, block_size=8, block="modern")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("batch_size", "4"),
        ("max_iters", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("learning_rate", "fast"),
        ("min_lr", -1.0),
        ("warmup_iters", -1),
        ("lr_decay_iters", 0),
        ("schedule", "steps"),
        ("weight_decay", -0.1),
        ("beta1", 1.0),
        ("beta2", 1.0),
        ("grad_clip", -1.0),
        ("eval_interval", 0),
        ("eval_iters", 0),
        ("seed", -1),
        ("seed", 2**31),
        ("device", "tpu"),
    ],
)
def test_a_training_setting_that_cannot_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is"):
        TrainConfig(**TRAINING | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_new_tokens", 0),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("top_k", -1),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("seed", -1),
    ],
)
def test_a_way_to_write_that_cannot_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is"):
        SampleConfig(**{name: value})


def test_heads_that_do_not_divide_the_width_are_refused_with_a_number_that_does() -> None:
    with pytest.raises(ConfigError, match=r"5 heads do not divide 128\. Try n_head 4") as refusal:
        ModelConfig(**SHAPE | {"n_head": 5, "n_embd": 128})
    assert "n_head" in str(refusal.value) and "n_embd" in str(refusal.value)


def test_min_lr_above_learning_rate_is_refused_with_both_numbers() -> None:
    with pytest.raises(ConfigError, match=r"0\.1 is above 0\.01"):
        TrainConfig(**TRAINING | {"min_lr": 0.1})


def test_the_bigram_table_needs_no_layers() -> None:
    config = ModelConfig(model="bigram", vocab_size=10, block_size=8)
    assert (config.n_layer, config.n_head, config.n_embd, config.head_size) == (0, 0, 0, 0)


def test_head_size_is_the_share_of_one_head() -> None:
    assert ModelConfig(**SHAPE | {"n_head": 4, "n_embd": 32}).head_size == 8


@pytest.mark.parametrize(
    "config", [ModelConfig(**SHAPE), TrainConfig(**TRAINING), SampleConfig()], ids=type
)
def test_settings_cannot_be_changed_afterwards(config: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        config.seed = 1


def test_a_flat_config_comes_back_as_it_was(kind: ModelKind) -> None:
    config = small_config(kind, 10, seed=7)
    assert RunConfig.from_flat(config.flat()) == config


def test_a_flat_config_names_what_the_model_has_and_nothing_else(kind: ModelKind) -> None:
    named = set(small_config(kind, 10).flat())
    of_training = {f.name for f in fields(TrainConfig)}
    assert named - of_training == {"model", "vocab_size", *MODEL_SETTINGS[kind]}


def test_an_attention_model_has_one_layer() -> None:
    assert small_config("attention", 10).model.n_layer == 1


@pytest.mark.parametrize("config", [ModelConfig, TrainConfig, SampleConfig])
def test_every_setting_explains_itself(config: type) -> None:
    for field in fields(config):
        assert len(field.metadata["help"]) > 10
        assert help_line(field.name)


def test_an_unknown_setting_has_no_help_line() -> None:
    with pytest.raises(KeyError):
        help_line("colour")


@pytest.mark.parametrize(
    ("eval_interval", "max_iters", "expected"),
    [
        (100, 250, [8, 16, 32, 64, 100, 200, 250]),
        (8, 40, [8, 16, 24, 32, 40]),
        (16, 40, [8, 16, 32, 40]),
        (1000, 100, [8, 16, 32, 64, 100]),
    ],
)
def test_estimates_come_at_each_interval_at_the_end_and_a_few_times_early(
    eval_interval: int, max_iters: int, expected: list[int]
) -> None:
    flags = {"eval_interval": eval_interval, "max_iters": max_iters}
    train = resolve("bigram", 65, flags=flags).train
    assert [step for step in range(1, max_iters + 1) if train.estimates_after(step)] == expected
    assert train.n_estimates == 1 + len(expected)


@pytest.mark.parametrize(
    ("eval_interval", "max_iters", "expected"),
    [
        (15, 150, [8, 30, 45, 75, 135, 150]),  # the first after 8, 16, 32, 64 and 128, and the end
        (100, 500, [8, 16, 32, 64, 200, 300, 500]),
        (200, 800, [8, 16, 32, 64, 128, 200, 400, 600, 800]),  # far apart: at each
    ],
)
def test_a_run_writes_where_its_steps_have_doubled_or_estimates_are_far_apart(
    eval_interval: int, max_iters: int, expected: list[int]
) -> None:
    flags = {"eval_interval": eval_interval, "max_iters": max_iters}
    train = resolve("bigram", 65, flags=flags).train
    assert [step for step in range(1, max_iters + 1) if train.writes_after(step)] == expected


@pytest.mark.parametrize("preset", [None, *PRESETS])
@pytest.mark.parametrize(
    ("model", "recipe"),
    [(kind, "classic") for kind in MODEL_KINDS]
    + [("transformer", r) for r in RECIPES if r != "classic"],
)
def test_every_run_has_ten_points_and_reads_little_for_them(
    model: ModelKind, recipe: str, preset: str | None
) -> None:
    train = resolve(model, 65, preset, recipe=recipe).train
    assert train.n_estimates >= 10
    # Two splits; without a backward pass a batch takes about a quarter of a step.
    assert 2 * train.n_estimates * train.eval_iters / 4 <= 0.1 * train.max_iters
