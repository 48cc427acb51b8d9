"""Eight windows at once, as soon as a server answers: each shows its page."""

from __future__ import annotations

import pytest

from tests.browser.conftest import NewPage, Serve
from tests.helpers import ROOT

pytestmark = pytest.mark.browser

PAGES = ("", "train", "ladder", "model", "attention", "bigram", "generate", "corpus")


def test_eight_windows_open_at_once_on_a_cold_server(serve: Serve, new_page: NewPage) -> None:
    server = serve(ROOT / "lab" / "Home.py")
    windows = [new_page() for _ in PAGES]
    for window, page in zip(windows, PAGES):
        window.page.goto(f"{server.url}/{page}", wait_until="commit")
    for window, page in zip(windows, PAGES):
        window.page.locator("h1").first.wait_for()
        window.wait_idle()
        assert window.page.locator("[data-testid=stException]").count() == 0, page
        assert window.errors == [], page
