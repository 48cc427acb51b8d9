"""The setting that says which ideas a model of the ladder has."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import ConfigError
from core.settings.config import ModelConfig, RunConfig
from core.settings.ideas import IDEAS, OF_TRANSFORMER, ideas_in, ideas_text
from core.settings.presets import resolve
from tests.helpers import small_config

SHAPE: dict[str, Any] = dict(
    model="transformer", vocab_size=9, block_size=8, n_layer=2, n_head=2, n_embd=8
)


def test_a_text_of_ideas_has_one_form() -> None:
    config = ModelConfig(**SHAPE, block="ladder", ideas=" tied, mask,attention ,mask")
    assert config.ideas == "attention,mask,tied"
    assert ideas_in(ideas_text(OF_TRANSFORMER)) == OF_TRANSFORMER
    assert ideas_text(frozenset(IDEAS)).split(",") == list(IDEAS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block": "ladder", "ideas": "attention,magic"}, "not 'magic'"),
        ({"block": "ladder", "ideas": "average,attention"}, "not both"),
        ({"block": "ladder", "ideas": "mask"}, "belongs to attention"),
        ({"block": "ladder", "ideas": "mlp", "n_layer": 0}, "mlp stands in layers"),
        ({"ideas": "attention"}, "in the ladder's block alone"),
        ({"n_layer": 0}, "n_layer is a whole number from 1"),
        ({"model": "bigram", "block": "ladder"}, "no ladder one"),
        ({"block": "ladder", "ngrams": 3}, "needs the modern block"),
    ],
)
def test_ideas_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelConfig(**SHAPE | changes)


def test_muon_is_refused() -> None:
    with pytest.raises(ConfigError, match="trained with adamw"):
        resolve("transformer", 9, None, {"block": "ladder", "ideas": "mlp", "optimizer": "muon"})


def test_a_run_of_an_earlier_version_has_no_ideas() -> None:
    config = small_config("transformer", 9)
    flat = config.flat()
    assert flat.pop("ideas") == ""
    assert RunConfig.from_flat(flat) == config
