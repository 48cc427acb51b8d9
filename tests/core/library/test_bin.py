"""The bin and the disk: what is deleted can come back, and what is freed was not needed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.errors import RunError
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.disk import clean_run, disk_use
from core.runs.lab import MAX_RUN_NAME, Lab
from core.storage.checkpoint import CheckpointFolder
from core.storage.names import numbered
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from tests.helpers import (
    CommandLine,
    assert_equal_states,
    assert_same_run,
    checkpoint_state,
    checkpoint_steps,
    files_under,
    small_run,
    train,
    trained,
    what_it_measured,
)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def everything_of(lab: Lab, run_id: str) -> tuple[object, ...]:
    folder = lab.home.run_folder(run_id)
    events = lab.store.events(run_id)
    return what_it_measured(lab, run_id), events, lab.store.health(run_id), files_under(folder)


# --- the bin --------------------------------------------------------------------------------------


def test_a_run_comes_back_from_the_bin_as_it_was(lab: Lab, corpus: Corpus) -> None:
    run_id, other = trained(lab, corpus, name="owl"), trained(lab, corpus, name="fox")
    before, record = everything_of(lab, run_id), lab.run(run_id)
    binned = lab.bin_run("owl")
    assert (binned.id, binned.name) == (run_id, "owl")
    assert [r.id for r in lab.runs()] == [other] and lab.deleted_runs() == [binned]
    assert time.time() - 60 < (binned.deleted_at or 0) <= time.time()
    for wanted in ("owl", run_id):
        with pytest.raises(RunError, match=r"no run .*lists those"):
            lab.run(wanted)
    assert lab.restore_run("owl") == record
    assert everything_of(lab, run_id) == before and lab.deleted_runs() == []
    with pytest.raises(RunError, match="no run 'owl' in the bin"):
        lab.restore_run("owl")


def test_a_name_is_free_while_its_run_is_in_the_bin(lab: Lab, corpus: Corpus) -> None:
    old = lab.bin_run(small_run(lab, corpus, name="owl")).id
    older = lab.bin_run(small_run(lab, corpus, name="owl")).id
    new = small_run(lab, corpus, name="owl")
    assert lab.restore_run(old).name == "owl-2"
    assert lab.restore_run("owl").id == older and lab.run(older).name == "owl-3"
    assert lab.run("owl").id == new


def test_by_its_name_the_run_that_was_deleted_last_comes_back(lab: Lab, corpus: Corpus) -> None:
    first, second = (small_run(lab, corpus, name=name) for name in ("owl", "fox"))
    lab.bin_run(second)
    lab.store.rename_run(first, "fox")
    lab.bin_run(first)
    assert [run.id for run in lab.deleted_runs()] == [first, second]
    assert lab.restore_run("fox").id == first


def test_a_number_makes_a_long_name_no_longer() -> None:
    name = "x" * MAX_RUN_NAME
    assert numbered(name, {name}.__contains__, MAX_RUN_NAME) == "x" * (MAX_RUN_NAME - 2) + "-2"
    assert numbered("owl", {"owl", "owl-2"}.__contains__, MAX_RUN_NAME) == "owl-3"
    assert numbered("owl", {"fox"}.__contains__, MAX_RUN_NAME) == "owl"


@pytest.mark.usefixtures("impatient")
def test_a_run_that_is_being_trained_is_not_put_into_the_bin(lab: Lab, corpus: Corpus) -> None:
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus))
    with pytest.raises(RunError, match="is being trained"):
        lab.bin_run(run.id)
    run.close()
    lab.bin_run(run.id)
    with pytest.raises(RunError, match="There is no run"):
        ActiveRun.open(lab.home, lab.store, run.id)


def test_an_emptied_bin_leaves_nothing_and_takes_nothing_else(lab: Lab, corpus: Corpus) -> None:
    stays, goes, newer = (trained(lab, corpus) for _ in range(3))
    for run_id in (goes, newer):
        lab.bin_run(run_id)
    lab.store.update_run(goes, deleted_at=time.time() - 100)
    assert [run.id for run in lab.empty_bin(older_than_s=50)] == [goes]
    assert {path.name for path in lab.home.runs.iterdir()} == {stays, newer}
    assert lab.store.steps(goes) == [] and len(lab.store.steps(newer)) == 40
    assert [run.id for run in lab.empty_bin()] == [newer]
    assert [path.name for path in lab.home.runs.iterdir()] == [stays]
    assert lab.empty_bin() == [] and len(lab.runs()) == 1


def test_a_run_that_is_taken_out_at_the_last_moment_is_not_deleted(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = trained(lab, corpus)
    in_the_bin = [lab.bin_run(run_id)]
    lab.restore_run(run_id)
    monkeypatch.setattr(lab, "deleted_runs", lambda: in_the_bin)
    assert lab.empty_bin() == []
    assert len(lab.store.steps(run_id)) == 40 and checkpoint_steps(lab, run_id)


def test_of_two_who_empty_the_bin_at_once_one_leaves_nothing_of_the_other(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_bin = [lab.bin_run(trained(lab, corpus))]
    assert lab.empty_bin() == in_the_bin
    monkeypatch.setattr(lab, "deleted_runs", lambda: in_the_bin)
    assert lab.empty_bin() == [] and [*lab.home.runs.iterdir()] == []


def test_while_a_run_is_deleted_for_good_nobody_takes_it_for_one(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = lab.bin_run(trained(lab, corpus)).id
    folder, unlink = lab.home.run_folder(run_id), Path.unlink
    looks: list[list[RunRecord]] = []

    def slowly(path: Path, missing_ok: bool = False) -> None:
        if path.parent == folder and not path.name.startswith("."):
            again = Lab(lab.home.path)
            looks.append([*again.runs(), *again.deleted_runs()])
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", slowly)
    lab.empty_bin()
    assert len(looks) > 3 and not any(looks) and not folder.exists()


# --- the disk -------------------------------------------------------------------------------------


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_runs_take_is_counted_the_bin_too(lab: Lab, corpus: Corpus) -> None:
    runs = [trained(lab, corpus), trained(lab, corpus, "transformer"), small_run(lab, corpus)]
    lab.bin_run(runs[1])
    use = disk_use(lab)
    assert {each.run.id: each.size_bytes for each in use.runs} == {
        run_id: size_of(lab.home.run_folder(run_id)) for run_id in runs
    }
    assert use.total_bytes == size_of(lab.home.runs)
    assert use.bin_bytes == size_of(lab.home.run_folder(runs[1])) > 0


def test_cleaning_frees_what_was_promised_and_leaves_last_and_best(
    lab: Lab, corpus: Corpus, best_at_20: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.active_run.MIN_CHECKPOINT_INTERVAL_S", 0.0)
    monkeypatch.setattr("core.runs.active_run.CHECKPOINT_COST_FACTOR", 0.0)
    run_id = trained(lab, corpus, "attention", name="owl")
    folder = lab.home.run_folder(run_id)
    (folder / ".checkpoint-000000033.pt.99.tmp").write_bytes(b"left by a killed writer")
    assert len(checkpoint_steps(lab, run_id)) > 2 and SnapshotFolder(folder).steps()
    states = [checkpoint_state(lab, run_id, step) for step in (20, 40)]
    before, spare = size_of(folder), disk_use(lab).spare_bytes
    assert clean_run(lab, "owl") == before - size_of(folder) == spare > 0
    assert checkpoint_steps(lab, run_id) == [20, 40]
    assert {path.name for path in folder.iterdir()} == {
        "lock", "run.json", "measured.jsonl", "checkpoint-000000020.pt", "checkpoint-000000040.pt"
    }  # fmt: skip
    for step, state in zip((20, 40), states):
        assert_equal_states(checkpoint_state(lab, run_id, step), state)
    record = lab.run(run_id)
    assert (lab.model(record, "best").step, lab.model(record, "last").step) == (20, 40)
    assert clean_run(lab, "owl") == 0


def test_of_a_run_without_a_checkpoint_nothing_can_be_freed(lab: Lab, corpus: Corpus) -> None:
    """Its snapshots are all that there is to look at."""
    run_id = trained(lab, corpus, name="owl")
    folder = lab.home.run_folder(run_id)
    for step in checkpoint_steps(lab, run_id):
        CheckpointFolder(folder).path(step).unlink()
    assert disk_use(lab).spare_bytes == clean_run(lab, "owl") == 0
    assert SnapshotFolder(folder).steps()


def test_a_cleaned_run_goes_on_as_if_it_had_not_been(lab: Lab, corpus: Corpus) -> None:
    whole, cleaned = (small_run(lab, corpus, "transformer") for _ in range(2))
    train(lab, cleaned, until=17)
    clean_run(lab, cleaned)
    for run_id in (whole, cleaned):
        train(lab, run_id)
    assert_same_run(lab, whole, cleaned)


def test_with_a_damaged_last_checkpoint_the_others_stay(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus)
    for until in (5, 15, 25):
        train(lab, run_id, until=until)
    folder = lab.home.run_folder(run_id)
    (folder / "checkpoint-000000025.pt").write_bytes(b"spoiled")
    readable = [step for step in checkpoint_steps(lab, run_id) if step < 25]
    clean_run(lab, run_id)
    assert {readable[-1], 25} <= set(checkpoint_steps(lab, run_id))
    for path in folder.glob("*.pt"):
        path.write_bytes(b"spoiled")
    kept = checkpoint_steps(lab, run_id)
    clean_run(lab, run_id)
    assert checkpoint_steps(lab, run_id) == kept


@pytest.mark.usefixtures("impatient")
def test_a_run_that_is_being_trained_is_not_cleaned(
    lab: Lab, corpus: Corpus, cli: CommandLine
) -> None:
    done = trained(lab, corpus, name="owl")
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus, name="fox"))
    with pytest.raises(RunError, match="Run fox is being trained"):
        clean_run(lab, run.id)
    assert "Run fox is being trained" in cli.refused("runs", "clean", "fox")
    fields = cli.ok("runs", "clean", "--all")
    assert [row["run"] for row in fields["runs"]] == [done] and fields["freed_bytes"] > 0
    assert "Run fox is being trained" in cli.stderr
    run.close()


# --- the command line -----------------------------------------------------------------------------


def test_delete_restore_and_empty_from_the_command_line(
    lab: Lab, corpus: Corpus, cli: CommandLine
) -> None:
    run_id = trained(lab, corpus, name="owl")
    [row] = cli.ok("runs", "delete", "owl")["runs"]
    assert (row["run"], row["name"]) == (run_id, "owl")
    assert f"owl is in the bin; `python -m core runs restore {run_id}`" in cli.stderr
    assert cli.ok("runs") == {"runs": []}
    assert "no run 'owl'" in cli.refused("runs", "delete", "owl")
    assert cli.ok("runs", "restore", "owl")["runs"][0]["run"] == run_id
    cli.ok("runs", "delete", run_id)
    assert cli.ok("runs", "empty_bin", "--older_than_s", "3600")["runs"] == []
    size = size_of(lab.home.run_folder(run_id))
    fields = cli.ok("runs", "empty_bin")
    assert fields == {"runs": [{"run": run_id, "name": "owl"}], "freed_bytes": size}
    assert not lab.home.run_folder(run_id).exists()
    assert "no run 'owl' in the bin" in cli.refused("runs", "restore", "owl")


def test_disk_and_clean_from_the_command_line(lab: Lab, corpus: Corpus, cli: CommandLine) -> None:
    kept, binned = trained(lab, corpus, name="owl"), trained(lab, corpus, name="fox")
    lab.bin_run(binned)
    sizes = {run_id: size_of(lab.home.run_folder(run_id)) for run_id in (kept, binned)}
    fields = cli.ok("runs", "disk")
    assert fields["total_bytes"] == sum(sizes.values()) and fields["bin_bytes"] == sizes[binned]
    assert [(r["run"], r["name"], r["bytes"], r["in_bin"]) for r in fields["runs"]] == [
        (kept, "owl", sizes[kept], False),
        (binned, "fox", sizes[binned], True),
    ]
    spare = fields["runs"][0]["spare_bytes"]
    assert cli.ok("runs", "clean", "owl") == {
        "runs": [{"run": kept, "name": "owl", "freed_bytes": spare}],
        "freed_bytes": spare,
    }
    assert "Freed 0." in cli.stderr and cli.stderr.endswith(" MiB.\n")
    assert "RUN --all is required" in cli.refused("runs", "clean")
