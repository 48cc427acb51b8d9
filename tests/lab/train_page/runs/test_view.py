"""The runs view: every control does what it says, and what goes wrong is said and loses nothing."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.exchange.archive import open_run, packed
from core.exchange.export_import import export_run
from core.records.events import ModelImported, RunFileOpened
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.branch import enter_branch
from core.runs.disk import disk_use
from core.runs.lab import Lab
from core.service.service import training_service
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from lab.train_page.runs import view as runs_view
from lab.train_page.runs.table import CHANGED, DISK, LOSS, PARAMETERS, changes, table
from tests.core.exchange.test_formats import nanogpt, nanogpt_file
from tests.helpers import (
    PATIENCE_S,
    add_corpus,
    checkpoint_steps,
    filled,
    play,
    small_run,
    train,
    trained,
    wait_until,
)
from tests.pages import pages

__all__ = ["pages"]

VIEW = "from lab.train_page.runs.view import render_runs_view\nrender_runs_view()"


@pytest.fixture(autouse=True)
def brief_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)


@pytest.fixture
def tiny(pages: Lab) -> Corpus:
    return add_corpus(pages, "tiny", play(3_000))


def hen_fox_and_owl(lab: Lab) -> list[str]:
    tiny = add_corpus(lab, "tiny", play(3_000))
    owl = trained(lab, tiny, "bigram", name="owl")
    fox = trained(lab, tiny, "bigram", name="fox", learning_rate=0.02)
    hen = trained(lab, tiny, "attention", name="hen", block_size=16)
    return [hen, fox, owl]


@pytest.fixture
def three(pages: Lab) -> list[str]:
    """Ids of three finished runs, the newest first: hen, fox, owl."""
    return filled(pages, hen_fox_and_owl)


def open_view() -> AppTest:
    app = AppTest.from_string(VIEW, default_timeout=PATIENCE_S).run()
    assert not app.exception
    return app


def rows(app: AppTest) -> list[str]:
    """The names in the table, from top to bottom."""
    return list(app.dataframe[0].value["Name"])


def select(app: AppTest, name: str) -> None:
    app.session_state[app.dataframe[0].key] = {
        "selection": {"rows": [rows(app).index(name)], "columns": [], "cells": []}
    }
    app.run()
    assert not app.exception


def click(app: AppTest, key: str) -> None:
    app.button(key=f"runs_{key}").click().run()
    assert not app.exception


def keys(app: AppTest) -> set[str]:
    """The buttons that can be pressed."""
    return {(b.key or "").removeprefix("runs_") for b in app.button if not b.disabled}


def said(app: AppTest) -> str:
    """What came of the last deed, as one reads it."""
    (box,) = [*app.success, *app.error]
    return str(box.value).replace("\\", "")


def facts(app: AppTest) -> str:
    """The line that names the selected run."""
    return next(str(m.value) for m in app.markdown if "**" in str(m.value)).replace("\\", "")


# --- looking --------------------------------------------------------------------------------------


def test_an_empty_lab_says_what_will_stand_here_and_leads_to_a_run(pages: Lab) -> None:
    app = open_view()
    assert "There is no run yet" in app.caption[0].value
    assert "Name" in app.dataframe[0].value.columns and rows(app) == []
    assert any("Nothing yet" in caption.value for caption in app.caption)
    click(app, "first")
    assert app.session_state["train_wanted_view"] == "run"


def test_the_table_shows_every_run_the_newest_first(pages: Lab, three: list[str]) -> None:
    app = open_view()
    assert rows(app) == ["hen", "fox", "owl"]
    shown = app.dataframe[0].value
    records = [pages.run(run_id) for run_id in three]
    assert list(shown[LOSS]) == [record.best_val_loss_nats for record in records]
    assert list(shown[PARAMETERS]) == [record.n_params for record in records]
    sizes = {each.run.id: each.size_bytes / 2**20 for each in disk_use(pages).runs}
    assert list(shown[DISK]) == [sizes[run_id] for run_id in three]
    assert list(shown[CHANGED]) == ["", "learning rate 0.01 → 0.02", ""]
    assert list(shown["Step"]) == ["40 of 40"] * 3 and set(shown["Status"]) == {"finished"}


def test_a_click_on_a_row_selects_its_run(pages: Lab, three: list[str]) -> None:
    app = open_view()
    assert "**hen** · attention" in facts(app)
    select(app, "owl")
    assert "**owl** · bigram · step 40 of 40" in facts(app)
    small_run(pages, pages.library.load("tiny"), name="new")
    app.run()
    assert rows(app) == ["new", "hen", "fox", "owl"] and "**owl**" in facts(app)


def test_the_search_leaves_what_it_finds(pages: Lab, three: list[str]) -> None:
    app = open_view()
    app.text_input(key="runs_search").set_value("block_size 16").run()
    assert rows(app) == ["hen"]
    app.text_input(key="runs_search").set_value("bigram").run()
    assert rows(app) == ["fox", "owl"] and "**fox**" in facts(app)
    app.text_input(key="runs_search").set_value("*dodo*").run()
    assert not app.dataframe and "None of the 3 runs" in app.info[0].value
    assert "open" not in keys(app)


def test_no_button_moves_when_a_run_begins_or_ends(pages: Lab, three: list[str]) -> None:
    def row() -> list[str]:
        return [b.label for b in open_view().button if b.label != "Undo"][:4]

    places = ["Open", "Resume", "Finish", "Delete"]
    for status in ("finished", "running", "paused", "failed", "queued"):
        pages.store.update_run(three[2], status=status)
        assert row() == places, status


def test_all_that_was_changed_is_said_of_the_selected_run(pages: Lab, three: list[str]) -> None:
    app = open_view()
    select(app, "fox")
    said = " ".join(caption.value for caption in app.caption).replace("\\", "")
    assert "Changed since the run before: learning rate 0.01 → 0.02." in said
    select(app, "owl")
    said = " ".join(caption.value for caption in app.caption).replace("\\", "")
    assert "Changed since the run before: it is the first of its model on this text." in said


def test_open_leads_to_the_view_of_one_run(pages: Lab, three: list[str]) -> None:
    app = open_view()
    select(app, "fox")
    click(app, "open")
    assert app.session_state["chosen_run"] == three[1]
    assert app.session_state["train_wanted_view"] == "run"


def test_a_name_is_never_markdown(pages: Lab, tiny: Corpus) -> None:
    trained(pages, tiny, name="*owl* $x$")
    app = open_view()
    assert rows(app) == ["*owl* $x$"]
    (line,) = [m.value for m in app.markdown if "bigram" in m.value]
    assert r"\*owl\* \$x\$" in line
    click(app, "delete")
    assert app.success[0].value == r"Deleted \*owl\* \$x\$\."


# --- doing ----------------------------------------------------------------------------------------


def test_a_run_is_renamed_and_a_name_that_is_taken_is_refused(pages: Lab, three: list[str]) -> None:
    app = open_view()
    select(app, "fox")

    def rename(name: str) -> None:
        (box,) = [box for box in app.text_input if (box.key or "").startswith("runs_name_")]
        box.set_value(name)
        click(app, "rename")

    rename("owl")
    assert app.error and "already a run 'owl'" in said(app)
    assert pages.run(three[1]).name == "fox"
    select(app, "hen")
    assert not app.error, "a refusal was about the run that was selected"
    select(app, "fox")
    rename("  wolf ")
    assert said(app) == "fox is now called wolf." and rows(app) == ["hen", "wolf", "owl"]
    (box,) = [box for box in app.text_input if (box.key or "").startswith("runs_name_")]
    assert box.value == "wolf"


def test_a_deleted_run_can_be_had_back_until_the_next_deed(pages: Lab, three: list[str]) -> None:
    app = open_view()
    select(app, "fox")
    click(app, "delete")
    assert said(app) == "Deleted fox." and rows(app) == ["hen", "owl"]
    app.text_input(key="runs_search").set_value("o").run()
    assert said(app) == "Deleted fox."  # looking around is no deed
    app.text_input(key="runs_search").set_value("").run()
    click(app, "undo")
    assert said(app) == "fox is back." and rows(app) == ["hen", "fox", "owl"]
    assert "**fox**" in facts(app) and "undo" not in keys(app)


@pytest.mark.parametrize("key", ["delete", "rename", "open"])
def test_a_run_that_was_deleted_elsewhere_lends_its_button_to_no_other(
    pages: Lab, three: list[str], key: str
) -> None:
    app = open_view()
    select(app, "fox")
    pages.bin_run(three[1])  # in another tab, or by the command line
    click(app, key)
    assert app.error and "Nothing was done: the run that stood here" in said(app)
    assert {run.name for run in pages.runs()} == {"owl", "hen"}
    assert len(pages.deleted_runs()) == 1
    click(app, "delete")  # what is shown now can be deleted
    assert len(pages.deleted_runs()) == 2


def test_the_bin_gives_back_the_chosen_run_or_is_emptied(pages: Lab, three: list[str]) -> None:
    app = open_view()
    for name in ("fox", "owl"):
        select(app, name)
        click(app, "delete")
    assert app.selectbox(key="runs_binned").options == ["owl · bigram", "fox · bigram"]
    app.selectbox(key="runs_binned").set_value(three[1]).run()
    click(app, "restore")
    assert said(app) == "fox is back." and rows(app) == ["hen", "fox"]
    assert any("deletes one run for good" in m.value for m in app.markdown)
    click(app, "empty")
    assert said(app) == "Deleted for good: owl." and pages.deleted_runs() == []
    assert not pages.home.run_folder(three[2]).exists() and pages.home.run_folder(three[1]).exists()
    assert {"restore", "empty"}.isdisjoint(keys(app))


def test_what_came_into_the_bin_unseen_is_not_deleted_with_the_rest(
    pages: Lab, three: list[str]
) -> None:
    """By the command line, or in another tab: "This deletes one run for good" was on the screen."""
    hen, fox, owl = three
    pages.bin_run(owl)
    app = open_view()
    pages.bin_run(fox)
    click(app, "empty")
    assert [run.id for run in pages.deleted_runs()] == [fox]
    click(app, "empty")
    assert pages.deleted_runs() == [] and [run.id for run in pages.runs()] == [hen]


def test_a_run_in_hand_is_finished_before_it_is_deleted(pages: Lab, tiny: Corpus) -> None:
    run_id = train(pages, small_run(pages, tiny, name="owl", max_iters=100_000), until=5)
    app = open_view()
    click(app, "resume")
    assert said(app) == "owl goes on from step 5."
    assert "resume" not in keys(app)
    click(app, "delete")
    assert app.error and "owl is in training here" in said(app)
    assert pages.run(run_id).status == "running"
    click(app, "finish")
    wait_until(lambda: pages.run(run_id).status == "finished", "it ends")
    app.run()
    assert "resume" in keys(app)  # it ended early, and can go on
    click(app, "delete")
    assert said(app) == "Deleted owl." and pages.runs() == []


def test_a_finished_run_is_not_resumed(pages: Lab, three: list[str]) -> None:
    assert {"resume", "finish"}.isdisjoint(keys(open_view()))


def test_a_run_that_cannot_be_resumed_says_why(pages: Lab, tiny: Corpus) -> None:
    run_id = train(pages, small_run(pages, tiny), until=5)
    pages.library.path("tiny").unlink()
    app = open_view()
    click(app, "resume")
    assert app.error and "is gone" in said(app)
    assert pages.run(run_id).status == "interrupted"


@pytest.mark.usefixtures("impatient")
def test_what_another_process_trains_is_not_deleted(pages: Lab, tiny: Corpus) -> None:
    run = ActiveRun.open(pages.home, pages.store, small_run(pages, tiny, name="owl"))
    app = open_view()
    click(app, "delete")
    assert app.error and "is being trained by another process" in said(app)
    run.close()
    assert [record.name for record in pages.runs()] == ["owl"]


def test_sharing_packs_a_run_when_it_is_asked_for(
    pages: Lab, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    given: list[tuple[Any, ...]] = []
    monkeypatch.setattr(runs_view, "packed", lambda *a: (made.append(a), packed(*a))[1])
    monkeypatch.setattr(st, "download_button", lambda *a, **k: given.append((*a, k)))
    open_view()
    assert made == []
    _, data, name, mime, options = given[-1]
    assert (name, mime, options["disabled"]) == ("hen.run.zip", "application/zip", False)
    assert open_run(pages, io.BytesIO(data()), name).name == "hen-2" and len(made) == 1
    monkeypatch.setattr(runs_view, "MAX_RUN_FILE_BYTES", 10)
    open_view()
    assert given[-1][-1]["disabled"] and "clean it up first" in given[-1][-1]["help"]


def test_a_run_file_becomes_a_run_and_another_file_does_not(pages: Lab, three: list[str]) -> None:
    content = packed(pages, pages.run("fox"))
    app = open_view()
    assert "open_file" not in keys(app)
    assert any("Up to" in c.value and "python -m core import FILE" in c.value for c in app.caption)
    app.file_uploader[0].upload("holiday.zip", b"not a run").run()
    click(app, "open_file")
    assert app.error and "holiday.zip is not a whole run file" in said(app)
    assert len(pages.runs()) == 3
    app.file_uploader[0].set_value(("fox.run.zip", content, "application/zip")).run()
    click(app, "open_file")
    assert said(app) == "Opened fox-2, with 40 steps."
    assert rows(app)[0] == "fox-2" and "**fox-2**" in facts(app)
    assert "open_file" not in keys(app)  # the box is empty again
    assert pages.store.events(pages.run("fox-2").id)[-1].what == RunFileOpened("fox.run.zip")


@pytest.fixture
def nine(pages: Lab) -> Corpus:
    return add_corpus(pages, "nine", "abc, abc! ba: cab.\n" * 60)


def upload(app: AppTest, path: Path) -> None:
    app.file_uploader[0].upload(path.name, path.read_bytes()).run()


def test_nanogpts_checkpoint_becomes_a_run_once_its_text_is_named(
    pages: Lab, three: list[str], nine: Corpus, tmp_path: Path
) -> None:
    app = open_view()
    upload(app, nanogpt_file(tmp_path / "ckpt.pt", nanogpt()))
    assert "open_file" not in keys(app)
    assert app.selectbox(key="runs_import_corpus").options == ["shakespeare", "nine", "tiny"]
    click(app, "import_file")
    assert app.error and "and the corpus shakespeare must have the same characters" in said(app)
    assert "9 and 64" in said(app) and len(pages.runs()) == 3
    app.selectbox(key="runs_import_corpus").select("nine").run()
    app.text_input(key="runs_import_name").set_value("theirs").run()
    click(app, "import_file")
    theirs = pages.run("theirs")
    loss = f"{theirs.val_loss_nats:.3f} nats per character on nine"
    assert said(app) == f"Imported theirs, of step 1,750: {loss}."
    assert rows(app)[0] == "theirs" and "**theirs**" in facts(app)
    assert "import_file" not in keys(app)  # the box is empty again
    imported = pages.store.events(theirs.id)[-1].what
    assert isinstance(imported, ModelImported) and imported.file == "ckpt.pt"


def test_a_safetensors_export_names_its_text_itself(
    pages: Lab, three: list[str], tmp_path: Path
) -> None:
    (path,) = export_run(pages, pages.run("fox"), "safetensors", tmp_path)
    app = open_view()
    upload(app, path)
    assert app.selectbox(key="runs_import_corpus").value is None
    click(app, "import_file")
    back = pages.run(rows(app)[0])
    assert back.corpus == "tiny" and back.config.model == pages.run("fox").config.model


def test_a_file_that_is_no_model_is_refused_in_a_sentence(
    pages: Lab, three: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "notes.pt"
    path.write_bytes(b"PK, but no checkpoint")
    app = open_view()
    upload(app, path)
    click(app, "import_file")
    assert app.error and "notes.pt cannot be read as a checkpoint of nanoGPT" in said(app)
    assert str(tmp_path) not in said(app) and len(pages.runs()) == 3


def test_cleaning_frees_what_the_button_says(pages: Lab, three: list[str]) -> None:
    app = open_view()
    select(app, "fox")
    spare = {each.run.name: each.spare_bytes for each in disk_use(pages).runs}
    assert f"fox: {spare['fox'] / 2**20:.1f} MiB" in app.button(key="runs_clean").label
    click(app, "clean")
    assert said(app) == f"Freed {spare['fox'] / 2**20:.1f} MiB."
    fox, hen = (SnapshotFolder(pages.home.run_folder(pages.run(n).id)) for n in ("fox", "hen"))
    assert fox.steps() == [] != hen.steps()
    assert "clean" not in keys(app)
    click(app, "clean_all")
    assert disk_use(pages).spare_bytes == 0 and len(checkpoint_steps(pages, three[0])) <= 2
    assert {"clean", "clean_all"}.isdisjoint(keys(app))


@pytest.mark.usefixtures("impatient")
def test_cleaning_all_says_which_it_left_alone(pages: Lab, three: list[str]) -> None:
    pages.store.update_run(three[0], config=replace_end(pages.run(three[0])))
    run = ActiveRun.open(pages.home, pages.store, three[0])
    app = open_view()
    click(app, "clean_all")
    assert said(app).startswith("Freed ") and "Run hen is being trained" in said(app)
    run.close()


def replace_end(record: RunRecord) -> Any:
    return replace(record.config, train=replace(record.config.train, max_iters=100))


def test_a_live_run_is_followed(pages: Lab, tiny: Corpus) -> None:
    config = pages.run(small_run(pages, tiny, max_iters=100_000)).config
    run_id = training_service(pages).start(config, tiny, "owl")
    app = open_view()
    assert "running" in set(app.dataframe[0].value["Status"]) and "finish" in keys(app)
    training_service(pages).finish(run_id)
    wait_until(lambda: pages.run(run_id).status == "finished", "it ends")
    app.run()
    assert "running" not in set(app.dataframe[0].value["Status"]) and "finish" not in keys(app)


# --- the table and the search, without a screen ---------------------------------------------------


def test_what_changed_is_said_against_the_run_before_on_the_same_text_or_the_parent(
    pages: Lab, three: list[str], tiny: Corpus
) -> None:
    other = add_corpus(pages, "other", play(3_000, seed=5))
    child = enter_branch(pages, pages.run("owl"), 20, {"learning_rate": 0.03}, "kid")
    elsewhere = small_run(pages, other, "attention", name="elsewhere", n_embd=16)
    last = small_run(pages, tiny, "attention", name="last", n_embd=16, dropout=0.0, batch_size=4,
                     max_iters=41, seed=9, block_size=4)  # fmt: skip
    runs, all_changes = pages.runs(), pages.store.all_changes()
    by_id = {run.id: run for run in runs}
    assert changes(by_id[three[2]], runs, all_changes) == ""
    branched = changes(by_id[child], runs, all_changes)
    assert branched.startswith("branch of owl at step 20: learning rate 0.01 → 0.03")
    assert changes(by_id[elsewhere], runs, all_changes) == ""  # the first on its text
    said = changes(by_id[last], runs, all_changes)
    assert said.startswith("block size 16 → 4, width 8 → 16")
    assert said.endswith(" more, so a quarter of the characters per step")
    assert said.count("→") == 4
    twin = replace(by_id[last], id="twin", created_at=by_id[last].created_at + 1)
    assert changes(twin, [twin, *runs], all_changes) == "nothing"


def test_what_was_changed_on_the_way_is_told_from_what_a_branch_chose(
    pages: Lab, tiny: Corpus
) -> None:
    owl = small_run(pages, tiny, learning_rate=0.01, name="owl")
    run = ActiveRun.open(pages.home, pages.store, owl)
    run.advance(60.0, until=20)
    run.set_learning_rate(0.05)
    run.advance(60.0)
    run.close()
    parent = pages.run(owl)
    branches: dict[str, dict[str, Any]] = {
        "nothing": {},
        "in owl learning rate 0.01 → 0.05 at step 20": {"learning_rate": 0.01},
        "learning rate 0.01 → 0.05, in owl learning rate 0.01 → 0.05 at step 20": {
            "learning_rate": 0.05
        },
    }
    for said, chosen in branches.items():
        child = pages.run(enter_branch(pages, parent, 10, chosen))
        told = changes(child, pages.runs(), pages.store.all_changes())
        assert told == f"branch of owl at step 10: {said}"
    after = small_run(pages, tiny, learning_rate=0.05)  # as that one was in the end
    told = changes(pages.run(after), [pages.run(after), parent], pages.store.all_changes())
    assert told.startswith("learning rate 0.01 → 0.05, ")
    assert told.endswith("in owl learning rate 0.01 → 0.05 at step 20")


def test_a_run_without_files_or_a_loss_leaves_its_cells_empty(pages: Lab, tiny: Corpus) -> None:
    run = pages.run(small_run(pages, tiny))
    cells = table([run], [run], {}, {})
    assert (cells[LOSS], cells[DISK], cells["Status"]) == ([None], [None], ["interrupted"])
