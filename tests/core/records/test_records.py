"""Which runs of many are looked at when nobody says."""

from __future__ import annotations

from dataclasses import replace

from core.records.records import RunRecord, RunStatus, newest_of_each_model
from core.settings.config import ModelKind
from tests.helpers import run_of


def run(name: str, model: ModelKind, status: RunStatus = "finished", sweep: str = "") -> RunRecord:
    return replace(run_of(name, model), status=status, sweep=sweep or None)


def names(*runs: RunRecord) -> list[str]:
    return [each.name for each in newest_of_each_model(runs)]


def test_of_each_model_the_newest_that_came_to_something() -> None:
    assert names(
        run("newest", "transformer", "failed"),
        run("queued", "bigram", "queued"),
        run("live", "bigram", "running"),
        run("older", "bigram"),
        run("good", "transformer"),
        run("swept", "attention", sweep="s"),
        run("one", "attention"),
    ) == ["live", "one", "good"]


def test_one_that_came_to_nothing_stands_in_only_where_there_is_no_other() -> None:
    assert names(run("b", "attention", "paused"), run("a", "attention", "failed")) == ["b"]
    assert names(run("b", "attention", "queued"), run("a", "attention")) == ["a"]
    assert names() == []


def test_never_two_of_one_model() -> None:
    assert names(*(run(f"t{i}", "transformer") for i in range(3))) == ["t0"]
