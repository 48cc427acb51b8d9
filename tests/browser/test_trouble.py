"""A registry that is deleted under an open page: the page goes on, and says what was done."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server
from tests.helpers import tiny_run

pytestmark = pytest.mark.browser


def test_a_page_goes_on_when_the_registry_is_deleted_under_it(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    lab = Lab(lab_home)
    lab.rename_run(tiny_run(lab, "bigram"), "owl")
    window = new_page()
    window.open(f"{server.url}/compare?run=owl")
    window.page.get_by_text("owl").first.wait_for()
    window.wait_idle()
    for path in lab_home.glob("lab.sqlite*"):
        path.unlink()
    window.page.reload()
    window.page.get_by_text("owl").first.wait_for()
    window.page.get_by_text("found in their folders").first.wait_for()
    assert window.page.locator("[data-testid=stException]").count() == 0
    assert Lab(lab_home).run("owl").status == "finished"
    assert not window.errors
