"""The Bigram page in a browser: the whole table on one screen, a click on a row, another order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server, Window
from tests.helpers import trained

pytestmark = pytest.mark.browser

TABLE = ".st-key-bigram_table .js-plotly-plot"
GEOMETRY = """chart => {
  const box = chart.getBoundingClientRect();
  const { l, t } = chart._fullLayout._size;
  const { xaxis: x, yaxis: y } = chart._fullLayout;
  return {
    bottom: box.bottom, scrolled: document.querySelector("[data-testid=stMain]").scrollTop,
    left: box.x + x._offset, top: box.y + y._offset, n: x.range[1] - x.range[0],
    width: x._length, height: y._length,
  };
}"""


def geometry(window: Window) -> dict[str, Any]:
    found: dict[str, Any] = window.page.eval_on_selector(TABLE, GEOMETRY)
    return found


def labels(window: Window) -> list[str]:
    found: list[str] = window.page.eval_on_selector(TABLE, "chart => chart.layout.yaxis.ticktext")
    return [label.replace("\N{NO-BREAK SPACE}", "") for label in found]


def test_the_table_is_seen_whole_its_rows_hear_clicks_and_its_order_changes(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    lab = Lab(lab_home)
    corpus = lab.library.load()
    trained(lab, corpus, "bigram", name="owl", max_iters=30, learning_rate=0.1)
    window = new_page(width=1440, height=900)
    window.open(f"{server.url}/bigram?run=owl")
    chart = window.page.wait_for_selector(f"{TABLE} .main-svg")
    assert chart is not None
    window.wait_until(lambda: len(labels(window)) == len(corpus.vocabulary), "the table")
    seen = geometry(window)
    assert seen["scrolled"] == 0 and seen["bottom"] <= 900
    assert seen["width"] == pytest.approx(seen["height"], abs=1), "cells are square"
    assert seen["width"] / seen["n"] > 7

    row = labels(window).index("k")
    cell = seen["height"] / seen["n"]
    window.page.mouse.click(seen["left"] + 20 * cell, seen["top"] + (row + 0.5) * cell)
    box = window.page.locator(".st-key-bigram_character input")
    window.wait_until(lambda: box.input_value() == "‘k’", "the clicked row is chosen")

    window.page.get_by_role("radio", name="frequency").click()
    window.wait_until(lambda: labels(window)[0] == "␣", "the most frequent first")
    window.wait_until(lambda: "order=frequency" in window.page.url, "the address says so")
    assert chart.evaluate("e => e.isConnected"), "drawn in place"
    assert geometry(window)["bottom"] == seen["bottom"], "nothing moved"
    assert window.errors == []
