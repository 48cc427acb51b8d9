"""Generate in a browser: whatever is changed while models write, their texts go on."""

from __future__ import annotations

from pathlib import Path

from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server, Window
from tests.helpers import add_corpus, play, trained

TEXTS = (".st-key-generate_text_0_0 .page", ".st-key-generate_text_1_0 .page")
LENGTH = 2_000


def length_of(window: Window, text: str) -> int:
    return len(window.page.locator(text).text_content() or "")


def wait_for_words(window: Window, words: str) -> None:
    window.wait_until(lambda: words in window.page.inner_text("body"), words)


def go_to(window: Window, page: str) -> None:
    window.page.get_by_role("link", name=page, exact=True).click()
    window.page.wait_for_url(f"**/{page.lower()}*")
    window.wait_idle()


def test_texts_grow_side_by_side_through_every_change_and_stop_when_asked(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    lab = Lab(lab_home)
    small = add_corpus(lab, "small", play(6_000))
    trained(lab, small, "attention", name="owl", max_iters=2)
    # Large enough to be at work until the test is over.
    trained(
        lab, small, "transformer", name="fox", max_iters=2, n_layer=8, n_head=4, n_embd=192,
        block_size=64,
    )  # fmt: skip
    window = new_page(width=1440, height=900)
    window.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window.open(f"{server.url}/generate?run=fox&length={LENGTH}")
    window.page.locator(".st-key-generate_write button").click()
    for text in TEXTS:
        window.wait_until(lambda text=text: length_of(window, text) > 60, "both begin")  # type: ignore[misc]

    window.page.locator(".st-key-generate_temperature").get_by_role("slider").press("ArrowRight")
    wait_for_words(window, "temperature 0.8 (now 0.85)")
    window.wait_until(lambda: "temperature=0.85" in window.page.url, "the address says so")
    box = window.page.locator(".st-key-generate_prompt textarea")
    box.fill("OWL:")
    box.press("Control+Enter")
    wait_for_words(window, "another prompt")
    window.page.locator(".st-key-generate_run input").click()
    window.page.get_by_role("option", name="owl · attention").first.click()
    wait_for_words(window, "other runs (fox and owl)")
    before = length_of(window, TEXTS[0])
    go_to(window, "Compare")
    go_to(window, "Generate")
    window.wait_until(lambda: length_of(window, TEXTS[0]) > before, "it has gone on")

    window.page.locator(".st-key-generate_stop button").click()
    wait_for_words(window, "stopped after")
    window.page.locator(f"{TEXTS[1]} >> xpath=../..").get_by_role("button", name="Copy").click()
    window.page.get_by_role("button", name="Copied").wait_for()
    copied = window.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == window.page.locator(TEXTS[1]).text_content()
    assert length_of(window, TEXTS[0]) < LENGTH, "it was still writing"
    assert window.page.locator("[data-testid=stException]").count() == 0
    assert window.errors == []
