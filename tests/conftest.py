"""What the tests share: a small text, small runs, and a lab home that is thrown away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

# Two tests run at once and some start processes of their own: a thread that spins while it waits
# for work would take the core from the others. Read when torch is loaded, here and in them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import pytest
import torch

from core.records.records import Estimate
from core.runs.lab import Lab
from core.service.service import TrainingService
from core.settings.config import MODEL_KINDS, ModelKind
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests import soak
from tests.helpers import LAST_IS_WORSE_NATS, add_corpus, play


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices are faster on one thread, and sums then always have the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lab home that every test without one of its own would write to."""
    path = tmp_path / "home"
    monkeypatch.setenv("LAB_HOME", str(path))
    return path


@pytest.fixture(autouse=True)
def same_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit puts the pages it tests in place of `__main__`, which child processes run again."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(autouse=True)
def threads_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test says of CPU threads holds for it alone."""
    monkeypatch.setattr("core.training.threads._allowed", None)


@pytest.fixture(autouse=True)
def no_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that a test can count on not to be there, also on a Mac."""
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)


@pytest.fixture
def lab(home: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """An empty lab, whose runs write short samples."""
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)
    return Lab(home)


@pytest.fixture(scope="session")
def tiny_corpus() -> Corpus:
    """About 4,000 characters that look a little like a play."""
    return Corpus("tiny", play(4_000))


@pytest.fixture
def corpus(lab: Lab, tiny_corpus: Corpus) -> Corpus:
    """The tiny corpus, added to the lab."""
    return add_corpus(lab, "tiny", tiny_corpus.text)


@pytest.fixture(params=MODEL_KINDS)
def kind(request: pytest.FixtureRequest) -> ModelKind:
    """Each of the three models in turn."""
    model: ModelKind = request.param
    return model


@pytest.fixture
def estimates_best_at_20(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates say that step 20 was the best of all."""

    def estimate(trainer: Trainer) -> Estimate:
        return Estimate(trainer.step, 2.0, 1.0 + abs(trainer.step - 20))

    monkeypatch.setattr(Trainer, "estimate", estimate)


@pytest.fixture
def best_at_20(estimates_best_at_20: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates say that step 20 was the best of all, and the whole split that the last is not."""
    measured = Trainer.evaluate
    monkeypatch.setattr(Trainer, "evaluate", lambda trainer: measured(trainer) + LAST_IS_WORSE_NATS)


@pytest.fixture
def service(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingService]:
    monkeypatch.setattr("core.service.worker.SLICE_S", 0.01)
    monkeypatch.setattr("core.runs.active_run.FLUSH_EVERY_S", 0.02)
    training = TrainingService(lab)
    yield training
    training.close()
    assert not training._worker._thread.is_alive()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that are held are given up at once instead of after two seconds."""
    monkeypatch.setattr("core.storage.locks.PATIENCE_S", 0.0)


def pytest_addoption(parser: pytest.Parser) -> None:
    soak.add_option(parser)
