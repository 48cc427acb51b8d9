"""Home: something to look at before any training, one button, and a race that can be held."""

from __future__ import annotations

from core.config import MODEL_KINDS
from core.lab import Lab
from tests.helpers import wait_until
from tests.pages import open_page, pages

__all__ = ["pages"]


def buttons(app: object) -> set[str]:
    return {button.key for button in app.button}  # type: ignore[attr-defined]


def test_an_empty_lab_offers_to_train(pages: Lab) -> None:
    app = open_page()
    assert buttons(app) == {"home_train"}
    assert "guess the next character" in " ".join(m.value for m in app.markdown)
    assert pages.runs() == []


def test_the_button_starts_one_quick_run_of_each_model_and_pause_holds_all(pages: Lab) -> None:
    app = open_page()
    app.button(key="home_train").click().run()
    assert not app.exception
    assert sorted(run.model for run in pages.runs()) == sorted(MODEL_KINDS)
    transformer = next(run for run in pages.runs() if run.model == "transformer")
    assert transformer.config == pages.configure("transformer", pages.library.load(), "quick")
    wait_until(lambda: all(run.iter > 0 for run in pages.runs()), "all three learn")
    app.run()
    app.button(key="home_pause").click().run()
    wait_until(lambda: not any(r.status == "running" for r in pages.runs()), "all are held")
    app.run()
    assert buttons(app) == {"home_resume", "home_train"}


def test_a_run_in_the_hands_of_another_process_is_not_paused_but_said(pages: Lab) -> None:
    from core.run import ActiveRun

    corpus = pages.library.load()
    run_id = pages.create_run(pages.configure("bigram", corpus, "quick"), corpus, "elsewhere")
    theirs = ActiveRun(pages.home, pages.store, run_id)
    try:
        app = open_page()
        app.button(key="home_pause").click().run()
        assert "not being trained by this lab" in app.error[0].value
        assert pages.run(run_id).status == "running"
    finally:
        theirs.close()
