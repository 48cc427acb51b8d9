"""How many CPU threads there may be, and how many a step takes."""

from __future__ import annotations

import os

import pytest
import torch

from core.errors import ConfigError
from core.settings.presets import resolve
from core.text.corpus import Corpus
from core.training.threads import compute_on, n_threads, set_threads, step_threads
from core.training.trainer import Trainer
from tests.helpers import CommandLine, small_config


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many threads torch was told to use, one after the other."""
    told: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    return told


def test_threads_are_the_flag_else_the_variable_else_torchs_own(
    threads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAB_THREADS", raising=False)
    set_threads(None)
    assert threads == []
    monkeypatch.setenv("LAB_THREADS", "3")
    set_threads(None)
    set_threads(2)
    assert threads == [3, 2]


@pytest.mark.parametrize("wanted", ["0", "5", "-1", "many"])
def test_threads_that_there_are_not_are_refused(
    threads: list[int], wanted: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("LAB_THREADS", wanted)
    with pytest.raises(ConfigError, match="from 1 to 4"):
        set_threads(None)
    assert "LAB_THREADS" in CommandLine(capsys).refused("runs")
    assert threads == []


def test_threads_may_stand_before_or_after_the_command(
    threads: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    assert cli.ok("--threads", 2, "runs") == cli.ok("runs", "--threads", 3) == {"runs": []}
    assert threads == [2, 3]


def test_a_small_step_takes_one_thread_and_a_larger_one_all(threads: list[int]) -> None:
    set_threads(4)
    small = resolve("transformer", 65, None, dict(n_layer=1, n_embd=32, block_size=16))
    assert step_threads(small) == step_threads(resolve("attention", 65, "quick")) == 1
    assert step_threads(resolve("transformer", 65, "quick")) == 4
    assert step_threads(resolve("transformer", 65, "nanogpt-cpu")) == 4


def test_what_a_step_takes_is_no_word_on_what_there_is(
    tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed_on = [3]
    monkeypatch.setattr(torch, "get_num_threads", lambda: computed_on[-1])
    monkeypatch.setattr(torch, "set_num_threads", computed_on.append)
    trainer = Trainer(small_config("bigram", len(tiny_corpus.vocabulary)), tiny_corpus)
    trainer.take_step()
    trainer.take_step()
    assert computed_on == [3, 1]
    assert n_threads() == 3
    compute_on(n_threads())
    assert computed_on == [3, 1, 3]
