"""A page stays when a fragment of the one before it ticked in the moment of the change.

Only where the server changes the page, at the press of a button, do the ticks go on in the browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import NewPage, Server

if TYPE_CHECKING:
    from playwright.sync_api import WebSocketRoute

pytestmark = pytest.mark.browser

SETTLED_MS = 1_000


def test_a_tick_that_names_the_page_that_was_left_does_not_clear_the_new_one(
    empty_lab: Server, new_page: NewPage
) -> None:
    window = new_page()
    held: list[str | bytes] | None = None
    browser_side: list[WebSocketRoute] = []
    asked = []

    def between(socket: WebSocketRoute) -> None:
        """Pass all on, but keep from the browser what the server says while `held` is a list."""
        server = socket.connect_to_server()
        browser_side.append(socket)
        socket.on_message(lambda said: (asked.append(said), server.send(said))[-1])
        server.on_message(lambda said: socket.send(said) if held is None else held.append(said))

    window.page.route_web_socket("**/_stcore/stream", between)
    window.open(f"{empty_lab.url}/attention")
    window.page.get_by_role("heading", level=1).wait_for()
    window.wait_idle()
    window.page.wait_for_timeout(500)
    held = []  # a slow line: the browser goes on ticking in the name of the page that it shows
    window.page.locator(".st-key-attention_train button").click()
    window.wait_until(lambda: bool(held), "an answer")
    n_asked = len(asked)
    window.wait_until(lambda: len(asked) > n_asked, "a tick")
    window.page.wait_for_timeout(SETTLED_MS)  # in which it is answered
    while held:  # what comes meanwhile waits for its turn
        browser_side[-1].send(held.pop(0))
    held = None
    title = window.page.get_by_role("heading", level=1, name="Train")
    title.wait_for()
    window.page.wait_for_timeout(SETTLED_MS)
    assert title.is_visible()
    assert not window.errors
