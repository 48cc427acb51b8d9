"""A run that was imported has no steps behind it, and every page can show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.exchange.export_import import import_run
from core.runs.lab import Lab
from tests.core.exchange.test_formats import nanogpt, nanogpt_file
from tests.helpers import add_corpus
from tests.pages import open_page, pages

__all__ = ["pages"]


@pytest.mark.parametrize(
    "page", ["home", "train", "model", "attention", "bigram", "generate", "compare"]
)
def test_the_page_shows_an_imported_run(pages: Lab, tmp_path: Path, page: str) -> None:
    add_corpus(pages, "nine", "abc, abc! ba: cab.\n" * 60)
    path = nanogpt_file(tmp_path / "ckpt.pt", nanogpt())
    record = import_run(pages, path, corpus_name="nine", name="theirs")
    app = open_page(page)
    assert pages.run(record.id).status == "finished"
    assert not app.error
