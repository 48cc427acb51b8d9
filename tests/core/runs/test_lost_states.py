"""A run whose checkpoints are gone keeps its curve: it is neither begun anew nor given weights."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from core.errors import CheckpointError
from core.exchange.archive import open_run_file, pack_run
from core.runs.active_run import ActiveRun
from core.runs.branch import branch_run
from core.runs.lab import Lab
from core.runs.private_copy import PrivateCopy
from core.storage.checkpoint import CheckpointFolder
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from tests.helpers import (
    CommandLine,
    killed_run,
    small_run,
    train,
    trained,
    what_it_measured,
)


def lose_checkpoints(lab: Lab, run_id: str) -> None:
    folder = CheckpointFolder(lab.home.run_folder(run_id))
    for step in folder.steps():
        folder.path(step).unlink()


@pytest.mark.parametrize("what", ["checkpoints", "folder"])
def test_commands_refuse_a_run_whose_states_are_gone(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    cli, run_id = CommandLine(capsys), trained(lab, corpus, name="owl")
    if what == "checkpoints":
        lose_checkpoints(lab, run_id)
    else:
        shutil.rmtree(lab.home.run_folder(run_id))
    before = lab.store.run(run_id), what_it_measured(lab, run_id)
    for command in (
        ("resume", "owl", "--max_iters", 80),
        ("eval", "owl"),
        ("generate", "owl", "--max_new_tokens", 5),
        ("export", "owl", "--format", "safetensors", "--out", str(lab.home.path / "out")),
        ("inspect", "step", "owl"),
    ):
        said = cli.refused(*command)
        assert "reached step 40 and has no checkpoint any more" in said
        assert "Its curve is kept" in said and str(lab.home.run_folder(run_id)) in said
        assert ("snapshots to look at" in said) == (what == "checkpoints")
    assert (lab.store.run(run_id), what_it_measured(lab, run_id)) == before
    assert cli.code("runs", "show", "owl") == 0
    assert len(cli.ok("runs")["runs"]) == 1
    if what == "checkpoints":
        assert cli.ok("eval", "owl", "--at", 40)["iter"] == 40


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def test_a_run_whose_states_are_damaged_is_not_said_to_be_saved(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    cli, run_id = CommandLine(capsys), train(lab, small_run(lab, corpus, name="owl"), until=25)
    train(lab, run_id, until=35)
    folder = CheckpointFolder(lab.home.run_folder(run_id))
    *_, before, newest = folder.steps()
    assert lab.lost_text(lab.run(run_id)) == ""
    spoil(folder.path(newest))
    said = lab.lost_text(lab.run(run_id))
    assert said == (
        f"The checkpoint of step {newest} is damaged, and in no file that is shared. It would go "
        f"on from step {before}. Put a whole copy back into {lab.home.run_folder(run_id)}."
    )
    cli.ok("runs", "show", "owl")
    assert said in cli.stderr
    for step in folder.steps():
        spoil(folder.path(step))
    spoil(SnapshotFolder(lab.home.run_folder(run_id)).path(0))
    said = lab.lost_text(lab.run(run_id))
    assert " and the snapshot of step 0 are damaged" in said
    assert "No whole checkpoint is left to go on from; its curve is kept." in said


def test_a_snapshot_stands_in_for_a_damaged_checkpoint_on_pages_and_says_so(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    cli, run_id = CommandLine(capsys), trained(lab, corpus, "transformer", name="owl")
    record, folder = lab.run(run_id), lab.home.run_folder(run_id)
    spoil(CheckpointFolder(folder).path(record.best_step))
    assert record.best_step in SnapshotFolder(folder).steps()
    for moment in ("best", record.best_step):
        looked_at = lab.model_at(record, moment)
        assert looked_at.step == record.best_step
        assert looked_at.origin.startswith(f"snapshot, step {record.best_step}, as its checkpoint")
    # What is measured and written elsewhere is not that of numbers rounded to half precision.
    said = cli.refused("eval", "owl")
    assert f"or look at its snapshot of step {record.best_step} (--at {record.best_step})" in said
    assert cli.ok("eval", "owl", "--at", record.best_step)["iter"] == record.best_step
    SnapshotFolder(folder).path(record.best_step).unlink()
    with pytest.raises(CheckpointError, match="look at its snapshot of step"):
        lab.model_at(record, "best")


def test_a_killed_run_whose_checkpoints_are_gone_is_not_begun_anew(
    lab: Lab, corpus: Corpus
) -> None:
    run_id = killed_run(lab, corpus)
    lose_checkpoints(lab, run_id)
    before = lab.store.run(run_id), what_it_measured(lab, run_id)
    for look in (lambda: PrivateCopy.of_run(lab, before[0]), lambda: lab.model(before[0])):
        with pytest.raises(CheckpointError, match="no checkpoint any more"):
            look()
    with pytest.raises(CheckpointError, match="no checkpoint any more"):
        ActiveRun.open(lab.home, lab.store, run_id)
    assert (lab.store.run(run_id), what_it_measured(lab, run_id)) == before


def test_a_run_killed_before_it_was_ever_saved_still_begins_again(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.advance(60.0, until=3)
    run.set_status("running")
    run.close()
    assert lab.model(lab.run(run_id)).origin == "untrained, step 0"
    assert lab.run(train(lab, run_id)).status == "finished"


def test_where_the_newest_checkpoint_is_gone_the_one_before_is_taken_and_that_is_said(
    lab: Lab, corpus: Corpus
) -> None:
    run_id = train(lab, small_run(lab, corpus), until=15)
    train(lab, run_id, until=25)
    folder = CheckpointFolder(lab.home.run_folder(run_id))
    folder.path(25).unlink()
    before = folder.steps()[-1]
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.close()
    assert run.resumed_from == before < 25
    assert "The checkpoint of step 25 is not there any more." in run.notes


@pytest.mark.parametrize("status", ["finished", "interrupted"])
def test_a_run_file_without_a_checkpoint_opens_for_its_curve_alone(
    lab: Lab, corpus: Corpus, tmp_path: Path, status: str
) -> None:
    run_id = small_run(lab, corpus, name="owl")
    train(lab, run_id, until=None if status == "finished" else 15)
    path = pack_run(lab, lab.run(run_id), tmp_path)
    bare = tmp_path / "bare.run.zip"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(bare, "w") as other:
        for name in whole.namelist():
            if not name.startswith("checkpoint-"):
                content = whole.read(name).replace(
                    b'"checkpoint_iter": 40', b'"checkpoint_iter": 0'
                )
                other.writestr(name, content)
    opened = open_run_file(lab, bare)
    before = what_it_measured(lab, opened.id)
    with pytest.raises(CheckpointError, match="no checkpoint any more"):
        ActiveRun.open(lab.home, lab.store, opened.id)
    assert what_it_measured(lab, opened.id) == before and before["steps"]


def test_a_checkpoint_of_another_run_is_as_good_as_damaged(
    lab: Lab, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one that somebody copied into the wrong folder: whole, and still wrong there."""
    cli = CommandLine(capsys)
    owl, fox = trained(lab, corpus, "transformer", name="owl"), trained(lab, corpus, name="fox")
    theirs = CheckpointFolder(lab.home.run_folder(fox)).path(40)
    ours = CheckpointFolder(lab.home.run_folder(owl))
    for step in ours.steps():
        shutil.copy(theirs, ours.path(step))
    for command in (("eval", "owl"), ("generate", "owl"), ("resume", "owl", "--max_iters", 50),
                    ("inspect", "heads", "owl")):  # fmt: skip
        assert "is of another run than owl" in cli.refused(*command)
    with pytest.raises(CheckpointError, match="is of another run"):
        PrivateCopy.of_run(lab, lab.run(owl))
    told: list[str] = []
    opened = open_run_file(lab, pack_run(lab, lab.run(owl), tmp_path, told.append))
    assert "damaged, or of another run or step, and so not in the file" in told[0]
    assert what_it_measured(lab, opened.id) == what_it_measured(lab, owl)


def test_a_state_under_the_name_of_another_step_is_as_good_as_damaged(
    lab: Lab, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli, owl = CommandLine(capsys), trained(lab, corpus, name="owl")
    folder = lab.home.run_folder(owl)
    checkpoints, snapshots = CheckpointFolder(folder), SnapshotFolder(folder)
    right = cli.ok("eval", "owl")["val_loss"]
    shutil.copy(checkpoints.path(40), checkpoints.path(90))
    shutil.copy(snapshots.path(1), snapshots.path(16))
    assert "or of another step" in cli.refused("eval", "owl", "--at", 16)
    opened = open_run_file(lab, pack_run(lab, lab.run(owl), tmp_path))
    assert cli.ok("eval", opened.id)["val_loss"] == right
    cli.ok("resume", "owl", "--max_iters", 50)
    assert "checkpoint-000000090.pt is of another run than owl, or of another step" in cli.stderr
    assert len(lab.store.steps(owl)) == 50


def test_a_branch_passes_over_a_checkpoint_of_another_run(lab: Lab, corpus: Corpus) -> None:
    owl, fox = trained(lab, corpus, "transformer", name="owl"), trained(lab, corpus, name="fox")
    theirs = CheckpointFolder(lab.home.run_folder(fox)).path(40)
    shutil.copy(theirs, CheckpointFolder(lab.home.run_folder(owl)).path(40))
    child = branch_run(lab, lab.run(owl), 40, {})
    assert what_it_measured(lab, child.id)["steps"] == what_it_measured(lab, owl)["steps"]
