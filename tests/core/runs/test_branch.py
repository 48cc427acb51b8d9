"""A branch shares its parent's past, and differs only by what was changed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.errors import ConfigError, CorpusError, LabError, RunError
from core.records.course import with_learning_rate
from core.records.event_words import story_of
from core.records.events import Branched
from core.runs.active_run import ActiveRun
from core.runs.branch import branch_run, enter_branch
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.storage.checkpoint import CheckpointFolder
from core.text.corpus import Corpus
from tests.helpers import (
    CommandLine,
    assert_same_run,
    checkpoint_state,
    checkpoint_steps,
    files_under,
    filled,
    small_run,
    tiny_run,
    train,
    trained,
    what_it_measured,
)
from tests.recipes import config_of


@pytest.mark.parametrize("at", [0, 5, 20, 33, 40])
def test_with_nothing_changed_a_branch_equals_its_parent(
    lab: Lab, corpus: Corpus, kind: ModelKind, at: int
) -> None:
    parent = lab.run(filled(lab, tiny_run, kind))
    child = branch_run(lab, parent, at, {})
    assert (child.status, child.step, child.checkpoint_step) == ("paused", at, at)
    assert (child.parent, child.parent_step) == (parent.id, at)
    assert_same_run(lab, train(lab, child.id), parent.id)


def test_a_branch_starts_from_the_nearest_checkpoint_and_replays_the_rest(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "core.runs.active_run.MIN_CHECKPOINT_INTERVAL_S", 3600.0
    )  # on however slow a machine
    parent = lab.run(train(lab, small_run(lab, corpus, "transformer"), until=25))
    assert checkpoint_steps(lab, parent.id) == [20, 25]
    told: list[int] = []
    child = branch_run(lab, parent, 23, {}, progress=told.append)
    assert told[-1] == 23
    [branched] = [e.what for e in lab.store.events(child.id) if isinstance(e.what, Branched)]
    assert story_of(branched).endswith("; taken again to get there: 3 steps")
    assert [s.step for s in lab.store.steps(child.id)] == list(range(1, 24))
    assert 20 in checkpoint_steps(lab, child.id)  # the best so far
    parent_steps = what_it_measured(lab, parent.id)["steps"]
    assert what_it_measured(lab, child.id)["steps"] == parent_steps[:23]


def test_a_branch_has_waited_for_its_past_as_its_parent_has(lab: Lab, corpus: Corpus) -> None:
    parent = lab.run(filled(lab, tiny_run, "bigram"))
    at = checkpoint_steps(lab, parent.id)[-1]
    child = lab.run(enter_branch(lab, parent, at, {}))
    (there,) = [step for step in lab.store.steps(parent.id) if step.step == child.step]
    assert child.train_s == pytest.approx(there.elapsed_s)
    assert child.wall_s == there.wall_s is not None and child.wall_s >= child.train_s > 0
    gone_on = branch_run(lab, parent, at, {})
    assert gone_on.wall_s is not None and gone_on.wall_s >= gone_on.train_s


@pytest.mark.parametrize(
    "change", [{"learning_rate": 0.05}, {"weight_decay": 5.0}, {"batch_size": 2}], ids=str
)
def test_a_change_shows_from_the_step_on_where_it_was_made(
    lab: Lab, corpus: Corpus, change: dict[str, Any]
) -> None:
    parent = lab.run(filled(lab, tiny_run, "transformer"))
    child = branch_run(lab, parent, 20, change)
    assert child.config.flat() == parent.config.flat() | change
    train(lab, child.id)
    theirs, ours = (what_it_measured(lab, run_id)["steps"] for run_id in (parent.id, child.id))
    assert ours[:20] == theirs[:20]
    assert all(our_step != their_step for our_step, their_step in zip(ours[21:], theirs[21:]))
    if "learning_rate" in change:
        assert all(ours[i][2] > 2 * theirs[i][2] for i in range(20, 35))


def test_all_rates_follow_the_learning_rate_of_a_branch(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    config = config_of("fastest", len(corpus.vocabulary), max_iters=40, min_lr=1e-3)
    parent = train(lab, lab.create_run(config, corpus, "owl"), until=20)
    rate = config.train.learning_rate / 20
    wanted = with_learning_rate(config, rate, 20)
    assert wanted.keys() == {"learning_rate", "min_lr", "muon_lr", "table_lr"}
    [listed] = cli.ok("runs", "branch", "owl", "--learning_rate", rate)["runs"]
    for branch in (branch_run(lab, lab.run(parent), 20, {"learning_rate": rate}).id, listed["run"]):
        assert lab.run(branch).config.flat() == config.flat() | wanted
    [named] = cli.ok("runs", "branch", "owl", "--learning_rate", rate, "--muon_lr", 0.5)["runs"]
    assert lab.run(named["run"]).config.flat() == config.flat() | wanted | {"muon_lr": 0.5}
    cli.ok("resume", "owl", "--learning_rate", rate)
    assert lab.run(parent).config == lab.run(listed["run"]).config


def test_a_branch_may_go_on_for_longer(lab: Lab, corpus: Corpus) -> None:
    parent = lab.run(trained(lab, corpus))
    child = branch_run(lab, parent, 40, {"max_iters": 50})
    train(lab, child.id)
    assert lab.run(child.id).step == 50


def test_a_branch_is_written_down(lab: Lab, corpus: Corpus) -> None:
    parent = lab.run(trained(lab, corpus, name="owl"))
    child = branch_run(lab, parent, 10, {}, name="owl again")
    assert child.name == "owl again"
    [event] = [e for e in lab.store.events(child.id) if e.kind == "branched"]
    assert (event.step, event.what) == (10, Branched("owl", False, n_steps_again=10))


def test_the_parent_is_not_changed(lab: Lab, corpus: Corpus) -> None:
    parent = lab.run(trained(lab, corpus))
    folder = lab.home.run_folder(parent.id)
    before = what_it_measured(lab, parent.id), files_under(folder)
    child = branch_run(lab, parent, 20, {"learning_rate": 0.5})
    train(lab, child.id)
    assert (what_it_measured(lab, parent.id), files_under(folder)) == before
    assert lab.run(parent.id) == parent


def test_a_branch_of_a_branch_is_a_branch(lab: Lab, corpus: Corpus) -> None:
    parent = lab.run(trained(lab, corpus, "attention"))
    child = branch_run(lab, parent, 10, {})
    train(lab, child.id, until=20)
    grandchild = branch_run(lab, lab.run(child.id), 15, {})
    assert grandchild.parent == child.id
    train(lab, grandchild.id)
    assert what_it_measured(lab, grandchild.id) == what_it_measured(lab, parent.id)
    last = checkpoint_state(lab, grandchild.id)["batches"]["generator"]
    assert last.equal(checkpoint_state(lab, parent.id)["batches"]["generator"])


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "changes", "error", "message"),
    [
        (41, {}, RunError, "has reached step 40; a branch starts at a step from 0 to 40, not 41"),
        (-1, {}, RunError, "not -1"),
        (10, {"learning_rate": -1.0}, ConfigError, "learning_rate is a number"),
        (10, {"learning_rate": 1e-8, "min_lr": 1e-3}, ConfigError, "min_lr"),
        (20, {"max_iters": 10}, ConfigError, "cannot end before it"),
        (10, {"n_embd": 16}, ConfigError, "keeps its model"),
        (10, {"device": "tpu"}, ConfigError, "keeps its device"),
        (10, {"seed": 7}, ConfigError, "keeps its seed"),
        (10, {"optimizer": "muon"}, ConfigError, "keeps its optimizer"),
        (10, {"n_layers": 3}, ConfigError, "There is no setting n_layers"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    lab: Lab, corpus: Corpus, at: int, changes: Any, error: type[LabError], message: str
) -> None:
    parent = lab.run(trained(lab, corpus, "transformer"))
    before = lab.runs(), files_under(lab.home.path)
    with pytest.raises(error, match=message):
        branch_run(lab, parent, at, changes)
    assert (lab.runs(), files_under(lab.home.path)) == before


def test_a_damaged_checkpoint_costs_a_branch_no_more_than_a_longer_way(
    lab: Lab, corpus: Corpus
) -> None:
    parent = lab.run(trained(lab, corpus, "transformer"))
    whole = branch_run(lab, parent, 40, {})
    for path in lab.home.run_folder(parent.id).glob("checkpoint-*.pt"):
        path.write_bytes(path.read_bytes()[:50])
    again = branch_run(lab, parent, 40, {})
    (one, other) = (checkpoint_state(lab, run.id, 40)["model"] for run in (whole, again))
    assert one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def test_a_taken_name_and_a_lost_text_leave_nothing(lab: Lab, corpus: Corpus) -> None:
    parent = lab.run(trained(lab, corpus, name="owl"))
    with pytest.raises(RunError, match="already a run 'owl'"):
        branch_run(lab, parent, 10, {}, name="owl")

    lab.library.path("tiny").unlink()
    with pytest.raises(CorpusError, match="gone"):
        branch_run(lab, parent, 10, {})
    assert [record.name for record in lab.runs()] == ["owl"]
    assert [p.name for p in lab.home.runs.iterdir()] == [parent.id]


def test_a_checkpoint_that_is_deleted_meanwhile_is_passed_over(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = lab.run(train(lab, small_run(lab, corpus, "transformer"), until=25))
    CheckpointFolder(lab.home.run_folder(parent.id)).path(25).unlink()
    with monkeypatch.context() as patched:
        patched.setattr(CheckpointFolder, "steps", lambda self: [20, 25])  # as they were just now
        child = enter_branch(lab, parent, 25, {})
    assert checkpoint_steps(lab, child) == [20]
    assert_same_run(lab, train(lab, child), train(lab, parent.id))


def test_a_branch_from_before_its_parents_best_can_do_without_an_earlier_one(
    lab: Lab, corpus: Corpus, best_at_20: None
) -> None:
    parent = lab.run(train(lab, small_run(lab, corpus, "transformer"), until=30))
    path = CheckpointFolder(lab.home.run_folder(parent.id)).path(20)
    path.write_bytes(path.read_bytes()[:50])
    child = branch_run(lab, parent, 30, {})
    assert checkpoint_steps(lab, child.id) == [30]
    record = lab.run(train(lab, child.id))
    assert (record.best_step, record.best_val_loss_nats) == (40, record.val_loss_nats)


def test_a_branch_that_is_interrupted_half_way_leaves_nothing(lab: Lab, corpus: Corpus) -> None:
    parent = lab.run(trained(lab, corpus))
    before = files_under(lab.home.path)

    def interrupt(step: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        branch_run(lab, parent, 5, {}, progress=interrupt)
    assert [run.id for run in lab.runs()] == [parent.id]
    assert files_under(lab.home.path) == before


def test_a_branch_of_a_run_whose_rate_was_changed_goes_the_same_way(
    lab: Lab, corpus: Corpus, kind: ModelKind
) -> None:
    run_id = train(lab, small_run(lab, corpus, kind), until=12)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.change({"learning_rate": 0.004})
    run.advance(60.0, until=25)
    run.change({"learning_rate": 0.002})
    run.advance(60.0)
    run.finish()
    run.close()
    parent = lab.run(run_id)
    for at in (5, 12, 20, 40):  # before, at, between and after the changes
        child = branch_run(lab, parent, at, {})
        assert lab.store.changes(child.id) == lab.store.changes(run_id)
        assert_same_run(lab, train(lab, child.id), run_id)
    other = branch_run(lab, parent, 20, {"weight_decay": 5.0})
    steps = [(c.step, list(c.settings)) for c in lab.store.changes(other.id)]
    assert steps == [(12, ["learning_rate"]), (20, ["weight_decay"])]  # the later one is dropped
