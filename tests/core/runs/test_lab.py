"""Reading and administering the runs of a lab, and the models in them."""

from __future__ import annotations

import pytest
import torch

from core.errors import CheckpointError, ConfigError, CorpusError, RunError
from core.records.records import RunStatus
from core.runs.active_run import ActiveRun
from core.runs.lab import MAX_RUN_NAME, Lab
from core.settings.config import ModelKind
from core.storage.names import memorable_name
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests.helpers import (
    checkpoint_state,
    checkpoint_steps,
    play,
    small_config,
    small_run,
    train,
    trained,
)

# --- making runs ----------------------------------------------------------------------------------


def test_settings_are_put_together_for_a_text(lab: Lab, corpus: Corpus, kind: ModelKind) -> None:
    config = lab.configure(kind, corpus, "quick", max_iters=7, block_size=16)
    assert config.model.vocab_size == len(corpus.vocabulary)
    assert (config.train.max_iters, config.model.block_size) == (7, 16)
    assert config.train.batch_size == 16  # the preset's


def test_a_text_too_short_for_the_settings_is_refused(lab: Lab) -> None:
    short = Corpus("short", play(200))
    with pytest.raises(ConfigError, match="Corpus short is too short for block_size 32"):
        lab.configure("bigram", short, "quick")


def test_a_run_that_nobody_names_gets_a_name_of_its_own(lab: Lab, corpus: Corpus) -> None:
    names = {lab.run(small_run(lab, corpus)).name for _ in range(5)}
    assert len(names) == 5
    assert all(name.count("-") == 1 and name.islower() for name in names)


def test_memorable_names_do_not_run_out() -> None:
    class All:
        """A set that holds every name without a number."""

        def __contains__(self, name: object) -> bool:
            return str(name).count("-") == 1

    assert memorable_name(All()).count("-") == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("  my  first\trun ", "my first run"), ("Öwl 🦉", "Öwl 🦉"), ("x" * MAX_RUN_NAME,) * 2],
)
def test_spaces_of_a_name_are_tidied(lab: Lab, corpus: Corpus, given: str, kept: str) -> None:
    assert lab.run(small_run(lab, corpus, name=given)).name == kept


@pytest.mark.parametrize("name", ["", "   ", "x" * (MAX_RUN_NAME + 1), "a\x00b", "a\x1b[31mb"])
def test_a_name_that_cannot_be_shown_is_refused(lab: Lab, corpus: Corpus, name: str) -> None:
    run_id = small_run(lab, corpus, name="owl")
    with pytest.raises(RunError, match="1 to 60 printable characters"):
        small_run(lab, corpus, name=name)
    with pytest.raises(RunError, match="1 to 60 printable characters"):
        lab.rename_run(run_id, name)
    assert [record.name for record in lab.runs()] == ["owl"]


# --- changing runs --------------------------------------------------------------------------------


def test_a_run_is_renamed_by_id_or_name(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus, name="owl")
    assert lab.rename_run("owl", "fox").name == "fox"
    assert lab.rename_run(run_id, "hen").id == run_id
    small_run(lab, corpus, name="owl")
    with pytest.raises(RunError, match="already a run 'owl'"):
        lab.rename_run("hen", "owl")


def test_a_deleted_run_leaves_nothing(lab: Lab, corpus: Corpus) -> None:
    run_id, other = trained(lab, corpus, name="owl"), trained(lab, corpus)
    assert lab.delete_run("owl").id == run_id
    assert [record.id for record in lab.runs()] == [other]
    assert [p.name for p in lab.home.runs.iterdir()] == [other]
    assert lab.store.steps(run_id) == []
    with pytest.raises(RunError, match="no run 'owl'"):
        lab.delete_run("owl")


@pytest.mark.usefixtures("impatient")
def test_a_run_that_is_being_trained_is_not_deleted(lab: Lab, corpus: Corpus) -> None:
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus))
    with pytest.raises(RunError, match="is being trained"):
        lab.delete_run(run.id)
    assert lab.home.run_folder(run.id).is_dir()
    run.close()
    lab.delete_run(run.id)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("queued", "interrupted"),
        ("running", "interrupted"),
        ("paused", "paused"),
        ("finished", "finished"),
        ("failed", "failed"),
    ],
)
def test_a_run_that_nobody_trains_is_not_shown_as_live(
    lab: Lab, corpus: Corpus, written: RunStatus, shown: RunStatus
) -> None:
    run_id = small_run(lab, corpus)
    lab.store.update_run(run_id, status=written)
    assert lab.run(run_id).status == lab.runs()[0].status == shown


def test_a_run_in_hand_is_shown_as_it_says(lab: Lab, corpus: Corpus) -> None:
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus))
    assert lab.run(run.id).status == Lab(lab.home.path).run(run.id).status == "running"
    run.close()
    assert lab.run(run.id).status == "interrupted"


# --- models ---------------------------------------------------------------------------------------


def test_the_best_and_the_last_model_are_loaded(
    lab: Lab, corpus: Corpus, kind: ModelKind, best_at_20: None
) -> None:
    record = lab.run(trained(lab, corpus, kind))
    for which, step in (("best", 20), ("last", 40)):
        assert lab.model_step(record, which) == step  # type: ignore[arg-type]
        loaded = lab.model(record, which)  # type: ignore[arg-type]
        assert (loaded.step, loaded.origin) == (step, f"{which} checkpoint, step {step}")
        assert loaded.vocabulary == corpus.vocabulary
        assert not loaded.model.training
        weights = checkpoint_state(lab, record.id, step)["model"]
        assert all(torch.equal(w, weights[n]) for n, w in loaded.model.state_dict().items())


def test_a_run_that_has_not_begun_gives_the_untrained_model(
    lab: Lab, corpus: Corpus, kind: ModelKind
) -> None:
    record = lab.run(small_run(lab, corpus, kind))
    loaded = lab.model(record)
    assert (loaded.step, loaded.origin, lab.model_step(record, "best")) == (
        0,
        "untrained, step 0",
        0,
    )
    config = small_config(kind, len(corpus.vocabulary))
    fresh = Trainer(config, corpus).model.state_dict()
    assert all(torch.equal(w, fresh[name]) for name, w in loaded.model.state_dict().items())


def test_a_run_without_a_best_checkpoint_gives_the_last(lab: Lab, corpus: Corpus) -> None:
    record = lab.run(train(lab, small_run(lab, corpus), until=5))  # before the first estimate
    assert checkpoint_steps(lab, record.id) == [5]
    assert (lab.model(record).step, lab.model(record).origin) == (5, "last checkpoint, step 5")


def test_a_model_outlives_its_text(lab: Lab, corpus: Corpus) -> None:
    record = lab.run(trained(lab, corpus, "transformer"))
    fresh = lab.run(small_run(lab, corpus))
    lab.library.path("tiny").unlink()
    assert lab.model(record).vocabulary == corpus.vocabulary
    with pytest.raises(CorpusError, match="gone"):
        lab.corpus_of(record)
    with pytest.raises(CorpusError, match="gone"):
        lab.model(fresh)


def test_a_damaged_model_is_said_to_be_damaged(lab: Lab, corpus: Corpus) -> None:
    record = lab.run(trained(lab, corpus))
    for path in lab.home.run_folder(record.id).glob("*.pt"):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        lab.model(record)
