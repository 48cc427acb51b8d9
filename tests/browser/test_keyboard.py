"""Every page by keyboard alone: Tab comes to its main control and shows that, and keys work it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server, Window
from tests.helpers import add_corpus, play, trained
from tests.soak import some_of

pytestmark = pytest.mark.browser

MAIN_CONTROLS = {
    "": ".st-key-home_train >> button",
    "ladder": ".st-key-ladder_start >> button",
    "model": ".st-key-scrubber >> input",
    "attention": ".st-key-attention_text >> :is(textarea, input)",
    "bigram": ".st-key-bigram_view >> button",
    "generate": ".st-key-generate_write >> button",
    "compare": ".st-key-compare_runs >> input",
    "challenges?view=guess": ".st-key-guess_typed >> input",
    "glossary": ".st-key-glossary_search >> input",
    "corpus": "[data-testid=stFileUploader] >> button",
}
"""Where it stands, and what it is there."""
MOST_TABS, N_PAGES = 80, 4
IS_FOCUSED = """async selector => {
  let at = document.activeElement;
  const [place, control] = selector.split(" >> ");
  if (!at?.closest(place)) return "";
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (!at.matches(control)) return "";
  // What is focused looks other than what is not, or what is around it does.
  const around = [at, at.parentElement, at.parentElement?.parentElement].filter(e => e);
  const looks = () => around.map(e => {
    const { outline, boxShadow, borderColor, backgroundColor } = getComputedStyle(e);
    return [outline, boxShadow, borderColor, backgroundColor].join();
  }).join(";");
  const drawn = () => new Promise(resolve => setTimeout(resolve, 300));
  await drawn();
  const focused = looks();
  at.blur();
  await drawn();
  const otherwise = looks();
  at.focus({ focusVisible: true });
  return focused === otherwise ? "unseen" : "seen";
}"""


def tab_to(window: Window, selector: str) -> str:
    """Press Tab until the focus is there: "seen" or "unseen"; empty where it never comes."""
    window.page.locator(selector).first.wait_for()
    window.wait_idle()
    for _ in range(MOST_TABS):
        window.page.keyboard.press("Tab")
        if found := window.page.evaluate(IS_FOCUSED, selector):
            return str(found)
    return ""


def test_the_main_control_of_every_page_is_reached_by_tab(
    server: Server, new_page: NewPage, lab_home: Path, pytestconfig: pytest.Config
) -> None:
    """Some pages, and all of them with `--soak`."""
    lab = Lab(lab_home)
    corpus = add_corpus(lab, "tiny", play(4_000))
    for kind in ("bigram", "transformer"):
        trained(lab, corpus, kind)  # type: ignore[arg-type]
    window = new_page()
    for page in some_of(pytestconfig, list(MAIN_CONTROLS), N_PAGES):
        window.open(f"{server.url}/{page}")
        assert tab_to(window, MAIN_CONTROLS[page]) == "seen", page or "home"
    assert window.errors == []


def test_a_run_is_started_and_paused_by_keyboard(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(f"{server.url}/train?model=bigram&max_iters=100000")
    assert tab_to(window, ".st-key-train_start >> button") == "seen"
    window.page.keyboard.press("Enter")
    assert tab_to(window, ".st-key-train_pause >> button") == "seen"
    window.page.keyboard.press("Enter")
    window.wait_until(
        lambda: any(run.status == "paused" for run in Lab(lab_home).runs()), "a paused run"
    )
