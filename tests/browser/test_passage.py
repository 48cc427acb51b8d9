"""One passage under several runs: its numbers by pointer and by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server, Window
from tests.helpers import tiny_run, trained

pytestmark = pytest.mark.browser

VIEW = ".st-key-compare_passage_view"


def readout(window: Window) -> str:
    return window.page.inner_text(f"{VIEW} [role=status]")


def test_every_character_says_its_numbers_by_pointer_and_by_keyboard(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    lab = Lab(lab_home)
    owl = tiny_run(lab, "transformer", name="owl")
    trained(lab, lab.corpus_of(lab.run(owl)), "bigram", name="pairs")
    window = new_page()
    window.open(f"{server.url}/compare")
    window.page.wait_for_selector(f"{VIEW} .row")
    window.wait_idle()
    cells = window.page.locator(f"{VIEW} [data-place='3']")
    assert cells.count() == 3, "a run each, and their difference"
    assert len({cell.bounding_box()["x"] for cell in cells.all()}) == 1  # type: ignore[index]

    cells.first.hover()
    window.wait_until(lambda: "character 4 of" in readout(window), "the pointer")
    said = readout(window)
    assert said.count("bits, likeliest") == 2 and "than for" in said
    assert "owl" in said and "pairs" in said

    window.page.focus(f"{VIEW} .blocks")
    window.page.keyboard.press("Home")
    window.wait_until(lambda: "nothing stands before it" in readout(window), "the first one")
    window.page.keyboard.press("ArrowRight")
    window.wait_until(lambda: "character 2 of" in readout(window), "one further")
    window.page.keyboard.press("End")
    last = len(window.page.locator(f"{VIEW} .row >> nth=0").inner_text())
    assert last > 10 and "Point at" not in readout(window)

    before = window.page.inner_text(f"{VIEW} .blocks")
    window.page.get_by_role("button", name="Another place").click()
    window.wait_until(
        lambda: window.page.inner_text(f"{VIEW} .blocks") != before, "another passage"
    )
    assert not window.errors
