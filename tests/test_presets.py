"""How settings are put together: flag, then preset, then the model's own defaults."""

from __future__ import annotations

import pytest

from core.config import MODEL_KINDS, ModelKind
from core.errors import ConfigError
from core.presets import DEFAULTS, PRESETS, resolve


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_every_preset_suits_every_model(kind: ModelKind, preset: str | None) -> None:
    config = resolve(kind, 65, preset)
    assert config.model.model == kind
    wanted = DEFAULTS[kind] | (PRESETS[preset][kind] if preset else {})
    flat = config.flat()
    assert {name: flat[name] for name in wanted} == wanted


def test_every_preset_names_every_model() -> None:
    assert all(set(preset) == set(MODEL_KINDS) for preset in PRESETS.values())


def test_a_flag_wins_over_the_preset_and_the_preset_over_the_defaults() -> None:
    assert resolve("transformer", 65).model.block_size == DEFAULTS["transformer"]["block_size"]
    quick = resolve("transformer", 65, "quick")
    assert quick.model.block_size == PRESETS["quick"]["transformer"]["block_size"] == 32
    flagged = resolve("transformer", 65, "quick", {"block_size": 16})
    assert flagged.model.block_size == 16
    assert flagged.model.n_layer == quick.model.n_layer


def test_nanogpt_cpu_is_the_recipe_of_nanogpts_readme() -> None:
    config = resolve("transformer", 65, "nanogpt-cpu")
    shape = (config.model.n_layer, config.model.n_head, config.model.n_embd)
    assert shape == (4, 4, 128)
    assert (config.model.block_size, config.model.dropout, config.model.bias) == (64, 0.0, False)
    train = config.train
    assert (train.batch_size, train.max_iters, train.lr_decay_iters) == (12, 2000, 2000)
    assert (train.learning_rate, train.min_lr, train.warmup_iters) == (1e-3, 1e-4, 100)
    assert (train.beta1, train.beta2, train.weight_decay, train.grad_clip) == (0.9, 0.99, 0.1, 1.0)
    assert (train.schedule, train.eval_interval, train.eval_iters) == ("cosine", 250, 20)


def test_the_bigram_table_learns_at_its_own_rate() -> None:
    assert resolve("bigram", 65).train.learning_rate == 1e-2
    assert resolve("bigram", 65, "nanogpt-cpu").train.learning_rate == 1e-2


def test_the_schedule_follows_from_what_was_named(kind: ModelKind) -> None:
    train = resolve(kind, 65, None, {"max_iters": 400, "learning_rate": 0.5}).train
    assert train.min_lr == pytest.approx(0.05)
    assert (train.warmup_iters, train.lr_decay_iters, train.eval_interval) == (20, 400, 20)


def test_a_presets_schedule_does_not_outlive_a_changed_length() -> None:
    train = resolve("transformer", 65, "nanogpt-cpu", {"max_iters": 100}).train
    assert (train.warmup_iters, train.lr_decay_iters, train.eval_interval) == (5, 100, 5)
    train = resolve("transformer", 65, "nanogpt-cpu", {"learning_rate": 1e-5}).train
    assert train.min_lr == pytest.approx(1e-6)


def test_what_is_named_beside_a_changed_length_stays() -> None:
    flags = {"max_iters": 100, "warmup_iters": 7, "lr_decay_iters": 300, "eval_interval": 11}
    train = resolve("transformer", 65, "nanogpt-cpu", flags).train
    assert (train.warmup_iters, train.lr_decay_iters, train.eval_interval) == (7, 300, 11)


def test_a_run_of_one_step_still_has_an_interval() -> None:
    assert resolve("bigram", 65, None, {"max_iters": 1}).train.eval_interval == 1


@pytest.mark.parametrize(
    ("model", "flag"), [("bigram", "n_layer"), ("attention", "n_layer"), ("bigram", "dropout")]
)
def test_a_flag_that_the_model_does_not_have_is_refused(model: ModelKind, flag: str) -> None:
    with pytest.raises(ConfigError, match=f"The {model} model has no {flag}"):
        resolve(model, 65, None, {flag: 1})


def test_unknown_models_and_presets_are_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="bigram, attention, transformer, not 'rnn'"):
        resolve("rnn", 65)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="nanogpt-gpu, laptop-best, not 'huge'"):
        resolve("bigram", 65, "huge")
