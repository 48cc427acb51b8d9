"""Each layer's own guess: the last layer's is the model's, the others are what is left there."""

from __future__ import annotations

import pytest
import torch

from core.errors import ConfigError
from core.interpretability.lens import layer_logits
from core.interpretability.parts import Part, without
from core.models import build_model
from core.settings.presets import resolve
from tests.core.interpretability.test_parts import HOW, V, some_model, windows


@pytest.mark.parametrize("name", HOW)
def test_the_last_layers_logits_are_the_models(name: str) -> None:
    model, idx = some_model(name), windows(2)[:, :-1]
    logits = layer_logits(model, idx)
    assert logits.shape == (model.config.n_layer, 2, idx.shape[1], V)
    with torch.no_grad():
        torch.testing.assert_close(logits[-1], model(idx), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["classic", "fast", "fastest"])
def test_a_layer_that_adds_nothing_guesses_as_the_one_before(name: str) -> None:
    model, idx = some_model(name), windows(2)[:, :-1]
    idle = without(model, [Part("attention", 2), Part("mlp", 2)])
    first, second = layer_logits(idle, idx)
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first, layer_logits(model, idx)[0])
    assert not torch.allclose(*layer_logits(model, idx))


def test_a_table_has_no_layers() -> None:
    table = build_model(resolve("bigram", V).model, seed=1)
    with pytest.raises(ConfigError, match="no layers"):
        layer_logits(table, windows(1)[:, :-1])
