"""The heads of the steps beside the one shown are measured before anybody goes there."""

from __future__ import annotations

import pytest

from core.runs.lab import Lab
from core.text.corpus import Corpus
from lab.session import ahead
from lab.session.ahead import measure_beside
from tests.helpers import trained, wait_until


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> list[str]:
    """The keys of what was measured, in order, without a wait and without a page."""
    keys: list[str] = []
    monkeypatch.setattr(ahead, "_DELAY_S", 0.0)
    monkeypatch.setattr(ahead, "the_lab", lambda: lab)
    monkeypatch.setattr(ahead, "moment_of", lambda run: 4)
    monkeypatch.setattr(ahead, "loaded_model", lab.model_at)
    monkeypatch.setattr(ahead, "habits_of_heads", lambda key, *_: keys.append(key))
    return keys


def test_the_next_step_is_measured_and_then_the_one_before(
    measured: list[str], lab: Lab, corpus: Corpus
) -> None:
    run = lab.run(trained(lab, corpus, "attention", max_iters=9))
    assert lab.moments(run)[2:5] == [2, 4, 8]
    measure_beside(run, corpus)
    wait_until(lambda: len(measured) == 2, "both neighbours have been measured")
    assert measured == [f"{run.id} snapshot, step 8", f"{run.id} snapshot, step 2"]


def test_a_model_in_training_comes_first(
    measured: list[str], lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = lab.run(trained(lab, corpus, "attention", max_iters=9))
    monkeypatch.setattr(ahead, "is_live", lambda run: True)
    ahead._measure(run, corpus, [8, 2])
    assert measured == []


def test_a_step_that_is_gone_by_then_is_nobodys_trouble(
    measured: list[str], lab: Lab, corpus: Corpus
) -> None:
    run = lab.run(trained(lab, corpus, "attention", max_iters=9))
    lab.delete_run(run.id)
    ahead._measure(run, corpus, [4, 8])
    assert measured == []
