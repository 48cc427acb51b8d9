"""The text on the Attention page: read and chosen in by keyboard, in step with slider and map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import NewPage, Server, Window

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.browser

TEXT = ".st-key-attention_looking_text"
MAP = ".st-key-attention_one_head .js-plotly-plot"
SLIDER = ".st-key-attention_place"


def cells(window: Window) -> Locator:
    return window.page.locator(f"{TEXT} .cell")


def place_of(window: Window, which: str) -> int:
    """Where the one character stands that is marked so, from 1."""
    label = window.page.locator(f"{TEXT} .cell{which}").get_attribute("aria-label") or ""
    return int(label.rpartition(" ")[2])


def framed_row(window: Window) -> int:
    """The row that the large map frames, from 1."""
    return round(window.page.eval_on_selector(MAP, "plot => plot.layout.shapes[0].y1 + 0.5"))


def wait_for_place(window: Window, place: int) -> None:
    """Until slider and map say so too."""
    said = window.page.locator(SLIDER)
    window.wait_until(lambda: f"({place})" in said.inner_text(), f"the slider at {place}")
    window.wait_until(lambda: framed_row(window) == place, f"a frame around row {place}")


def test_a_character_is_chosen_by_keyboard_and_slider_and_map_follow(
    empty_lab: Server, new_page: NewPage
) -> None:
    window = new_page()
    window.open(f"{empty_lab.url}/attention")
    window.page.wait_for_selector(f"{MAP} .main-svg")
    n = cells(window).count()
    assert window.page.locator(f'{TEXT} .cell[tabindex="0"]').count() == 1
    kept = [window.page.wait_for_selector(f"{TEXT} .view"), window.page.wait_for_selector(MAP)]

    # Three to the left, and looked at on the way; then held.
    window.page.locator(f'{TEXT} .cell[tabindex="0"]').focus()
    for _ in range(3):
        window.page.keyboard.press("ArrowLeft")
    assert place_of(window, ".shown") == n - 3
    said = window.page.locator(f"{TEXT} .said")
    assert re.match(rf"‘.’ \({n - 3}\) looks most at .* % \(head 1\.\d\)\.", said.inner_text())
    window.page.keyboard.press("Enter")
    assert place_of(window, ".held") == n - 3
    wait_for_place(window, n - 3)
    window.wait_idle()
    focus = "() => document.activeElement.shadowRoot.activeElement.getAttribute('aria-label')"
    assert window.page.evaluate(focus).endswith(f"character {n - 3}")

    # What it says of the head that is shown large is what the page says.
    large = window.page.locator(f"{TEXT} .head.large .most").inner_text()
    place, share = re.fullmatch(r"(.* \(\d+\)) (.* %)", large).groups()  # type: ignore[union-attr]
    page_text = window.page.inner_text("[data-testid=stMain]").replace("\N{NO-BREAK SPACE}", " ")
    assert f"({n - 3}) takes most from {place}: {share}." in page_text

    # Held, it stays while another has the focus; let go, that one is shown.
    window.page.keyboard.press("Home")
    assert place_of(window, ".shown") == n - 3
    assert "takes from" in said.inner_text()
    window.page.keyboard.press("Escape")
    assert window.page.locator(f"{TEXT} .held").count() == 0
    assert place_of(window, ".shown") == 1

    # What the slider chooses is what the text shows.
    window.page.locator(f"{SLIDER} input[type=range]").press("ArrowLeft")
    wait_for_place(window, n - 4)
    window.wait_until(lambda: place_of(window, ".shown") == n - 4, "the text follows the slider")

    assert all(element is not None and element.evaluate("e => e.isConnected") for element in kept)
    assert window.errors == []


def test_heads_are_switched_off_and_on_and_all_lanes_stay_on_their_level(
    empty_lab: Server, new_page: NewPage
) -> None:
    window = new_page(color_scheme="dark")
    window.open(f"{empty_lab.url}/attention")
    cells(window).first.wait_for()
    heads = window.page.locator(f"{TEXT} .head")
    lanes = cells(window).first.locator(".lane")
    n_heads, height = heads.count(), cells(window).first.bounding_box()
    assert lanes.count() == n_heads > 1
    heads.first.focus()
    window.page.keyboard.press("Space")
    assert heads.first.get_attribute("aria-pressed") == "false"
    assert lanes.count() == n_heads - 1
    after = cells(window).first.bounding_box()
    assert height and after and after["height"] == pytest.approx(height["height"], abs=1)
    window.page.keyboard.press("Space")
    assert lanes.count() == n_heads
    assert window.errors == []
