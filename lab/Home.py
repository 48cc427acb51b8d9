"""The entry of the lab: `streamlit run lab/Home.py`. The server, which shows `lab/frame.py`.

Streamlit runs a script when somebody opens a page. What that script imports takes seconds to load,
torch above all, so the server begins with it at once, while the browser still loads the page.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

# Streamlit puts lab/ on the path; the packages `core` and `lab` lie one folder higher.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from streamlit import cli_util, config  # noqa: E402
from streamlit.web.server import server_util  # noqa: E402

from lab.components.window import PLOTLY_ROUTE  # noqa: E402
from lab.guard import Guard  # noqa: E402
from lab.preloading import begin_preloading  # noqa: E402


@asynccontextmanager
async def _lifespan(server: st.App) -> AsyncIterator[None]:
    begin_preloading()
    if not config.get_option("server.headless"):  # a server of one's own making opens no browser
        cli_util.open_browser(server_util.get_url(config.get_option("browser.serverAddress")))
    yield
    # The server ends by the signal that stopped it, and Python then runs no exit functions.
    if service := sys.modules.get("core.service.service"):
        service.close_services()


app = st.App("frame.py", routes=[PLOTLY_ROUTE], middleware=[Middleware(Guard)], lifespan=_lifespan)
"""Streamlit looks for this name in this file, and serves it."""
