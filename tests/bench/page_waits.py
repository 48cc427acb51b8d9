"""What somebody waits for at the pages: the start, the first point of a curve, a whole race.

    python tests/bench/page_waits.py [--rounds 5]

In each round, in a new lab home and with Chromium open before: from the start of the server to a
page that can be used; on Home from the press of its button to the first point of a curve, and to
the end of its three runs, beside what they trained; on Train from the press of Start to the first
point. That point is timed in the browser, from the click to the frame that has it.

Prints one line for each round, then the medians as one line of JSON. Needs a machine that does
nothing else.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.runs.lab import Lab
from tests.bench.lab_speed import PATIENCE_S, served

FIRST_POINT = """([button, plot]) => new Promise(resolve => {
    const n = () => {
        const drawn = document.querySelector(plot + ' .js-plotly-plot');
        const traces = drawn && drawn.data || [];
        const points = trace => (trace.x?._inputArray ?? trace.x ?? []).length ?? 0;
        return traces.reduce((sum, trace) => sum + points(trace), 0);
    };
    const before = n(), pressed = performance.now();
    document.querySelector(button + ' button').click();
    const look = () => n() > before ? resolve((performance.now() - pressed) / 1000)
                                    : requestAnimationFrame(look);
    requestAnimationFrame(look);
})"""
"""Press a button and wait until a plot has more points than before; seconds."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = []
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for i in range(parser.parse_args().rounds):
            rounds.append(_home(browser) | _train(browser))
            print(i + 1, {name: round(value, 2) for name, value in rounds[-1].items()}, flush=True)
        browser.close()
    medians = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    print(json.dumps(medians))
    return 0


def _home(browser: Browser) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        lab, page = Lab(home), _new_page(browser)
        started = time.monotonic()
        with served(home) as address:
            page.goto(f"http://{address}/")
            page.locator(".st-key-home_train button:not([disabled])").wait_for()
            usable_s = time.monotonic() - started
            _settle(page)
            pressed = time.monotonic()
            first_point_s = page.evaluate(FIRST_POINT, [".st-key-home_train", ".st-key-race"])
            while len(runs := lab.runs()) < 3 or any(r.status != "finished" for r in runs):
                page.wait_for_timeout(100)
            race_s = time.monotonic() - pressed
            page.close()
    train_s = sum(run.train_s for run in runs)
    return {
        "server_start_s": usable_s,
        "home_first_point_s": float(first_point_s),
        "race_waited_s": race_s,
        "race_train_s": train_s,
        "race_waited_ratio": race_s / train_s,
    }


def _train(browser: Browser) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home, served(home) as address:
        page = _new_page(browser)
        page.goto(f"http://{address}/train?model=transformer&preset=nanogpt-cpu")
        page.locator(".st-key-train_start button:not([disabled])").first.wait_for()
        _settle(page)
        first_point_s = page.evaluate(FIRST_POINT, [".st-key-train_start", ".st-key-loss"])
        page.close()
    return {"train_first_point_s": float(first_point_s)}


def _new_page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(1000 * PATIENCE_S)
    return page


def _settle(page: Page) -> None:
    """Let the page come to rest: whoever presses a button has read it first."""
    page.locator(".js-plotly-plot").first.wait_for()
    page.wait_for_timeout(4000)


if __name__ == "__main__":
    raise SystemExit(main())
