"""How settings are put together: flag, then preset, then the model's own defaults."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import ConfigError
from core.experiments.grid import cell_config
from core.records.course import Course
from core.settings.config import MODEL_KINDS, ModelKind
from core.settings.presets import DEFAULTS, PRESETS, RECIPES, adapt, min_lr_for, resolve


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
    assert (train.schedule, train.eval_interval, train.eval_iters) == ("cosine", 250, 12)


def test_the_bigram_table_learns_at_its_own_rate() -> None:
    assert resolve("bigram", 65).train.learning_rate == 1e-2
    assert resolve("bigram", 65, "nanogpt-cpu").train.learning_rate == 1e-2


def test_the_schedule_follows_from_what_was_named(kind: ModelKind) -> None:
    train = resolve(kind, 65, None, {"max_iters": 400, "learning_rate": 0.5}).train
    assert train.min_lr == pytest.approx(0.05)
    assert (train.warmup_iters, train.lr_decay_iters, train.eval_interval) == (20, 400, 40)


def test_a_presets_schedule_does_not_outlive_a_changed_length() -> None:
    train = resolve("transformer", 65, "nanogpt-cpu", {"max_iters": 100}).train
    assert (train.warmup_iters, train.lr_decay_iters, train.eval_interval) == (5, 100, 10)
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


# --- other values for some settings ---------------------------------------------------------------


def test_with_nothing_changed_the_settings_are_the_same_object(kind: ModelKind) -> None:
    config = resolve(kind, 65, "quick")
    assert adapt(config, {}) is config
    assert adapt(config, config.flat()) is config  # every control says what it says already


def test_what_was_made_for_another_length_follows_a_changed_one() -> None:
    config = resolve("transformer", 65, "nanogpt-cpu")
    train = adapt(config, {"max_iters": 400}).train
    assert (train.max_iters, train.lr_decay_iters) == (400, 400)
    assert (train.warmup_iters, train.eval_interval, train.eval_iters) == (20, 40, 3)
    assert train.min_lr == config.train.min_lr
    assert config.train.max_iters == 2000  # the old settings stay as they were


def test_what_was_made_for_another_rate_follows_a_changed_one() -> None:
    config = resolve("transformer", 65, "nanogpt-cpu")
    train = adapt(config, {"learning_rate": 5e-2}).train
    assert train.min_lr == pytest.approx(5e-3)
    assert (train.warmup_iters, train.lr_decay_iters, train.eval_interval) == (100, 2000, 250)


@pytest.mark.parametrize(
    ("min_lr", "rate", "expected"),
    [
        (0.03, 0.07, 0.07 / 10),  # a tenth, to the last bit
        (0.3, 0.07, 0.07),  # flat
        (0.0, 0.07, 0.0),
        (0.15, 0.06, 0.03),
        (0.07, 0.3, 0.07),
    ],
)
def test_a_schedule_keeps_its_shape_at_another_rate(
    min_lr: float, rate: float, expected: float
) -> None:
    config = resolve("bigram", 65, flags={"learning_rate": 0.3, "min_lr": min_lr})
    assert min_lr_for(config.train, rate) == pytest.approx(expected, rel=1e-15)
    if rate != 0.3:  # a cell of a sweep and a new run agree
        course = Course(config)
        course.change(5, {"learning_rate": rate})
        cell = cell_config(config, {"learning_rate": rate})
        assert course.for_another_run() == cell
        assert cell.train.min_lr == min_lr_for(config.train, rate)


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "classic"])
def test_what_is_0_is_meant_to_be_and_stays(recipe: str) -> None:
    config = resolve("transformer", 65, None, None, recipe)
    assert config.train.warmup_iters == config.train.min_lr == 0
    train = adapt(config, {"max_iters": 400, "learning_rate": 5e-2}).train
    assert train.warmup_iters == train.min_lr == 0
    assert (train.lr_decay_iters, train.eval_interval, train.eval_iters) == (400, 40, 3)


def test_what_is_named_beside_a_changed_setting_stays() -> None:
    changes = {"max_iters": 400, "learning_rate": 5e-2, "warmup_iters": 7, "min_lr": 0.04}
    train = adapt(resolve("transformer", 65, "nanogpt-cpu"), changes).train
    assert (train.warmup_iters, train.min_lr) == (7, 0.04)
    assert (train.lr_decay_iters, train.eval_interval, train.eval_iters) == (400, 40, 3)


def test_other_settings_leave_a_schedule_of_one_s_own_alone(kind: ModelKind) -> None:
    own = {"min_lr": 2e-4, "warmup_iters": 3, "lr_decay_iters": 77, "eval_interval": 9}
    config = resolve(kind, 65, None, own)
    changed = adapt(config, {"batch_size": 2, "block_size": 16})
    assert changed.flat() == config.flat() | {"batch_size": 2, "block_size": 16}
    same_length = {"max_iters": config.train.max_iters, "batch_size": 2}
    assert adapt(config, same_length).flat() == config.flat() | {"batch_size": 2}


@pytest.mark.parametrize(
    ("model", "name"), [("bigram", "n_layer"), ("attention", "n_layer"), ("bigram", "dropout")]
)
def test_a_change_of_what_the_model_does_not_have_is_refused(model: ModelKind, name: str) -> None:
    with pytest.raises(ConfigError, match=f"The {model} model has no {name}"):
        adapt(resolve(model, 65), {name: 1})


@pytest.mark.parametrize("changes", [{"model": "bigram"}, {"vocab_size": 66}], ids=str)
def test_a_change_never_makes_another_model_of_it(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="model has no"):
        adapt(resolve("transformer", 65), changes)


@pytest.mark.parametrize("changes", [{"n_head": 5}, {"max_iters": 0}, {"min_lr": 9.0}], ids=str)
def test_changes_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(changes))):
        adapt(resolve("transformer", 65), changes)


@pytest.mark.parametrize("preset", [None, *PRESETS])
@pytest.mark.parametrize(
    "flags",
    [
        {"max_iters": 300},
        {"learning_rate": 2e-3},
        {"max_iters": 40, "learning_rate": 0.3},
        {"block_size": 16, "batch_size": 2, "seed": 7},
        {"max_iters": 300, "warmup_iters": 9, "eval_interval": 11, "min_lr": 1e-5},
    ],
    ids=str,
)
def test_a_change_afterwards_is_what_a_flag_would_have_been(
    kind: ModelKind, preset: str | None, flags: dict[str, Any]
) -> None:
    assert adapt(resolve(kind, 65, preset), flags) == resolve(kind, 65, preset, flags)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_change_after_a_recipe_is_what_a_flag_would_have_been(recipe: str) -> None:
    flags = {"max_iters": 300, "learning_rate": 2e-3, "n_layer": 3, "dropout": 0.1}
    base = resolve("transformer", 65, "nanogpt-cpu", None, recipe)
    assert adapt(base, flags) == resolve("transformer", 65, "nanogpt-cpu", flags, recipe)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("bigram", {"optimizer": "muon"}, "muon is for the matrices"),
        ("transformer", {"muon_lr": 0.05}, "muon_lr needs the optimizer muon"),
        ("transformer", {"table_lr": 0.05}, "table_lr needs n-gram tables"),
    ],
)
def test_what_would_change_nothing_is_refused_when_adapting_too(
    kind: ModelKind, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        adapt(resolve(kind, 65), changes)
