"""A private copy steps as the run would, and the run does not notice."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from core.errors import CheckpointError
from core.interpretability.training_step import tell_step
from core.models import build_model
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.runs.private_copy import PrivateCopy, steps_to_copy
from core.storage.checkpoint import CheckpointFolder
from core.text.corpus import Corpus
from tests.helpers import (
    assert_equal_states,
    checkpoint_state,
    files_under,
    killed_run,
    small_config,
    small_run,
    train,
    trained,
    what_it_measured,
)
from tests.recipes import RUNS, config_of


def state_of(private: PrivateCopy) -> dict[str, Any]:
    state = copy.deepcopy(private.trainer.state_dict())
    state.pop("elapsed_s")
    return state | {"model": dict(state["model"])}  # a plain one, as a file gives it back


def stepped(private: PrivateCopy) -> PrivateCopy:
    """The copy after its next step, with the settings that hold for it."""
    after = private.again()
    tell_step(after.trainer)
    return after


@pytest.mark.parametrize("name", RUNS)
def test_it_goes_the_way_of_the_run(lab: Lab, corpus: Corpus, name: str) -> None:
    config = config_of(name, len(corpus.vocabulary))
    run_id = train(lab, lab.create_run(config, corpus), until=15)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.set_learning_rate(3e-3)  # from step 15 on: after what is saved
    run.close()
    private = PrivateCopy.of_run(lab, lab.run(run_id))
    tell_step(private.trainer)
    train(lab, run_id, until=16)
    assert_equal_states(state_of(private), checkpoint_state(lab, run_id, 16))
    train(lab, run_id, until=18)
    assert_equal_states(state_of(stepped(stepped(private))), checkpoint_state(lab, run_id, 18))


def test_it_knows_a_rate_that_is_changed_on_its_way(lab: Lab, corpus: Corpus) -> None:
    run_id = train(lab, small_run(lab, corpus, "transformer"), until=10)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.advance(60.0, until=12)
    run.set_learning_rate(1e-2)
    run.advance(60.0, until=14)
    run.interrupt()
    run.close()
    private = PrivateCopy.of_run(lab, lab.run(run_id), at=10)
    for _ in range(4):
        private = stepped(private)
    assert_equal_states(state_of(private), checkpoint_state(lab, run_id, 14))


def test_the_run_does_not_notice(lab: Lab, corpus: Corpus) -> None:
    run_id = trained(lab, corpus, "transformer")
    before = files_under(lab.home.path), what_it_measured(lab, run_id)
    private = PrivateCopy.of_run(lab, lab.run(run_id))
    tell_step(private.trainer)
    stepped(private)
    assert (files_under(lab.home.path), what_it_measured(lab, run_id)) == before


def test_a_copy_of_a_copy_is_its_own(lab: Lab, corpus: Corpus) -> None:
    run_id = train(lab, small_run(lab, corpus, "attention"), until=15)
    private = PrivateCopy.of_run(lab, lab.run(run_id))
    before = state_of(private)
    stepped(private)
    assert_equal_states(state_of(private), before)


def test_a_run_that_is_in_hand_is_copied_as_it_was_saved(lab: Lab, corpus: Corpus) -> None:
    run_id = killed_run(lab, corpus)
    held = ActiveRun.open(lab.home, lab.store, run_id)  # whoever has the lock goes on undisturbed
    private = PrivateCopy.of_run(lab, lab.run(run_id))
    held.close()
    assert private.trainer.step == 15
    assert_equal_states(state_of(private), checkpoint_state(lab, run_id, 15))


def test_before_anything_is_saved_it_is_the_beginning(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus, "attention")
    record = lab.run(run_id)
    assert steps_to_copy(lab, record) == [0]
    private = PrivateCopy.of_run(lab, record)
    fresh = PrivateCopy.of_settings(record.config, corpus)
    assert_equal_states(state_of(private), state_of(fresh))
    weights = build_model(record.config.model, record.config.train.seed).state_dict()
    assert_equal_states(dict(private.trainer.model.state_dict()), dict(weights))
    tell_step(private.trainer)
    train(lab, run_id, until=1)
    assert_equal_states(state_of(private), checkpoint_state(lab, run_id, 1))


def test_every_checkpoint_and_the_beginning_can_be_copied(lab: Lab, corpus: Corpus) -> None:
    run_id = trained(lab, corpus, "bigram")
    record = lab.run(run_id)
    kept = CheckpointFolder(lab.home.run_folder(run_id)).steps()
    assert steps_to_copy(lab, record) == [0, *kept]
    for step in (0, *kept):
        assert PrivateCopy.of_run(lab, record, at=step).trainer.step == step
    with pytest.raises(CheckpointError, match="no checkpoint of step 7; there are those of 0, "):
        PrivateCopy.of_run(lab, record, at=7)


def test_where_no_checkpoint_can_be_read_it_is_said(lab: Lab, corpus: Corpus) -> None:
    run_id = trained(lab, corpus, "bigram")
    folder = CheckpointFolder(lab.home.run_folder(run_id))
    for step in folder.steps():
        folder.path(step).write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read"):
        PrivateCopy.of_run(lab, lab.run(run_id))


def test_settings_without_a_run_begin_as_a_run_would(corpus: Corpus, lab: Lab) -> None:
    config = small_config("transformer", len(corpus.vocabulary))
    private = PrivateCopy.of_settings(config, corpus)
    tell_step(private.trainer)
    run_id = train(lab, lab.create_run(config, corpus), until=1)
    assert_equal_states(state_of(private), checkpoint_state(lab, run_id, 1))
