"""Pages of a lab home in trouble: what is wrong is said, what is there is shown, nothing breaks."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.lab import Lab
from tests.addresses import PAGES
from tests.helpers import filled, tiny_run
from tests.pages import open_page, pages

__all__ = ["pages"]


def said(app: AppTest) -> str:
    every = [*app.error, *app.warning, *app.toast, *app.info, *app.markdown, *app.caption]
    return " ".join(str(each.value) for each in every)


@pytest.fixture
def owl(pages: Lab) -> str:
    run_id = filled(pages, tiny_run, "transformer")
    pages.rename_run(run_id, "owl")
    return run_id


@pytest.mark.parametrize("page", PAGES)
def test_a_run_whose_checkpoints_are_gone_is_shown_and_given_no_weights(
    pages: Lab, owl: str, page: str
) -> None:
    for path in pages.home.run_folder(owl).glob("checkpoint-*"):
        path.unlink()
    app = open_page(page, run="owl")
    assert "no number" not in said(app)
    if page in ("attention", "train"):
        assert "has no checkpoint any more" in said(app)
    assert "All of it is saved" not in said(app)


def overwrite(lab: Lab) -> None:
    lab.home.database.write_bytes(b"not a database\n" * 1000)


def cut_short(lab: Lab) -> None:
    lab.home.database.write_bytes(lab.home.database.read_bytes()[:5000])


def delete(lab: Lab) -> None:
    lab.home.database.unlink()


@pytest.mark.parametrize("spoil", [overwrite, cut_short, delete])
@pytest.mark.parametrize("page", ["home", "train", "model", "compare"])
def test_a_registry_that_is_spoiled_under_a_live_page_is_made_anew(
    pages: Lab, owl: str, page: str, spoil: Callable[[Lab], None]
) -> None:
    app = open_page(page, run="owl")
    spoil(pages)
    app.run()
    assert not app.exception and not app.error, said(app)
    again = Lab(pages.home.path)
    assert again.run("owl").id == owl and again.store.steps(owl)


@pytest.mark.parametrize("page", ["home", "train", "compare"])
def test_a_row_that_was_spoiled_stops_no_page(pages: Lab, owl: str, page: str) -> None:
    db = sqlite3.connect(pages.home.database)
    db.execute("UPDATE runs SET config = '{\x01', train_seconds = 9e999")
    db.commit()
    db.close()
    assert not open_page(page).error


@pytest.mark.parametrize("page", PAGES)
def test_a_home_that_is_read_only_is_shown_and_that_is_said_once(
    pages: Lab, owl: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access

    def no_writing(path: object, mode: int, **named: object) -> bool:
        return mode != os.W_OK and access(path, mode)  # type: ignore[arg-type]

    monkeypatch.setattr("core.storage.home.os.access", no_writing)
    app = open_page(page, run="owl")
    assert not app.error, said(app)
    assert [toast.value for toast in app.toast if "only for you" in toast.value]
    app.run()
    assert not app.toast and not app.exception


def test_a_run_folder_that_is_deleted_under_a_live_page_stops_nothing(pages: Lab, owl: str) -> None:
    apps = [open_page(page, run="owl") for page in ("train", "attention", "generate")]
    shutil.rmtree(pages.home.run_folder(owl))
    for app in apps:
        app.run()
        assert not app.exception
