"""What was set differently: all of it, nothing else, the telling things first."""

from __future__ import annotations

from typing import Any

import pytest

from core.settings.config import ModelKind, RunConfig
from core.settings.differences import (
    FOLLOWING,
    TELLING,
    Difference,
    difference_text,
    reading_text,
    settings_diff,
)
from core.settings.presets import PRESETS, resolve


def changed(config: RunConfig, **values: Any) -> RunConfig:
    """The settings with some of them changed and nothing derived again."""
    return RunConfig.from_flat(config.flat() | values)


def names(before: RunConfig, after: RunConfig) -> list[str]:
    return [difference.name for difference in settings_diff(before, after)]


def test_equal_settings_have_no_differences(kind: ModelKind) -> None:
    assert settings_diff(resolve(kind, 65), resolve(kind, 65)) == []


ANOTHER: dict[str, Any] = dict(
    vocab_size=66, block_size=32, n_layer=2, n_head=8, n_embd=64, dropout=0.1, bias=True,
    batch_size=8, max_iters=500, learning_rate=3e-4, min_lr=2e-4, warmup_iters=7,
    lr_decay_iters=900, schedule="linear", optimizer="muon", muon_lr=0.01, table_lr=0.2,
    weight_decay=0.2, beta1=0.8, beta2=0.95, grad_clip=0.5, eval_interval=40, eval_iters=9,
    seed=1, device="cpu", dtype="float32",
)  # fmt: skip


@pytest.mark.parametrize("name", ANOTHER)
def test_each_setting_by_itself_is_the_only_difference(name: str) -> None:
    before = resolve("transformer", 65)
    after = changed(before, **{name: ANOTHER[name]})
    was = before.flat()[name]
    assert settings_diff(before, after) == [Difference(name, was, ANOTHER[name])]
    assert settings_diff(after, before) == [Difference(name, ANOTHER[name], was)]


def test_no_setting_is_forgotten_here() -> None:
    """What goes with another block alone has a test of its own."""
    modern = {"block", "ngrams", "logit_cap", "head_gates", "pair_embedding", "ideas"}
    assert set(resolve("transformer", 65).flat()) == {*ANOTHER, "model", *modern}


def test_the_most_telling_come_first() -> None:
    before = resolve("transformer", 65)
    wanted = [name for name in TELLING if name in ANOTHER]
    got = names(before, changed(before, **ANOTHER))
    assert got[: len(wanted)] == wanted
    assert set(got) == set(ANOTHER)
    assert got[-len(FOLLOWING) :] == list(FOLLOWING)


def test_a_block_and_its_tables_are_named() -> None:
    before = resolve("transformer", 65)
    after = changed(before, block="modern", ngrams=3)
    assert [difference_text(d) for d in settings_diff(before, after)] == [
        "block classic -> modern",
        "ngrams 0 -> 3",
    ]


def test_what_one_model_does_not_have_is_none() -> None:
    differences = settings_diff(resolve("bigram", 65), resolve("transformer", 65))
    assert differences[0] == Difference("model", "bigram", "transformer")
    by_name = {d.name: (d.before, d.after) for d in differences}
    assert by_name["n_layer"] == (None, 4)
    assert by_name["bias"] == (None, False)
    back = settings_diff(resolve("transformer", 65), resolve("bigram", 65))
    assert {d.name: (d.after, d.before) for d in back} == by_name


def test_what_merely_follows_is_left_out(kind: ModelKind) -> None:
    before = resolve(kind, 65)
    after = resolve(kind, 65, flags={"max_iters": 400, "learning_rate": 0.5})
    flat = before.flat()
    assert all(after.flat()[name] != flat[name] for name in FOLLOWING)
    assert names(before, after) == ["learning_rate", "max_iters"]


@pytest.mark.parametrize("preset", PRESETS)
def test_what_follows_is_left_out_beside_any_preset_whose_schedule_is_the_usual(
    preset: str,
) -> None:
    usual = resolve("attention", 65, preset)
    longer = resolve("attention", 65, preset, {"max_iters": 8000})
    assert names(usual, longer) == ["max_iters"]


def test_what_somebody_set_is_said_and_comes_last() -> None:
    before = resolve("transformer", 65)
    flags = {"max_iters": 400, "warmup_iters": 7, "seed": 2}
    by_hand = resolve("transformer", 65, flags=flags)
    assert names(before, by_hand) == ["max_iters", "seed", "warmup_iters"]
    assert names(by_hand, before) == ["max_iters", "seed", "warmup_iters"]


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Difference("block_size", 32, 64), "block_size 32 -> 64"),
        (Difference("max_iters", 2000, 10_000_000), "max_iters 2,000 -> 10,000,000"),
        (Difference("learning_rate", 1e-3, 3e-4), "learning_rate 0.001 -> 0.0003"),
        (Difference("model", "bigram", "attention"), "model bigram -> attention"),
        (Difference("bias", False, True), "bias no -> yes"),
        (Difference("n_layer", None, 1), "n_layer none -> 1"),
        (Difference("dropout", 0.0, 0.2), "dropout 0 -> 0.2"),
    ],
)
def test_a_difference_in_words(difference: Difference, said: str) -> None:
    assert difference_text(difference) == said


def test_numbers_that_differ_late_are_not_said_to_be_the_same() -> None:
    assert difference_text(Difference("beta2", 0.999991, 0.999992)) == "beta2 0.999991 -> 0.999992"
    assert (
        difference_text(Difference("learning_rate", 0.00123456, 0.001234567))
        == "learning_rate 0.00123456 -> 0.001234567"
    )


@pytest.mark.parametrize(
    ("batch_size", "said"),
    [
        (16, ""), (32, "twice"), (48, "3 times"), (8, "half"), (4, "a quarter of"),
        (1, "1/16 of"), (2, "1/8 of"), (12, "0.75 times"), (24, "1.5 times"),
    ],
)  # fmt: skip
def test_how_much_each_step_reads(batch_size: int, said: str) -> None:
    before = resolve("transformer", 65, flags={"batch_size": 16})
    reading = reading_text(before, changed(before, batch_size=batch_size))
    assert reading == (f"{said} the characters per step" if said else "")
