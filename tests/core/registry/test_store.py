"""The registry: what is written in one commit, who may read meanwhile, and what is refused."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import RegistryDamaged, RunError
from core.records.events import EndMoved, Finished, Resumed
from core.records.records import Change, Estimate, NewRun, RunRecord, Sample, StepRecord
from core.registry import Store
from core.registry.schema import SCHEMA_VERSION
from tests.helpers import small_config


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "lab.sqlite")


def add(store: Store, run_id: str = "r1", name: str | None = None) -> RunRecord:
    store.add_run(
        NewRun(
            id=run_id, name=name or f"name-{run_id}", config=small_config("bigram", 5), corpus="c",
            fingerprint="f", n_params=25,
        )
    )  # fmt: skip
    return store.run(run_id)


def step(i: int) -> StepRecord:
    return StepRecord(i, 3.0 / i, 0.01 * i, 0.5, 0.1 * i)


def estimate(i: int) -> Estimate:
    return Estimate(i, 2.0 + 1 / (i + 1), 2.5 + 1 / (i + 1))


# --- runs -----------------------------------------------------------------------------------------


def test_a_new_run_is_queued_and_knows_its_settings(store: Store) -> None:
    record = add(store)
    assert (record.status, record.step, record.model, record.n_params) == (
        "queued",
        0,
        "bigram",
        25,
    )
    assert (record.corpus, record.fingerprint) == ("c", "f")
    assert record.config == small_config("bigram", 5)
    assert record.max_iters == record.config.train.max_iters
    assert (record.val_loss_nats, record.parent, store.tokens_per_s(record)) == (None, None, None)


def test_a_run_is_found_by_id_and_by_name_and_an_id_goes_first(store: Store) -> None:
    add(store, "r1", "r2")
    add(store, "r2", "other")
    assert store.run("r2").id == "r2"
    assert store.run("other").id == "r2"
    with pytest.raises(RunError, match="no run 'r3'"):
        store.run("r3")


def test_runs_are_listed_the_newest_first(store: Store) -> None:
    for run_id in ("a", "b", "c"):
        add(store, run_id)
    assert [record.id for record in store.runs()] == ["c", "b", "a"]
    assert store.names() == {"name-a", "name-b", "name-c"}


def test_a_name_is_given_once(store: Store) -> None:
    add(store, "r1", "owl")
    with pytest.raises(RunError, match="already a run 'owl'"):
        add(store, "r2", "owl")
    assert [record.id for record in store.runs()] == ["r1"]
    add(store, "r2", "fox")
    with pytest.raises(RunError, match="already a run 'owl'"):
        store.rename_run("r2", "owl")
    assert store.run("r2").name == "fox"
    store.rename_run("r2", "hen")
    assert store.run("hen").id == "r2"


def test_a_config_in_a_column_comes_back(store: Store) -> None:
    add(store)
    config = small_config("bigram", 5, max_iters=99)
    store.update_run("r1", config=config, status="paused", message="why")
    record = store.run("r1")
    assert (record.config, record.status, record.message) == (config, "paused", "why")


def test_tokens_per_s_is_of_training_alone(store: Store) -> None:
    add(store)
    store.update_run("r1", step=10, train_s=2.0)
    assert store.tokens_per_s(store.run("r1")) == 10 * 4 * 8 / 2.0  # steps, sequences, characters


def test_tokens_per_s_counts_each_step_by_its_own_batch_size(store: Store) -> None:
    add(store)
    config = small_config("bigram", 5, batch_size=2)
    store.add_change("r1", Change(6, {"batch_size": (4, 2)}), config)
    store.update_run("r1", step=10, train_s=2.0)
    assert store.tokens_per_s(store.run("r1")) == (6 * 4 + 4 * 2) * 8 / 2.0


def test_tokens_per_s_leaves_out_what_came_with_an_imported_model(store: Store) -> None:
    add(store)
    store.record("r1", [], [(estimate(5000), "")], step=5000)
    assert store.first_step("r1") == 5000
    store.update_run("r1", step=5010, train_s=2.0)
    assert store.tokens_per_s(store.run("r1")) == 10 * 4 * 8 / 2.0


# --- measurements ---------------------------------------------------------------------------------


def test_measurements_come_back_in_order_bit_for_bit(store: Store) -> None:
    add(store)
    steps = [step(i) for i in range(1, 8)]
    store.record("r1", steps[3:], [(estimate(4), "so it wrote")])
    store.record("r1", steps[:3], [(estimate(0), "")])
    assert store.steps("r1") == steps
    assert store.estimates("r1") == [estimate(0), estimate(4)]
    assert store.samples("r1") == [Sample(4, "so it wrote")]  # nothing was written at step 0


def test_measurements_and_columns_are_one_commit(store: Store) -> None:
    add(store)
    with pytest.raises(sqlite3.IntegrityError):
        store.record("r1", [step(1)], step=None)
    assert store.steps("r1") == []
    assert store.run("r1").step == 0


def test_a_step_that_comes_again_takes_the_place_of_the_old_one(store: Store) -> None:
    add(store)
    store.record("r1", [step(1), step(2)])
    store.record("r1", [step(2)], step=2)
    assert store.steps("r1") == [step(1), step(2)]


def test_a_rewind_forgets_what_came_later(store: Store) -> None:
    for run_id in ("r1", "r2"):
        add(store, run_id)
        store.record(run_id, [step(i) for i in range(1, 6)], [(estimate(i), "") for i in (0, 3, 4)])
    store.rewind("r1", 3)
    assert [s.step for s in store.steps("r1")] == [1, 2, 3]
    assert [e.step for e in store.estimates("r1")] == [0, 3]
    assert len(store.steps("r2")) == 5
    store.rewind("r1", -1)
    assert (store.steps("r1"), store.estimates("r1")) == ([], [])


def test_a_past_is_copied_up_to_a_step(store: Store) -> None:
    for run_id in ("r1", "r2"):
        add(store, run_id)
    store.record("r1", [step(i) for i in range(1, 6)], [(estimate(i), f"t{i}") for i in (0, 4)])
    store.copy_past("r1", "r2", 3)
    assert store.steps("r2") == [step(1), step(2), step(3)]
    assert store.samples("r2") == [Sample(0, "t0")]


@pytest.mark.parametrize("at_most", [1, 10, 33, 100, 1000])
def test_thinned_steps_keep_the_first_and_the_last(store: Store, at_most: int) -> None:
    add(store)
    assert store.steps("r1", at_most=at_most) == []
    store.record("r1", [step(i) for i in range(1, 101)])
    thinned = [s.step for s in store.steps("r1", at_most=at_most)]
    assert thinned[0] == 1 and thinned[-1] == 100
    assert thinned == sorted(set(thinned))
    assert len(thinned) <= at_most + 2


def test_events_keep_their_order(store: Store) -> None:
    add(store)
    happened = [Resumed(3), EndMoved(40, 60), Finished()]
    for what in happened:
        store.add_event("r1", 5, what)
    assert [(e.step, e.what) for e in store.events("r1")] == [(5, what) for what in happened]


def test_a_deleted_run_leaves_no_rows(store: Store, tmp_path: Path) -> None:
    for run_id in ("r1", "r2"):
        add(store, run_id)
        store.record(run_id, [step(1)], [(estimate(0), "")])
        store.add_event(run_id, 1, Finished())
    store.delete_run("r1")
    db = sqlite3.connect(tmp_path / "lab.sqlite")
    for table in ("steps", "estimates", "events"):
        assert db.execute(f"SELECT DISTINCT run_id FROM {table}").fetchall() == [("r2",)]
    db.close()


# --- one file, many users -------------------------------------------------------------------------


def test_another_schema_is_refused_with_both_numbers(store: Store, tmp_path: Path) -> None:
    add(store)
    db = sqlite3.connect(tmp_path / "lab.sqlite")
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(RunError, match=f"schema 99, expected {SCHEMA_VERSION}"):
        Store(tmp_path / "lab.sqlite")


def test_a_registry_is_opened_again_as_it_was(store: Store, tmp_path: Path) -> None:
    record = add(store)
    assert Store(tmp_path / "lab.sqlite").run("r1") == record


def in_threads(jobs: list[Any]) -> list[BaseException]:
    """Run the jobs at once; what they raised."""
    raised: list[BaseException] = []
    gate = threading.Barrier(len(jobs))

    def guarded(job: Any) -> None:
        try:
            gate.wait(10.0)
            job()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    return raised


def test_a_new_lab_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    for attempt in range(5):
        path = tmp_path / f"{attempt}.sqlite"
        assert in_threads([lambda path=path: Store(path)] * 6) == []


def test_readers_and_writers_do_not_disturb_each_other(store: Store, tmp_path: Path) -> None:
    n_steps = 25
    for run_id in ("r1", "r2"):
        add(store, run_id)

    def write(run_id: str) -> None:
        for i in range(1, n_steps + 1):
            store.record(run_id, [step(i)], [(estimate(i), "")], step=i)

    def read() -> None:
        own = Store(tmp_path / "lab.sqlite")
        for _ in range(n_steps):
            for record in own.runs():
                # Rows and columns are one commit, so that no reader sees one without the other.
                assert len(own.steps(record.id)) >= record.step
                assert len(own.estimates(record.id)) >= record.step

    assert in_threads([lambda: write("r1"), lambda: write("r2"), read, read]) == []
    assert [record.step for record in store.runs()] == [n_steps, n_steps]


@pytest.mark.parametrize("number", [None, float("nan"), float("inf"), -5.0, 1e300])
def test_a_number_that_cannot_be_is_neither_written_nor_read(
    store: Store, number: float | None
) -> None:
    add(store)
    broken = replace(step(2), loss_nats=number)
    store.record("r1", [step(1), broken], [(Estimate(2, number, 1.0), "")])  # type: ignore[arg-type]
    assert (store.steps("r1"), store.estimates("r1")) == ([step(1)], [])
    if number is not None and number == number:
        with store._transaction() as db:
            db.execute("UPDATE steps SET loss = ?", (number,))
    assert store.steps("r1") == [] or number is None or number != number


def test_a_file_that_is_no_registry_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite"
    path.write_bytes(b"a shopping list, not a database\n" * 200)
    with pytest.raises(RegistryDamaged, match="file is not a database"):
        Store(path)
    assert path.read_bytes().startswith(b"a shopping list")
