"""What a person does in the lab: train, look, reload, pause, write; and the server dies once."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.records.records import RunRecord
from core.runs.lab import Lab
from core.settings.config import MODEL_KINDS
from tests.addresses import ADDRESSES
from tests.browser.conftest import NewPage, Serve, Server, Window, born_server
from tests.helpers import PATIENCE_S, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import ElementHandle

pytestmark = pytest.mark.browser

CHART = ".st-key-loss .js-plotly-plot"
LONG_QUICK = "train?model=transformer&preset=quick&max_iters=10000"
"""Settings of a run whose steps take milliseconds, and that does not end by itself."""
TICKS = 5


def only_run(lab_home: Path) -> RunRecord:
    (run,) = Lab(lab_home).runs()
    return run


def click(window: Window, key: str) -> None:
    window.page.locator(f".st-key-{key} button").first.click()


def wait_for_step(window: Window, lab_home: Path, step: int) -> None:
    window.wait_until(lambda: any(run.step >= step for run in Lab(lab_home).runs()), f"step {step}")


def wait_for_status(window: Window, lab_home: Path, status: str) -> None:
    window.wait_until(lambda: only_run(lab_home).status == status, status)


def zoom(window: Window) -> tuple[float, float]:
    """Drag over the middle of the chart; returns the range of x that is shown then."""
    before = shown_range(window)
    # Not the place of Plotly's own layer for the mouse: a tick may put a new one there meanwhile.
    left, top, width, height = window.page.eval_on_selector(
        CHART,
        """chart => {
          const { l, t, w, h } = chart._fullLayout._size, box = chart.getBoundingClientRect();
          return [box.x + l, box.y + t, w, h];
        }""",
    )
    mouse, middle = window.page.mouse, top + height / 2
    mouse.move(left + width * 0.2, middle)
    mouse.down()
    mouse.move(left + width * 0.5, middle + 40, steps=8)
    mouse.up()
    window.wait_until(lambda: shown_range(window)[0] > before[0], "zoomed in")
    return shown_range(window)


def shown_range(window: Window) -> tuple[float, float]:
    low, high = window.page.eval_on_selector(CHART, "chart => chart.layout.xaxis.range")
    return (low, high)


def points_drawn(chart: ElementHandle) -> int:
    """Steps that the training line shows; it grows with every tick of a live run."""
    n: int = chart.evaluate("chart => chart.calcdata[0].length")
    return n


WATCH = """(key) => {
  const places = window.places = new Set();
  const look = () => {
    const button = document.querySelector(`.st-key-${key} :is(button, input)`);
    const { x, y } = button?.getBoundingClientRect() ?? {};
    if (button) places.add(`${Math.round(x)}, ${Math.round(y)}`);
    if (window.places === places) requestAnimationFrame(look);
  };
  look();
}"""


def watch(window: Window, key: str) -> None:
    """Note from now on, at each frame, where the first button or box under this key stands."""
    window.page.evaluate(WATCH, key)


def places(window: Window) -> list[str]:
    """Where it has stood: in one place, or a finger on its way to it presses something else."""
    noted: list[str] = window.page.evaluate("() => [...window.places]")
    return noted


def test_a_run_is_started_watched_reloaded_paused_resumed_and_read(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(f"{server.url}/{LONG_QUICK}")
    click(window, "train_start")
    wait_for_step(window, lab_home, 5)

    chart = window.page.wait_for_selector(CHART)
    assert chart is not None
    zoomed = zoom(window)
    for _ in range(TICKS):
        before = points_drawn(chart)
        window.wait_until(lambda: points_drawn(chart) > before, "a tick")  # noqa: B023
        assert chart.evaluate("chart => chart.isConnected")
        assert shown_range(window) == zoomed

    window.page.reload()
    window.wait_idle()
    assert only_run(lab_home).status == "running"
    window.page.wait_for_selector(".st-key-train_pause button")

    watch(window, "train_step")
    click(window, "train_pause")
    wait_for_status(window, lab_home, "paused")
    window.page.wait_for_selector(".st-key-train_resume button")
    paused_at = only_run(lab_home).step
    click(window, "train_step")
    wait_for_step(window, lab_home, paused_at + 1)
    assert only_run(lab_home).step == paused_at + 1
    click(window, "train_resume")
    wait_for_step(window, lab_home, paused_at + 5)
    window.page.wait_for_selector(".st-key-train_pause button")
    assert len(places(window)) == 1
    click(window, "train_finish")
    wait_for_status(window, lab_home, "finished")

    window.open(f"{server.url}/generate")
    watch(window, "generate_seed")
    click(window, "generate_write")
    written = window.page.locator(".st-key-generate_text_0_0 .page")
    window.wait_until(lambda: len(written.inner_text()) > 100, "a text")
    window.page.wait_for_selector(".st-key-generate_write button")
    assert len(places(window)) == 1
    assert window.errors == []


def test_the_primary_button_lets_three_curves_fall(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(server.url)
    click(window, "home_train")

    def all_fall() -> bool:
        runs = Lab(lab_home).runs()
        store = Lab(lab_home).store
        curves = [store.estimates(run.id) for run in runs]
        return len(runs) == len(MODEL_KINDS) and all(
            len(curve) > 1 and curve[-1].val_loss_nats < curve[0].val_loss_nats for curve in curves
        )

    window.wait_until(all_fall, "three falling curves")
    window.page.wait_for_function(
        "() => document.querySelector('.st-key-race .js-plotly-plot')?.data?.length === 6"
    )
    watch(window, "home_axis")
    for pressed, next_one in (("pause", "resume"), ("resume", "pause"), ("pause", "resume")):
        click(window, f"home_{pressed}")
        window.page.wait_for_selector(f".st-key-home_{next_one} button")
    assert len(places(window)) == 1
    window.wait_until(
        lambda: not any(run.status == "running" for run in Lab(lab_home).runs()), "all are paused"
    )
    assert window.errors == []


def test_a_server_that_is_stopped_saves_the_last_step_of_its_run(
    serve: Serve, new_page: NewPage, lab_home: Path
) -> None:
    server = serve(ROOT / "lab" / "Home.py", {"LAB_HOME": str(lab_home)})
    window = new_page()
    window.open(f"{server.url}/train")
    click(window, "train_start")
    wait_for_step(window, lab_home, 3)
    server.process.terminate()
    assert isinstance(server.process, subprocess.Popen)
    server.process.wait(timeout=PATIENCE_S)
    run = only_run(lab_home)
    assert run.status == "interrupted"
    assert run.checkpoint_step == run.step > 0


def test_a_killed_server_leaves_a_run_that_is_interrupted_and_goes_on(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(f"{server.url}/{LONG_QUICK}")
    click(window, "train_start")
    window.wait_until(
        lambda: any(run.checkpoint_step > 0 for run in Lab(lab_home).runs()),
        "a checkpoint",
    )
    server.kill()
    assert only_run(lab_home).status == "interrupted"
    saved_at = only_run(lab_home).checkpoint_step
    alert = window.page.get_by_role("alert").filter(has_text="The lab does not answer")
    alert.wait_for()
    window.wait_until(lambda: not window.page.get_by_role("dialog").count(), "only that is said")

    with born_server(lab_home, server.url):
        alert.wait_for(state="detached")
        window.wait_idle()
        window.errors.clear()  # of what it asked for in vain
        window.page.get_by_text(re.compile("can be resumed from there")).wait_for()
        click(window, "train_resume")
        wait_for_status(window, lab_home, "running")
        wait_for_step(window, lab_home, saved_at + 3)
        events = Lab(lab_home).store.events(only_run(lab_home).id)
        assert [(e.kind, e.step) for e in events] == [("machine", 0), ("resumed", saved_at)]
        window.page.get_by_text(re.compile(f"Step {saved_at}: resumed")).wait_for()
        click(window, "train_finish")
        wait_for_status(window, lab_home, "finished")
    assert window.errors == []


def test_every_page_opens_in_an_empty_lab(empty_lab: Server, new_page: NewPage) -> None:
    window = new_page(color_scheme="dark")
    window.open(empty_lab.url)
    titles: set[str] = set()

    def another_title() -> bool:
        found = window.page.locator("h1").all_inner_texts()
        return len(found) == 1 and found[0] not in titles

    for name in [*ADDRESSES[1:], ADDRESSES[0]]:
        window.page.locator(f"[data-testid=stTopNavLink][href$='/{name}']").click()
        window.page.wait_for_url(f"{empty_lab.url}/{name}**")
        window.wait_until(another_title, "a title of its own")
        titles.add(window.page.locator("h1").inner_text())
        window.wait_idle()
        assert window.page.locator("[data-testid=stException]").count() == 0, name
        assert window.errors == [], name


def test_what_was_just_chosen_and_the_words_behind_a_question_mark_can_be_read(
    server: Server, new_page: NewPage
) -> None:
    window = new_page(color_scheme="dark")
    window.open(f"{server.url}/train")
    colour = "e => getComputedStyle(e).color"
    bits = window.page.get_by_role("radio", name="bits")
    bits.click()  # the pointer stays on it
    window.wait_until(lambda: bits.get_attribute("data-selected") == "true", "chosen")
    text = window.page.locator("h1").first.evaluate(colour)
    window.wait_until(lambda: bits.evaluate(colour) == text, "in the colour of text")
    window.open(f"{server.url}/attention")  # which has many of them behind its first
    window.page.locator("[data-testid=stTooltipHoverTarget]").first.hover()
    words = window.page.locator("[data-testid=stTooltipContent]").first
    assert words.evaluate("e => e.scrollHeight <= e.clientHeight")
