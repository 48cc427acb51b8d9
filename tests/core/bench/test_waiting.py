"""Whole processes are really started, and timed from outside."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.bench.waiting import COMMANDS, LOOKING_SHARE, START_S, nanogpt_waited_for, waited_for
from core.errors import LabError
from core.settings.presets import resolve
from core.text.corpus import Corpus

TRAIN = """
import pathlib, pickle, sys, time
import configurator
data = pathlib.Path("data", "text")
assert pickle.loads((data / "meta.pkl").read_bytes())["vocab_size"] == VOCAB
assert (data / "train.bin").stat().st_size == 2 * N_TRAIN
assert "--max_iters=3" in sys.argv and "--block_size=8" in sys.argv
print("step 0: train loss 4.1, val loss 4.2")
for i, ms in enumerate((900.0, 20.0, 20.0, 20.0)):
    print(f"iter {i}: loss 4.1, time {ms:.2f}ms, mfu 0.1%")
"""


@pytest.fixture
def nanogpt(tmp_path: Path, tiny_corpus: Corpus) -> Path:
    """A folder with the files of a checkout of nanoGPT that matter."""
    code = TRAIN.replace("VOCAB", str(len(tiny_corpus.vocabulary)))
    code = code.replace("N_TRAIN", str(len(tiny_corpus.train)))
    for name, text in (("train.py", code), ("configurator.py", ""), ("model.py", "")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_command_is_waited_for_from_outside(tiny_corpus: Corpus) -> None:
    started = time.perf_counter()
    waited = waited_for("quick, bigram", tiny_corpus, share=0.005)
    assert 0 < waited.train_s < waited.wall_s <= time.perf_counter() - started
    assert waited.val_loss_nats is not None and waited.split_s > 0
    assert waited.beside_s == waited.wall_s - waited.train_s
    assert waited.allowed_s == LOOKING_SHARE * waited.train_s + waited.split_s + START_S


def test_every_command_is_one_that_can_be(tiny_corpus: Corpus) -> None:
    for model, preset, recipe, _ in COMMANDS.values():
        assert resolve(model, 65, preset, {}, recipe).model.model == model


def test_nanogpt_is_waited_for_with_the_same_settings(nanogpt: Path, tiny_corpus: Corpus) -> None:
    config = resolve("transformer", 65, None, {"block_size": 8, "max_iters": 3})
    waited = nanogpt_waited_for(config, tiny_corpus, nanogpt)
    assert waited.train_s == pytest.approx(4 * 0.020)  # an evaluation in a step is no training
    assert waited.wall_s > 0


def test_what_fails_is_said_in_one_line(nanogpt: Path, tiny_corpus: Corpus) -> None:
    config = resolve("transformer", 65, None, {"block_size": 16, "max_iters": 3})
    with pytest.raises(LabError, match="AssertionError"):
        nanogpt_waited_for(config, tiny_corpus, nanogpt)
