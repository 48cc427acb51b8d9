"""Settings that change on the way: which hold when, and that a resume goes the same way again."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import ConfigError
from core.records.course import Course, with_learning_rate
from core.records.event_words import detail_of
from core.records.records import Change
from core.runs.active_run import ActiveRun
from core.runs.branch import enter_branch
from core.runs.lab import Lab
from core.service.service import TrainingService
from core.settings.config import ModelKind
from core.storage.checkpoint import CheckpointFolder
from core.text.corpus import Corpus
from tests.helpers import (
    CommandLine,
    assert_same_run,
    killed_run,
    small_config,
    small_run,
    start_run,
    train,
    wait_for,
    wait_for_steps,
)

CONFIG = small_config("transformer", 9, learning_rate=0.01, min_lr=0.001)


def test_what_holds_follows_from_what_holds_now_and_the_changes() -> None:
    changes = [
        Change(10, {"learning_rate": (0.04, 0.02)}),
        Change(20, {"learning_rate": (0.02, 0.01), "batch_size": (2, 4)}),
    ]
    course = Course(CONFIG, changes)
    rates = [course.at(step).train.learning_rate for step in (0, 9, 10, 19, 20, 99)]
    assert rates == [0.04, 0.04, 0.02, 0.02, 0.01, 0.01]
    assert [course.at(step).train.batch_size for step in (19, 20)] == [2, 4]
    assert course.end == CONFIG
    assert [step for step in range(30) if course.turns_at(step)] == [10, 20]


def test_a_change_holds_from_its_step_on_and_none_is_no_change() -> None:
    course = Course(CONFIG)
    change = course.change(7, {"weight_decay": 0.5})
    assert change == Change(7, {"weight_decay": (0.1, 0.5)})
    assert [course.at(step).train.weight_decay for step in (6, 7)] == [0.1, 0.5]
    assert course.change(8, {"weight_decay": 0.5}) is None
    assert course.end.train.weight_decay == 0.5


def test_characters_are_counted_by_the_batch_size_of_each_stretch() -> None:
    changes = [Change(10, {"batch_size": (2, 3)}), Change(20, {"batch_size": (3, 4)})]
    course = Course(CONFIG, changes)
    for start, end in ((0, 5), (0, 10), (0, 15), (5, 25), (12, 18), (30, 40), (7, 7)):
        sizes = [course.at(step).train.batch_size for step in range(start, end)]
        assert course.n_tokens(start, end) == sum(sizes) * CONFIG.model.block_size
    counts = {step: course.n_tokens(0, step) for step in (0, 10, 20, 25)}
    assert course.seen(25) == tuple(counts.items())
    assert course.seen(10) == ((0, 0), (10, counts[10]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 1}, "keeps its seed"),
        ({"max_iters": 99}, "keeps its max_iters"),
        ({"n_head": 4}, "keeps its model"),
        ({"learning_rate": -1.0}, "learning_rate is a number"),
        ({"speed": 1}, "no setting speed"),
    ],
)
def test_what_cannot_change_is_refused_and_changes_nothing(
    settings: dict[str, Any], message: str
) -> None:
    course = Course(CONFIG)
    with pytest.raises(ConfigError, match=message):
        course.change(3, settings)
    assert course.end == CONFIG and not course.turns_at(3)


def test_all_rates_follow_the_learning_rate() -> None:
    assert with_learning_rate(CONFIG, 0.02, 3) == {"learning_rate": 0.02}
    assert with_learning_rate(CONFIG, 0.0005, 3) == {"learning_rate": 0.0005, "min_lr": 0.0005}
    values = dict(
        bias=False, block="modern", ngrams=2, optimizer="muon", muon_lr=0.02, table_lr=0.1
    )
    fastest = Course(CONFIG).end.from_flat(CONFIG.flat() | values)
    assert with_learning_rate(fastest, 0.005, 3) == pytest.approx(
        {"learning_rate": 0.005, "muon_lr": 0.01, "table_lr": 0.05}
    )
    change = Course(fastest).change(3, {"learning_rate": 0.005})
    assert change is not None and list(change.settings) == ["learning_rate", "muon_lr", "table_lr"]
    change = Course(fastest).change(3, {"learning_rate": 0.005, "muon_lr": 0.03})
    assert change is not None and change.settings["muon_lr"] == (0.02, 0.03)  # what is named stays


# --- in a run -------------------------------------------------------------------------------------


def change_on_the_way(lab: Lab, run_id: str, *, crash: bool) -> str:
    """Change the rate at steps 12 and 25; with `crash`, die after each without saving."""
    for step, settings in ((12, {"learning_rate": 0.02}), (25, {"batch_size": 2})):
        run = ActiveRun.open(lab.home, lab.store, run_id)
        run.advance(60.0, until=step)
        run.change(settings)
        if crash:
            run.advance(60.0, until=step + 3)
            run.set_status("running")
        else:
            run.interrupt()
        run.close()
    return train(lab, run_id)


def test_a_run_that_was_killed_goes_through_its_changes_again(
    lab: Lab, corpus: Corpus, kind: ModelKind
) -> None:
    whole = change_on_the_way(lab, small_run(lab, corpus, kind), crash=False)
    killed = change_on_the_way(lab, small_run(lab, corpus, kind), crash=True)
    unchanged = train(lab, small_run(lab, corpus, kind))
    assert_same_run(lab, killed, whole)
    rates = {i: [s.learning_rate for s in lab.store.steps(i)] for i in (whole, unchanged)}
    assert rates[whole][:12] == rates[unchanged][:12]
    assert rates[whole][12] > 1.5 * rates[unchanged][12]
    assert lab.run(whole).config.train.batch_size == 2
    kinds = [e.kind for e in lab.store.events(killed)]
    assert kinds.count("changed") == 2


def test_a_change_before_others_that_were_lost_takes_their_place(lab: Lab, corpus: Corpus) -> None:
    run_id = train(lab, small_run(lab, corpus), until=10)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.advance(60.0, until=20)
    run.change({"learning_rate": 0.002})
    run.advance(60.0, until=22)
    run.set_status("running")
    run.close()  # killed: the change at 20 is ahead of the checkpoint at 10
    again = ActiveRun.open(lab.home, lab.store, run_id, learning_rate=0.03)
    again.advance(60.0)
    again.finish()
    again.close()
    changes = [(c.step, c.settings["learning_rate"][1]) for c in lab.store.changes(run_id)]
    assert changes == [(10, 0.03)]
    assert lab.run(run_id).config.train.learning_rate == 0.03
    straight = small_run(lab, corpus)
    run = ActiveRun.open(lab.home, lab.store, straight)
    run.advance(60.0, until=10)
    run.change({"learning_rate": 0.03})
    run.advance(60.0)
    run.finish()
    run.close()
    assert_same_run(lab, run_id, straight)


def test_going_back_to_the_rate_of_the_checkpoint_takes_a_lost_change_back(
    lab: Lab, corpus: Corpus
) -> None:
    run_id = train(lab, small_run(lab, corpus, learning_rate=0.01), until=10)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.advance(60.0, until=20)
    run.set_learning_rate(100.0)
    run.set_status("running")
    run.close()
    again = ActiveRun.open(lab.home, lab.store, run_id, learning_rate=0.01)
    again.advance(60.0)
    again.finish()
    again.close()
    assert lab.store.changes(run_id) == []
    assert lab.run(run_id).config.train.learning_rate == 0.01
    assert_same_run(lab, run_id, train(lab, small_run(lab, corpus, learning_rate=0.01)))


def test_a_branch_that_replays_keeps_its_parent_s_rate(lab: Lab, corpus: Corpus) -> None:
    parent = train(lab, small_run(lab, corpus))
    for step in CheckpointFolder(lab.home.run_folder(parent)).steps():
        CheckpointFolder(lab.home.run_folder(parent)).path(step).unlink()
    child = enter_branch(lab, lab.run(parent), 30, {"weight_decay": 1.0})
    run = ActiveRun.open(lab.home, lab.store, child)
    run.advance(60.0, until=5)
    with pytest.raises(ConfigError, match="parent's steps again, up to step 30"):
        run.set_learning_rate(0.5)
    run.advance(60.0, until=30)
    run.set_learning_rate(0.5)
    run.close()
    assert [c.step for c in lab.store.changes(child)] == [30, 30]


def test_what_a_resume_brings_back_is_written_down(lab: Lab, corpus: Corpus) -> None:
    run_id = killed_run(lab, corpus)
    ActiveRun.open(lab.home, lab.store, run_id).close()
    machine, event = lab.store.events(run_id)
    assert (machine.kind, machine.step) == ("machine", 0)
    assert (event.kind, event.step) == ("resumed", 15)
    assert detail_of(event.what).startswith("3 steps after it are taken again, the same")


# --- from a page, and from the command line -------------------------------------------------------


def test_a_rate_changes_while_a_run_trains(service: TrainingService, corpus: Corpus) -> None:
    run_id = start_run(service, corpus, max_iters=50_000, eval_interval=10_000, schedule="constant")
    wait_for_steps(service, run_id, 5)
    service.set_learning_rate(run_id, 0.002)
    wait_for_steps(service, run_id, 5)
    service.pause(run_id)
    wait_for(service, run_id, "paused")
    (change,) = service.lab.store.changes(run_id)
    rates = [s.learning_rate for s in service.lab.store.steps(run_id)]
    first = rates[change.step - 1]
    assert (
        rates[change.step] < first and service.lab.run(run_id).config.train.learning_rate == 0.002
    )
    with pytest.raises(ConfigError, match="learning_rate is a number"):
        service.set_learning_rate(run_id, 0.0)
    assert run_id in service.in_hand and service.lab.run(run_id).status == "paused"


def test_a_branch_is_started_by_the_service(service: TrainingService, corpus: Corpus) -> None:
    parent = start_run(service, corpus)
    wait_for(service, parent, "finished")
    child = service.branch(parent, 20, {})
    wait_for(service, child, "finished")
    assert_same_run(service.lab, child, parent)
    n_runs = len(service.lab.runs())
    with pytest.raises(ConfigError):
        service.branch(parent, 20, {"seed": 3})
    assert len(service.lab.runs()) == n_runs


def test_a_resume_may_take_another_rate(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = CommandLine(capsys)
    run_id = train(lab, small_run(lab, corpus), until=20)
    cli.ok("resume", run_id, "--learning_rate", "0.05")
    assert [(c.step, c.settings["learning_rate"][1]) for c in lab.store.changes(run_id)] == [
        (20, 0.05)
    ]
    assert "learning_rate is a number" in cli.refused("resume", run_id, "--learning_rate", "-1")
