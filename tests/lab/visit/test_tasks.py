"""What of the visit is done, and what comes next: by what there is, never by a press on "next"."""

from __future__ import annotations

import pytest

from core.records.records import RunRecord
from core.settings.config import MODEL_KINDS, ModelKind
from lab.visit.tasks import (
    N_STEPS,
    TASKS,
    Facts,
    Sight,
    is_done,
    n_steps_done,
    next_task,
    run_to_wait_for,
    task_shown_on,
)
from tests.helpers import run_of

SIGHTS: tuple[Sight, ...] = ("matrix", "limit", "head", "text")


def finished(*kinds: ModelKind) -> list[RunRecord]:
    return [run_of(kind, kind, status="finished") for kind in kinds]


def next_name(runs: list[RunRecord], *seen: Sight) -> str | None:
    task = next_task(Facts.of(runs, seen))
    return task.name if task else None


def test_there_are_six_steps_in_their_order() -> None:
    assert [task.step for task in TASKS] == sorted(task.step for task in TASKS)
    assert {task.step for task in TASKS} == set(range(1, N_STEPS + 1)) and N_STEPS == 6


def test_the_way_from_an_empty_lab_to_a_text() -> None:
    assert next_name([]) == "train_bigram"
    bigram = finished("bigram")
    assert next_name(bigram) == "read_matrix"
    assert next_name(bigram, "matrix") == "see_limit"
    assert next_name(bigram, "matrix", "limit") == "train_attention"
    two = finished("bigram", "attention")
    assert next_name(two, "matrix", "limit") == "see_head"
    assert next_name(two, "matrix", "limit", "head") == "train_transformer"
    assert next_name(finished(*MODEL_KINDS), "matrix", "limit", "head") == "write"
    assert next_name(finished(*MODEL_KINDS), *SIGHTS) is None


def test_who_has_runs_is_not_sent_through_training_again() -> None:
    runs = finished(*MODEL_KINDS)
    assert next_name(runs) == "read_matrix"
    assert n_steps_done(Facts.of(runs, ())) == 2  # the first, and the fifth; of the fourth a part
    assert n_steps_done(Facts.of(runs, SIGHTS)) == N_STEPS


def test_a_step_of_two_tasks_is_done_with_both() -> None:
    two = finished("bigram", "attention")
    assert n_steps_done(Facts.of(two, ("matrix", "limit"))) == 3
    assert n_steps_done(Facts.of(two, ("matrix", "limit", "head"))) == 4


def test_a_task_whose_run_is_deleted_is_open_again() -> None:
    assert next_name(finished("attention", "transformer"), *SIGHTS) == "train_bigram"
    facts = Facts.of(finished("attention"), SIGHTS)
    assert not any(is_done(task, facts) for task in TASKS if task.needs == "bigram")


@pytest.mark.parametrize("status", ["running", "queued", "paused", "interrupted"])
def test_a_run_that_is_under_way_is_waited_for(status: str) -> None:
    run = run_of("slow", "bigram", status=status)
    facts = Facts.of([run], ())
    assert next_name([run]) == "train_bigram" and run_to_wait_for(facts) == run


def test_runs_that_failed_or_belong_to_a_sweep_do_not_count() -> None:
    for about in (dict(status="failed"), dict(status="finished", sweep="s"),
                  dict(status="running", sweep="s")):  # fmt: skip
        facts = Facts.of([run_of("one", "bigram", **about)], ())
        assert next_task(facts) == TASKS[0] and run_to_wait_for(facts) is None


def test_the_newest_run_of_a_model_is_the_one_that_is_shown() -> None:
    runs = [run_of("new", "bigram", status="finished"), run_of("old", "bigram", status="finished")]
    assert Facts.of(runs, ()).finished["bigram"].name == "new"
    again = [run_of("again", "bigram", status="running"), *runs]
    assert run_to_wait_for(Facts.of(again, ())) is None  # it is done already


def test_a_page_shows_what_came_of_the_task_before_if_it_was_done_there() -> None:
    facts = Facts.of(finished("bigram"), ("matrix",))
    shown = task_shown_on("bigram", facts)
    assert shown and shown.name == "read_matrix"
    assert task_shown_on("train", facts) is None
    assert task_shown_on("train", Facts.of([], ())) is None
    everything = task_shown_on("generate", Facts.of(finished(*MODEL_KINDS), SIGHTS))
    assert everything and everything.name == "write"
