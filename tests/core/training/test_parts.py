"""The parts of a model add up to the whole, whatever it is made of."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from core.models import build_model, count_params
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.training.optim import MUON_STEPS
from core.training.parts import flops_by_part, params_by_part, parts_of, step_flops_by_part
from core.training.preflight import flops_per_token
from tests.recipes import RUNS, config_of


@pytest.mark.parametrize("name", RUNS)
def test_the_parts_hold_every_parameter_once_and_do_all_of_the_arithmetic(name: str) -> None:
    config = config_of(name, 65)
    params, flops = params_by_part(config.model), flops_by_part(config.model)
    assert list(params) == list(flops) == list(parts_of(config.model))
    assert sum(params.values()) == count_params(config.model)
    assert sum(flops.values()) == flops_per_token(config.model)


@pytest.mark.parametrize(
    ("kind", "flags", "expected"),
    [
        ("bigram", {}, {"table": 65 * 65}),
        ("attention", {}, {"embeddings": (65 + 64) * 128, "attention": 4 * 128**2,
                           "head": 65 * 128}),
        # The head is the embedding turned round, so only its norm is its own.
        ("transformer", {}, {"embeddings": (65 + 64) * 128, "attention": 4 * (4 * 128**2 + 128),
                             "mlp": 4 * (8 * 128**2 + 128), "head": 128}),
        ("transformer", {"block": "modern", "ngrams": 3},
         {"embeddings": 65 * 128, "attention": 16 * 128**2, "mlp": 32 * 128**2, "head": 65 * 128,
          "tables": (65**2 + 2**16) * 65}),
    ],
)  # fmt: skip
def test_each_part_holds_its_own(
    kind: ModelKind, flags: dict[str, Any], expected: dict[str, int]
) -> None:
    assert dict(params_by_part(resolve(kind, 65, None, flags).model)) == expected


def test_each_part_does_six_flops_for_each_of_its_weights_in_a_product() -> None:
    config = resolve("transformer", 65, None, {"block": "modern", "n_layer": 3}).model
    model, flops = build_model(config, 1), flops_by_part(config)
    weights = {name: m.weight.numel() for name, m in model.named_modules()
               if isinstance(m, nn.Linear)}  # fmt: skip
    attention = sum(n for name, n in weights.items() if "attention" in name)
    assert flops["attention"] == 6 * attention + 12 * 3 * 128 * 64
    assert flops["head"] == 6 * weights["head"] and flops["embeddings"] == 0
    assert flops["mlp"] == 6 * (sum(weights.values()) - attention - weights["head"])


def test_more_heads_are_neither_more_parameters_nor_more_arithmetic() -> None:
    few, many = (resolve("transformer", 65, None, {"n_head": n}) for n in (1, 16))
    assert params_by_part(few.model) == params_by_part(many.model)
    assert step_flops_by_part(few) == step_flops_by_part(many)


def test_a_step_is_its_characters_and_what_muon_does_beside() -> None:
    config = resolve("transformer", 65, None, {"batch_size": 12, "block_size": 64})
    flops = {name: 12 * 64 * n for name, n in flops_by_part(config.model).items()}
    assert step_flops_by_part(config) == flops
    muon = resolve("transformer", 65, None, {"optimizer": "muon"})
    # A matrix of r x c: r x c by c x r, r x r by r x r, and r x r by r x c, two flops each.
    products = {
        name: sum(4 * r * r * c + 2 * r**3 for r, c in matrices)
        for name, matrices in (
            ("attention", [(128, 384), (128, 128)]), ("mlp", [(128, 512), (128, 512)]),
        )
    }  # fmt: skip
    more = {n: step_flops_by_part(muon)[n] - flops[n] for n in parts_of(muon.model)}
    assert more == {"embeddings": 0, "head": 0} | {
        name: 4 * MUON_STEPS * n for name, n in products.items()
    }
