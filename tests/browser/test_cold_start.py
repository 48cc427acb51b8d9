"""Many windows at once, as soon as a server answers: each shows its page."""

from __future__ import annotations

import pytest

from tests.browser.conftest import NewPage, Serve
from tests.helpers import ROOT
from tests.soak import some_of

pytestmark = pytest.mark.browser

PAGES = ("", "train", "ladder", "model", "attention", "bigram", "generate", "corpus")
N_WINDOWS = 4


def test_windows_open_at_once_on_a_cold_server(
    serve: Serve, new_page: NewPage, pytestconfig: pytest.Config
) -> None:
    """Some, and eight with `--soak`."""
    pages = some_of(pytestconfig, PAGES, N_WINDOWS)
    server = serve(ROOT / "lab" / "Home.py")
    windows = [new_page() for _ in pages]
    for window, page in zip(windows, pages):
        window.page.goto(f"{server.url}/{page}", wait_until="commit")
    for window, page in zip(windows, pages):
        window.page.locator("h1").first.wait_for()
        window.wait_idle()
        assert window.page.locator("[data-testid=stException]").count() == 0, page
        assert window.errors == [], page
