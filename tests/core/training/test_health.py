"""What is read of a model in training is so, and reading it changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from core.interpretability.habits import even_entropy_nats, head_habits
from core.models import LanguageModel, Trace, build_model
from core.settings.config import RunConfig
from core.settings.presets import resolve
from core.text.corpus import Corpus, Vocabulary
from core.training.health import (
    HEALTHY,
    KINDS,
    Kind,
    Reading,
    UpdateProbe,
    by_kind,
    entropy_shares,
    layer_number,
    layer_of,
    measure,
)
from core.training.trainer import Trainer
from tests.helpers import assert_equal_states, small_config, small_flags

V, B, T = 8, 4, 8
RECIPES = ("bigram", "attention", "classic", "fast", "fastest")


def config_of(recipe: str, vocab_size: int = V, **changes: Any) -> RunConfig:
    """Settings of a small run: of one of the small models, or of a transformer's recipe."""
    if recipe == "bigram" or recipe == "attention":
        return small_config(recipe, vocab_size, **changes)
    flags = small_flags("transformer", **changes)
    return resolve("transformer", vocab_size, None, flags, recipe)


def model_of(recipe: str, **changes: Any) -> LanguageModel:
    """A model whose weights are all different from 0, in training mode as during a run."""
    model, dice = build_model(config_of(recipe, **changes).model, seed=3), generator(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn(parameter.shape, generator=dice)
    return model.train()


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_tokens(rows: int = B, length: int = T) -> Tensor:
    return torch.randint(V, (rows, length), generator=generator(5))


def values(readings: list[Reading]) -> dict[str, float]:
    assert len({r.name for r in readings}) == len(readings)
    return {r.name: r.value for r in readings}


def widening(model: LanguageModel) -> list[nn.Module]:
    return [module for name, module in model.named_modules() if name.endswith("widen")]


# --- names ----------------------------------------------------------------------------------------


def test_names_say_the_kind_and_the_part() -> None:
    names = [r.name for r in measure(model_of("classic"), some_tokens())]
    assert names == [
        "dead_units/layer 1", "dead_units/layer 2",
        "attention_entropy/layer 1 head 1", "attention_entropy/layer 1 head 2",
        "attention_entropy/layer 2 head 1", "attention_entropy/layer 2 head 2",
    ]  # fmt: skip


def test_names_are_taken_apart_in_their_order() -> None:
    named = {"dead_units/layer 2": 0.5, "update_ratio/head": 1e-3, "dead_units/layer 1": 0, "a": 7}
    assert by_kind(named) == {
        "dead_units": {"layer 2": 0.5, "layer 1": 0}, "update_ratio": {"head": 1e-3}, "a": {"": 7}
    }  # fmt: skip
    assert list(by_kind(named)["dead_units"]) == ["layer 2", "layer 1"]
    parts = ["layer 12", "layer 3 head 4", "head", "token embedding", ""]
    assert [layer_number(part) for part in parts] == [12, 3, None, None, None]


def test_every_kind_is_explained_in_one_sentence() -> None:
    assert tuple(HEALTHY) == KINDS == get_args(Kind)
    for sentence in HEALTHY.values():
        assert sentence[0].isupper() and sentence.endswith(".") and ". " not in sentence


def test_every_reading_is_of_a_known_kind() -> None:
    model = model_of("fastest")
    probe = UpdateProbe(model)
    readings = measure(model, some_tokens()) + probe.readings()
    assert set(by_kind(values(readings))) == set(KINDS) - {"grad_norm"}


# --- dead units -----------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["classic", "fast"])
def test_a_unit_killed_by_hand_is_dead(recipe: str) -> None:
    model = model_of(recipe)
    before = values(measure(model, some_tokens()))
    assert (before["dead_units/layer 1"], before["dead_units/layer 2"]) == (0, 0)
    second = widening(model)[1]
    assert isinstance(second, nn.Linear)
    with torch.no_grad():
        second.weight[[3, 11, 30]] = 0.0  # their input is now 0, whatever they see
    after = values(measure(model, some_tokens()))
    assert after["dead_units/layer 1"] == 0
    assert after["dead_units/layer 2"] == 3 / second.out_features


@pytest.mark.parametrize("recipe", ["classic", "fast"])
def test_one_character_is_enough_to_be_alive(recipe: str) -> None:
    model = model_of(recipe)
    first = widening(model)[0]
    assert isinstance(first, nn.Linear)
    inputs = torch.full((B, T, first.out_features), -1.0)
    inputs[0, 0, 0] = inputs[B - 1, T - 1, 1] = 1e-6
    inputs[..., 2] = 0.0
    first.register_forward_hook(lambda module, seen, found: inputs)
    share = values(measure(model, some_tokens()))["dead_units/layer 1"]
    assert share == pytest.approx(1 - 2 / first.out_features)


@pytest.mark.parametrize("recipe", ["bigram", "attention"])
def test_without_an_mlp_there_are_no_units(recipe: str) -> None:
    assert "dead_units" not in by_kind(values(measure(model_of(recipe), some_tokens())))


# --- attention ------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["attention", "classic", "fast"])
def test_heads_that_ask_nothing_look_evenly(recipe: str) -> None:
    model = model_of(recipe)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "query_key_value" in name:
                parameter.zero_()
    entropies = by_kind(values(measure(model, some_tokens())))["attention_entropy"]
    assert len(entropies) == 2 * (1 if recipe == "attention" else 2)
    assert list(entropies.values()) == pytest.approx([1.0] * len(entropies))


def test_entropy_of_weights_made_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    itself = torch.eye(3)
    even = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    two_last = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
    attention = torch.stack([  # L, B, H, T, T
        torch.stack([torch.stack([itself, even]), torch.stack([itself, even])]),
        torch.stack([torch.stack([two_last, even]), torch.stack([two_last, itself])]),
    ])  # fmt: skip
    shares = entropy_shares(attention)
    assert shares[0].tolist() == pytest.approx([0.0, 1.0])
    expected = 2 * math.log(2) / (math.log(2) + math.log(3))
    assert shares[1].tolist() == pytest.approx([expected, 0.5])

    model = model_of("classic")
    made = Trace(torch.zeros(2, 3, V), attention, stream=torch.zeros(2, 2, 3, 8))
    monkeypatch.setattr(model, "trace", lambda idx: made)
    entropies = by_kind(values(measure(model, some_tokens(2, 3))))["attention_entropy"]
    assert list(entropies.values()) == shares.flatten().tolist()
    assert list(entropies)[2] == "layer 2 head 1"


def test_entropy_agrees_with_what_the_attention_page_says_of_a_head() -> None:
    model, tokens = model_of("classic"), some_tokens(rows=1)
    entropies = by_kind(values(measure(model, tokens)))["attention_entropy"]
    *_, last = head_habits(model, Vocabulary("abcdefgh"), tokens)
    share = last.entropy_nats / even_entropy_nats(T)
    assert entropies["layer 2 head 2"] == pytest.approx(share)
    assert 0 < share < 1


def test_where_there_is_no_choice_there_is_no_entropy() -> None:
    assert by_kind(values(measure(model_of("bigram"), some_tokens()))) == {}
    one_character = measure(model_of("classic"), some_tokens(length=1))
    assert set(by_kind(values(one_character))) == {"dead_units"}


# --- the change in one step -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "layers"),
    [
        ("bigram", ["table"]),
        ("attention", ["token embedding", "position embedding", "layer 1", "head"]),
        (
            "classic",
            ["token embedding", "position embedding", "layer 1", "layer 2", "last norm"],
        ),
        ("fast", ["token embedding", "layer 1", "layer 2", "head"]),
        ("fastest", ["token embedding", "layer 1", "layer 2", "head", "tables"]),
    ],
)
def test_every_parameter_belongs_to_a_layer(recipe: str, layers: list[str]) -> None:
    model = model_of(recipe)
    probe = UpdateProbe(model)
    assert list(by_kind(values(probe.readings()))["update_ratio"]) == layers


def test_layers_count_from_one() -> None:
    assert layer_of("blocks.11.attention.output.weight") == "layer 12"
    assert layer_of("attention.output.weight") == "layer 1"


def test_only_the_layer_that_changes_has_a_ratio() -> None:
    model = model_of("classic")
    probe = UpdateProbe(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("blocks.1."):
                parameter *= 1.01
    ratios = by_kind(values(probe.readings()))["update_ratio"]
    assert ratios.pop("layer 2") == pytest.approx(0.01, rel=1e-4)
    assert set(ratios.values()) == {0.0}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_ratio_of_a_step_is_what_a_computation_by_hand_gives(
    recipe: str, tiny_corpus: Corpus
) -> None:
    trainer = Trainer(config_of(recipe, len(tiny_corpus.vocabulary)), tiny_corpus)
    for _ in range(3):  # by then nothing is zero any more
        trainer.take_step()
    before = {name: p.detach().double().clone() for name, p in trainer.model.named_parameters()}
    probe = UpdateProbe(trainer.model)
    trainer.take_step()
    ratios = by_kind(values(probe.readings()))["update_ratio"]
    assert len(ratios) == len({layer_of(name) for name in before})
    for layer, ratio in ratios.items():
        inside = [
            (p, before[n]) for n, p in trainer.model.named_parameters() if layer_of(n) == layer
        ]
        size = torch.cat([was.flatten() for _, was in inside]).norm()
        change = torch.cat([(p.detach().double() - was).flatten() for p, was in inside]).norm()
        assert ratio == pytest.approx(float(change / size), rel=1e-4)
        assert ratio > 0


def test_what_was_all_zero_has_no_ratio(tiny_corpus: Corpus) -> None:
    trainer = Trainer(config_of("fastest", len(tiny_corpus.vocabulary)), tiny_corpus)
    probe = UpdateProbe(trainer.model)
    trainer.take_step()
    ratios = by_kind(values(probe.readings()))["update_ratio"]
    assert list(ratios) == ["token embedding", "layer 1", "layer 2"]
    assert all(math.isfinite(ratio) for ratio in ratios.values())


# --- nothing changes ------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("training", [True, False])
def test_measuring_leaves_no_trace(recipe: str, training: bool) -> None:
    model, tokens = model_of(recipe, dropout=0.5), some_tokens()
    model.train(training)
    weights = {name: w.clone() for name, w in model.state_dict().items()}
    dice = torch.get_rng_state()
    probe = UpdateProbe(model)
    readings = measure(model, tokens)
    assert probe.readings() and all(reading.value == 0 for reading in probe.readings())
    assert torch.equal(torch.get_rng_state(), dice)
    assert all(module.training is training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert_equal_states(dict(model.state_dict()), weights)
    assert measure(model, tokens) == readings  # no dropout in it


def test_a_measurement_that_fails_leaves_no_trace_either() -> None:
    model = model_of("classic")
    with pytest.raises(IndexError):
        measure(model, torch.full((1, T), V))
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_measuring_builds_no_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("classic")
    trace: Callable[[Tensor], Trace] = model.trace
    seen: list[Trace] = []

    def keep(idx: Tensor) -> Trace:
        seen.append(trace(idx))
        return seen[-1]

    monkeypatch.setattr(model, "trace", keep)
    measure(model, some_tokens())
    assert len(seen) == 1
    assert not seen[0].logits.requires_grad and not seen[0].attention.requires_grad


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_that_is_measured_trains_as_one_that_is_not(recipe: str, tiny_corpus: Corpus) -> None:
    ends = []
    for measured in (False, True):
        trainer = Trainer(config_of(recipe, len(tiny_corpus.vocabulary)), tiny_corpus)
        for _ in range(4):
            if not measured:
                trainer.take_step()
                continue
            measure(trainer.model, tiny_corpus.val[: B * T].view(B, T))
            probe = UpdateProbe(trainer.model)
            trainer.take_step()
            probe.readings()
        ends.append(trainer.state_dict() | {"elapsed_s": 0.0})
    assert_equal_states(ends[0], ends[1])
