"""What the pages call the settings of a run."""

from __future__ import annotations

from dataclasses import fields

import pytest

from core.errors import ConfigError
from core.settings.config import ModelConfig, TrainConfig, help_line
from core.settings.presets import resolve
from lab.widgets.controls import SLIDERS
from lab.wording.labels import (
    LABELS,
    gloss,
    in_a_sentence,
    in_labels,
    label_of,
    value_with_unit,
)

NAMES = [f.name for config in (ModelConfig, TrainConfig) for f in fields(config)]


def test_every_setting_has_a_label_of_its_own() -> None:
    labels = [label_of(name) for name in NAMES]
    assert not set(labels) & set(NAMES) and len({x.casefold() for x in labels}) == len(NAMES)


def test_in_a_sentence_only_the_first_letter_changes() -> None:
    assert in_a_sentence("n_head") == "heads" and in_a_sentence("threads") == "CPU threads"
    assert in_a_sentence("beta1") == "AdamW beta 1"


@pytest.mark.parametrize("name", [slider.name for slider in SLIDERS])
def test_help_says_what_moving_a_slider_does(name: str) -> None:
    meaning, _, effect = help_line(name).partition(":")
    assert meaning and len(effect.split()) > 4
    assert gloss(name) == f"`{name}`: {help_line(name)}."


def test_messages_of_the_core_are_said_in_the_words_of_the_pages() -> None:
    with pytest.raises(ConfigError) as refused:
        resolve("transformer", 65, None, {"n_head": 5})
    said = in_labels(str(refused.value))
    assert said.startswith("Heads must divide width") and "Try heads 4." in said
    assert not any(name in said for name in LABELS if "_" in name)
    assert in_labels("my_n_head and model stay") == "my_n_head and model stay"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("block_size", 64, "64 characters"),
        ("n_embd", 128, "128 numbers"),
        ("batch_size", 12, "12 windows"),
        ("max_iters", 10_000, "10,000"),
        ("learning_rate", 3e-4, "0.0003"),
    ],
)
def test_a_value_has_its_unit_where_the_label_does_not_say_it(
    name: str, value: float, said: str
) -> None:
    assert value_with_unit(name, value) == said
