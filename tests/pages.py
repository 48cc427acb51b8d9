"""Opening the lab's pages without a browser, each test in a lab home of its own."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.runs.lab import Lab
from core.service import service
from core.training.preflight import Calibration
from tests.helpers import PATIENCE_S, ROOT

HOME = ROOT / "lab" / "Home.py"


MACHINE = Calibration(
    s_per_flop=1e-11, s_per_bfloat16_flop=1e-11, s_per_number=1e-9, s_per_layer=1e-3
)
"""As fast as every test's machine is; nothing is timed."""


@pytest.fixture
def pages(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The lab that the pages will show; its runs are stopped when the test is over.

    Import this fixture into a test module, then `open_page`.
    """
    st.cache_resource.clear()
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)
    for name in ("collect", "freeze"):  # pays in a server that lives on, not once in every test
        monkeypatch.setattr(gc, name, lambda: None)
    monkeypatch.setattr("lab.session.state.calibrate", lambda: MACHINE)
    yield Lab(home)
    for running in service._services.values():
        running.close()
    service._services.clear()
    st.cache_resource.clear()


def open_page(name: str = "home") -> AppTest:
    """A page after its first run, which must not have raised."""
    app = AppTest.from_file(str(HOME), default_timeout=PATIENCE_S).run()
    if name != "home":
        app.switch_page(f"app_pages/{name}.py").run()
    assert not app.exception
    return app
