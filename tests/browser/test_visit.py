"""The guided first visit as a newcomer walks it, and the words that lead to the glossary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.runs.lab import Lab
from lab.visit.notes import notes_of
from lab.visit.tasks import TASKS, TaskName
from tests.browser.conftest import NewPage, Server, Window

pytestmark = pytest.mark.browser

CARD, END, OFFER = ".st-key-visit_card", ".st-key-visit_end", ".st-key-visit_offer"
MARKED = ".st-key-glossary_marked"


def do(window: Window, task: TaskName) -> None:
    """Press the card's button for a task, once what comes before it is done.

    Once more where it stays: of a page that has just been loaded again, a click can be lost.
    """
    button = window.page.locator(f".st-key-visit_{task} button").first
    button.wait_for()
    window.wait_idle()
    button.click()
    window.page.wait_for_timeout(300)
    window.wait_idle()
    window.page.evaluate(
        "task => document.querySelector(`.st-key-visit_${task} button`)?.click()", task
    )


def test_a_newcomer_is_led_from_an_empty_lab_to_a_text_by_a_transformer(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(server.url)
    for task in TASKS:
        do(window, task.name)
        window.page.wait_for_url(re.compile(f"/{task.page}"))
        if task.name in ("read_matrix", "train_attention"):
            window.page.get_by_text(
                f"{task.step - (task.sight is None)} of 6 steps done"
            ).wait_for()
            window.page.reload()
    window.page.locator(END).wait_for()
    written = window.page.locator(".st-key-generate_text_0_0 .page")
    window.wait_until(lambda: len(written.inner_text()) > 300, "all of the text")
    assert "all 6 steps done" in window.page.locator(END).inner_text()
    assert {run.model for run in Lab(lab_home).runs()} == {task.needs for task in TASKS}
    assert notes_of(Lab(lab_home)).state == "done"
    window.open(server.url)
    window.page.locator(OFFER).wait_for()
    assert window.page.locator(f"{CARD}, {END}").count() == 0
    assert window.errors == []


def test_a_visit_that_is_skipped_is_gone_on_the_next_visit(
    server: Server, new_page: NewPage
) -> None:
    window = new_page()
    window.open(server.url)
    page_s_own = window.page.locator(".st-key-home_train button").first
    ground = "button => getComputedStyle(button).backgroundColor"
    while_it_leads = page_s_own.evaluate(ground)
    window.page.locator(".st-key-visit_skip button").first.click()
    window.page.locator(OFFER).wait_for()
    assert window.page.locator(CARD).count() == 0
    assert page_s_own.evaluate(ground) != while_it_leads  # it is the primary button again
    later = new_page()
    later.open(f"{server.url}/train")
    later.page.locator("h1").wait_for()
    assert later.page.locator(CARD).count() == 0
    assert window.errors == later.errors == []


def test_a_word_behind_a_question_mark_leads_to_its_entry_by_pointer_and_by_keyboard(
    empty_lab: Server, new_page: NewPage
) -> None:
    window = new_page()
    window.open(f"{empty_lab.url}/attention")
    question_mark = window.page.locator("[data-testid=stTooltipIcon] button").first
    question_mark.hover()
    window.page.locator("[data-testid=stTooltipContent] a", has_text="Entropy").click()
    window.page.wait_for_url(re.compile(r"glossary\?term=entropy"))
    window.page.locator(MARKED, has_text="how widely something is spread").wait_for()
    window.wait_until(lambda: in_sight(window), "the entry in sight")

    window.page.get_by_role("link", name="Attention", exact=True).click()
    window.page.get_by_role("heading", name="Where each head looks").wait_for()
    window.wait_idle()
    question_mark.focus()
    window.page.keyboard.press("Tab")
    window.page.keyboard.press("Shift+Tab")  # reached by keyboard, it opens
    window.page.locator("[data-testid=stTooltipContent] a").first.wait_for()
    window.page.keyboard.press("ArrowDown")
    window.page.keyboard.press("ArrowDown")
    window.page.keyboard.press("Enter")
    window.page.locator(MARKED, has_text="Key: ").wait_for()
    assert len(window.page.context.pages) == 1  # all of it in the reader's own tab
    assert window.errors == []


def in_sight(window: Window) -> bool:
    """Whether the marked entry stands within the window."""
    box = window.page.locator(MARKED).bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 900
