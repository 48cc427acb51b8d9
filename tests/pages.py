"""Opening the lab's pages without a browser, each test in a lab home of its own."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from core.runs.lab import Lab
from core.service import service
from core.training.preflight import Calibration
from lab.session.state import wait_for_calibration
from tests.helpers import PATIENCE_S, ROOT

FRAME = ROOT / "lab" / "frame.py"


MACHINE = Calibration(
    s_per_flop=1e-11, s_per_bfloat16_flop=1e-11, s_per_number=1e-9, s_per_layer=1e-3
)
"""As fast as every test's machine is; nothing is timed."""

INSTALLED_COMPONENTS = functools.cache(manifest_scanner.scan_component_manifests)
"""What a server looks for once, in the metadata of every package, and a test for every window."""


@pytest.fixture
def pages(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The lab that the pages will show; its runs are stopped when the test is over.

    Import this fixture into a test module, then `open_page`.
    """
    st.cache_resource.clear()
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", INSTALLED_COMPONENTS)
    monkeypatch.setattr("lab.session.state.remembered_calibration", lambda home: MACHINE)
    monkeypatch.setattr("lab.session.ahead._DELAY_S", 3600.0)  # or it would outlast the test
    yield Lab(home)
    for running in service._services.values():
        running.close()
    service._services.clear()
    st.cache_resource.clear()


def scrubber_of(app: AppTest) -> dict[str, Any]:
    """What the slider over a run's training was given."""
    (slider,) = [e for e in app.get("bidi_component") if e.key == "scrubber"]
    data: dict[str, Any] = json.loads(slider.proto.json)
    return data


def scrub_to(app: AppTest, run_id: str, moment: str | int) -> None:
    """Move to a moment of a run, as the slider's callback does."""
    app.session_state[f"moment_{run_id}"] = moment
    app.run()
    assert not app.exception


def open_page(name: str = "home", **query: str) -> AppTest:
    """A page as its address opens it, after its first run, which must not have raised."""
    wait_for_calibration()  # so that no page says that the machine is being timed
    app = AppTest.from_file(str(FRAME), default_timeout=PATIENCE_S)
    for parameter, value in query.items():
        app.query_params[parameter] = value
    if name != "home":
        app.switch_page(f"app_pages/{name}.py")
    app.run()
    assert not app.exception
    return app
