"""Takes the README's picture of a running lab: `python tests/browser/picture.py URL FILE`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright


def take(url: str, path: Path) -> None:
    """Save what a window of 1440 x 900 shows at `url` once its live plot is drawn."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        page.wait_for_selector(".js-plotly-plot .legend")
        page.wait_for_timeout(1000)
        page.screenshot(path=path)
        chromium.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python tests/browser/picture.py URL FILE")
    take(sys.argv[1], Path(sys.argv[2]))
