"""Challenges in a browser: predict, train, see what came; and guess characters by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.challenges.kept import load_kept
from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server

pytestmark = pytest.mark.browser


def test_a_prediction_is_made_a_run_trained_and_the_two_stand_side_by_side(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    lab = Lab(lab_home)
    window = new_page()
    window.open(f"{server.url}/challenges")
    card = window.page.locator(".st-key-card_small")
    card.get_by_text("No run on this text has anything to show here yet").wait_for()
    go = card.get_by_role("button", name="Keep it, open Train")
    assert go.is_disabled()
    box = card.locator("input")
    box.fill("2.5")
    box.press("Enter")
    window.wait_until(go.is_enabled, "the way to Train")
    go.click()
    window.wait_until(lambda: "/train" in window.page.url, "the Train page")
    window.page.get_by_role("button", name="Start").first.wait_for()
    (said,) = load_kept(lab.home)[0].predictions
    assert (said.challenge, said.expected) == ("small", 2.5)
    window.wait_idle()
    steps = window.page.locator("[class*=st-key-train_max_iters] input[type=range]")
    for _ in range(4):  # 1,000 steps down to 50
        steps.press("ArrowLeft")
        window.wait_idle()
    window.page.get_by_text("Stops after 50 steps").wait_for()
    window.page.get_by_role("button", name="Start").first.click()
    window.wait_until(lambda: any(r.status == "finished" for r in lab.runs()), "the run's end")
    (run,) = lab.runs()
    window.page.get_by_role("link", name="Challenges").click()
    card.get_by_text(f"{run.name} came to").wait_for()
    card.get_by_text(f"Nearest so far: {run.best_val_loss_nats:.3f} nats").wait_for()
    assert not window.errors


def test_characters_are_guessed_by_keyboard_alone(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    lab = Lab(lab_home)
    window = new_page()
    window.open(f"{server.url}/challenges?view=guess")
    window.page.get_by_text("Place 1: what comes next?").wait_for()
    assert window.page.get_by_text("took for likeliest").count() == 0
    window.page.locator(".st-key-guess_typed input").focus()
    for n, key in enumerate("et ", 2):
        window.page.keyboard.press(key)  # the box keeps the focus from guess to guess
        window.page.keyboard.press("Enter")
        window.page.get_by_text(f"Place {n}: what comes next?").wait_for()
        window.wait_idle()
    window.page.get_by_text("took for likeliest").wait_for()
    assert [g.character for g in load_kept(lab.home)[0].guesses] == ["e", "t", " "]
    assert not window.errors
