"""A walk over every page with all folds open, in a lab in which everything is there.

What others wrote, in names, messages, samples, addresses, typed words and files, is never read as
markup; nothing is asked of anybody but the server; and axe finds nothing to complain of.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest

from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server, Window, born_server
from tests.populated import EVERYTHING, MARKUP, plant_markup, populated
from tests.soak import some_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.browser

ADDRESSED: Final = quote(EVERYTHING)
VIEWS: Final = (
    "", f"train?corpus={ADDRESSED}&runs={ADDRESSED}&{ADDRESSED}=1&model={ADDRESSED}",
    "train?view=race", "train?view=sweep", "train?view=runs", "ladder",
    f"model?run={ADDRESSED}&part={ADDRESSED}", f"attention?text={ADDRESSED}&layer={ADDRESSED}",
    f"bigram?other={ADDRESSED}&step={ADDRESSED}", "generate", "compare",
    f"challenges?view={ADDRESSED}", "challenges?view=guess", "corpus", f"glossary?term={ADDRESSED}",
)  # fmt: skip

WITH_POPOVERS: Final = ("train", "train?view=runs", "train?view=sweep", "corpus", "attention")
N_VIEWS = {"light": 8, "dark": 4}
STREAMLITS_OWN: Final = {
    # The file uploader's drop zone says that it is decoration, and yet it has a name.
    "presentation-role-conflict": 'data-testid="stFileUploaderDropzone"',
    # What opens over the page hangs at the end of the body, outside of every landmark.
    "region": "data-floating-ui-portal",
}
"""What axe finds in elements of Streamlit's that nothing here can mend: the rule, and where."""

MARKUP_IN_PAGE: Final = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  const is = (selector, holds) => [...main.querySelectorAll(selector)].filter(holds);
  const said = node => node.textContent.trim();
  return [
    ...is("a, img, image, iframe, use", e => /example/.test(
      [...e.attributes].map(a => a.value.slice(0, 99)).join(" "))),
    ...is(".katex", e => /x\\^?2/.test(said(e)) && said(e).length < 9),
    ...is("b, strong, tspan", e => /^[yzql]$/.test(said(e))),
    ...is("h1, h2, h3", e => /^h %/.test(said(e))),
    ...is("[data-testid=stIconMaterial]", e => said(e) === "home"),
    ...is("[class*=colored], .stMarkdownColoredText", e => said(e) === "x"),
  ].map(e => e.outerHTML.slice(0, 300)).concat(window.planted ? ["a script ran"] : []);
}"""
"""What of `MARKUP` is drawn as what it would be, rather than shown."""


SETTLED: Final = """() => !document.querySelector('[data-stale=true]')
  && [...document.querySelectorAll('pre, .katex-display')].every(text => text.tabIndex === 0
    || (text.scrollWidth <= text.clientWidth && text.scrollHeight <= text.clientHeight))"""
"""What is about to be drawn anew is pale meanwhile; what scrolls takes the focus a moment later."""


@pytest.fixture(scope="module")
def planted_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home: Path = tmp_path_factory.mktemp("planted") / "lab-home"
    lab = Lab(home)
    populated(lab)
    plant_markup(lab)
    with born_server(home) as server:
        yield server


def watched(new_page: NewPage, color_scheme: str, server: Server) -> tuple[Window, list[str]]:
    """A window, and the addresses that it asks of others, which grow as they come."""
    window, elsewhere = new_page(color_scheme=color_scheme), []

    def note(request: Any) -> None:
        if not request.url.startswith((server.url, "data:", "blob:")):
            elsewhere.append(request.url)

    window.page.on("request", note)
    return window, elsewhere


def unfold(window: Window) -> None:
    """Open every fold, those within folds too."""
    closed = window.page.locator("details:not([open]) > summary")
    deadline_s = time.monotonic() + 60
    while closed.count() and time.monotonic() < deadline_s:
        n = closed.count()
        closed.first.click()
        window.wait_until(lambda: closed.count() != n, "a fold open")  # noqa: B023
        window.wait_idle()


def violations(window: Window) -> list[str]:
    """What axe finds, but for what is Streamlit's own."""
    axe: Any = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(window.page, options={"resultTypes": ["violations"]}).response
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]} {node['failureSummary'][:200]}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if STREAMLITS_OWN.get(rule["id"], " not it ") not in node["html"]
    ]


def complaints_about(window: Window, where: str) -> list[str]:
    """Markup that is drawn, and what axe finds, on the page as it stands; each says `where`."""
    found = [*window.page.evaluate(MARKUP_IN_PAGE), *violations(window)]
    return [f"{where}: {each}" for each in found]


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_every_page_shows_markup_as_text_asks_nobody_else_and_is_accessible(
    planted_lab: Server, new_page: NewPage, color_scheme: str, pytestconfig: pytest.Config
) -> None:
    """Some pages, fewer in the dark, where only colours are others; all of them with `--soak`."""
    window, elsewhere = watched(new_page, color_scheme, planted_lab)
    complaints = []
    for view in some_of(pytestconfig, VIEWS, N_VIEWS[color_scheme]):
        window.open(f"{planted_lab.url}/{view}")
        window.page.locator("h1").first.wait_for()
        unfold(window)
        window.page.wait_for_function(SETTLED)
        complaints += complaints_about(window, view[:20])
        assert window.page.locator("[data-testid=stException]").count() == 0, view
    assert complaints == [], "\n".join(complaints)
    assert elsewhere == []
    assert window.errors == []


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_what_opens_over_a_page_is_accessible_and_no_markup(
    planted_lab: Server, new_page: NewPage, color_scheme: str, pytestconfig: pytest.Config
) -> None:
    window, elsewhere = watched(new_page, color_scheme, planted_lab)
    complaints = []
    for view in some_of(pytestconfig, WITH_POPOVERS, 1):
        window.open(f"{planted_lab.url}/{view}")
        window.page.locator("[data-testid=stPopoverButton]").first.wait_for()
        unfold(window)
        for button in window.page.locator("[data-testid=stPopoverButton]:visible").all():
            button.click()
            body = window.page.locator("[data-testid=stPopoverBody]")
            body.wait_for()
            window.wait_idle()
            complaints += complaints_about(window, f"{view}, {button.inner_text()}")
            window.page.keyboard.press("Escape")
            body.wait_for(state="detached")
        for button in window.page.locator(".st-key-train_branch button:visible").all():
            button.click()
            window.page.locator("[role=dialog]").wait_for()
            window.wait_idle()
            complaints += complaints_about(window, f"{view}, the dialog")
    assert complaints == [], "\n".join(complaints)
    assert elsewhere == []


@pytest.mark.parametrize(
    ("view", "field"),
    [
        ("train?view=runs", ".st-key-runs_search input"),
        ("generate", ".st-key-generate_prompt textarea"),
        ("compare", ".st-key-compare_passage textarea"),
        ("glossary", ".st-key-glossary_search input"),
    ],
)
def test_what_is_typed_is_no_markup(
    planted_lab: Server, new_page: NewPage, view: str, field: str
) -> None:
    window, elsewhere = watched(new_page, "light", planted_lab)
    window.open(f"{planted_lab.url}/{view}")
    typed = window.page.locator(field).first
    typed.fill(EVERYTHING)
    typed.press("Control+Enter")
    window.wait_idle()
    assert window.page.evaluate(MARKUP_IN_PAGE) == []
    assert elsewhere == []


def test_the_name_of_a_file_and_what_is_in_it_are_no_markup(
    planted_lab: Server, new_page: NewPage
) -> None:
    window, elsewhere = watched(new_page, "light", planted_lab)
    window.open(f"{planted_lab.url}/corpus")
    file = {"name": f"{MARKUP[2]}.txt", "mimeType": "text/plain"}
    window.page.locator("[data-testid=stFileUploader] input").set_input_files(
        [{**file, "buffer": f"{EVERYTHING}\n".encode() * 20}]  # type: ignore[list-item]
    )
    name = window.page.locator("[class*=st-key-corpus_name_] input")
    name.wait_for()
    for typed in (EVERYTHING[:60], "planted"):  # the first is refused, and quoted
        name.fill(typed)
        name.press("Enter")
        window.wait_idle()
        window.page.locator(".st-key-corpus_add button").click()
        window.wait_idle()
        assert window.page.evaluate(MARKUP_IN_PAGE) == []
    window.page.get_by_text("planted").first.wait_for()
    assert elsewhere == []


MOVING: Final = """() => document.getAnimations()
  .filter(({ effect }) => effect.getComputedTiming().activeDuration > 10)
  .map(({ effect }) => effect.target.outerHTML.slice(0, 200))"""
"""What fades, slides or spins for longer than anybody sees, by its element."""


def test_nothing_moves_where_the_system_asks_for_that(
    planted_lab: Server, new_page: NewPage
) -> None:
    """The windows of these tests ask for it."""
    window = new_page()
    for view in ("train", "attention"):
        window.page.goto(f"{planted_lab.url}/{view}", wait_until="commit")
        moving: list[str] = []
        while not window.page.locator("h1").count():  # also while it is being drawn
            moving += window.page.evaluate(MOVING)
        window.wait_idle()
        window.page.locator(".st-key-scrubber button, [data-testid=stTooltipIcon]").first.hover()
        moving += window.page.evaluate(MOVING)
        assert moving == [], view
