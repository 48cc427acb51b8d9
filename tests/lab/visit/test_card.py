"""The card of the visit on the real pages: it leads, it knows what is done, and it can be left."""

from __future__ import annotations

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.runs.lab import Lab
from core.settings.config import MODEL_KINDS
from core.settings.presets import PRESETS
from core.text.corpus import Corpus
from lab.visit.notes import VisitNotes, keep_notes, notes_of
from lab.visit.tasks import Sight
from tests.helpers import add_corpus, play, small_run, train, trained, wait_until
from tests.pages import open_page, pages

__all__ = ["pages"]

QUICK = dict(block_size=8, batch_size=4, max_iters=20)
ALL_PAGES = ("home", "train", "ladder", "model", "attention", "bigram", "generate", "compare",
             "corpus", "glossary")  # fmt: skip


@pytest.fixture
def corpus(pages: Lab, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """A small text; what the visit trains on it takes a moment."""
    monkeypatch.setitem(PRESETS["quick"], "bigram", QUICK)
    monkeypatch.setitem(PRESETS["quick"], "attention", QUICK | dict(n_embd=8, n_head=2))
    shape = dict(n_embd=8, n_head=2, n_layer=2)
    monkeypatch.setitem(PRESETS["quick"], "transformer", QUICK | shape)
    return add_corpus(pages, "small", play(3_000))


def offered(app: AppTest) -> set[str]:
    """The keys of the visit's buttons."""
    return {str(b.key) for b in app.button if str(b.key).startswith("visit_")}


def next_on(app: AppTest) -> str:
    """The task whose button the card has."""
    (key,) = offered(app) - {"visit_fold", "visit_skip"}
    return key.removeprefix("visit_")


def said(app: AppTest) -> str:
    return " ".join(e.value for e in (*app.markdown, *app.caption)).replace("\\", "")


def press(app: AppTest, task: str) -> None:
    app.button(key=f"visit_{task}").click().run()
    assert not app.exception and not app.error


def wait_for(app: AppTest, lab: Lab, kind: str) -> None:
    wait_until(
        lambda: any(run.model == kind and run.status == "finished" for run in lab.runs()), kind
    )
    app.run()
    assert not app.exception


def on_text(app: AppTest, name: str) -> AppTest:
    app.session_state["train_corpus"] = name
    app.run()
    return app


def test_the_visit_leads_from_an_empty_lab_to_a_text(pages: Lab, corpus: Corpus) -> None:
    app = on_text(open_page(), "small")
    assert next_on(app) == "train_bigram" and "6 steps from a table of odds" in said(app)

    press(app, "train_bigram")
    assert app.title[0].value == "Train" and app.session_state["train_model"] == "bigram"
    wait_for(app, pages, "bigram")
    (run,) = pages.runs()
    assert run.config.train.max_iters == 20 and run.corpus == "small"
    assert f"{run.name} is trained" in said(app) and "1 of 6 steps done" in said(app)

    press(app, "read_matrix")
    assert app.session_state["bigram_view"] == "learned"
    assert "One row for each character" in said(app) and "2 of 6 steps done" in said(app)
    press(app, "see_limit")
    assert app.session_state["bigram_view"] == "difference"
    assert "what is missing is context" in said(app) and "3 of 6 steps done" in said(app)

    press(app, "train_attention")
    wait_for(app, pages, "attention")
    assert "than the bigram table" in said(app) and "3 of 6 steps done" in said(app)
    press(app, "see_head")
    assert app.title[0].value == "Where each head looks"
    assert "Each row of the map looks back" in said(app) and "4 of 6 steps done" in said(app)

    press(app, "train_transformer")
    wait_for(app, pages, "transformer")
    assert "than one layer of attention" in said(app) and "5 of 6 steps done" in said(app)
    press(app, "write")
    wait_until(lambda: "visit_close" in offered(app.run()), "a text")
    assert "all 6 steps done" in said(app) and notes_of(pages).state == "done"

    assert "all 6 steps done" in said(app.run())  # while one stays
    app.switch_page("app_pages/bigram.py").run()
    app.switch_page("app_pages/generate.py").run()
    assert offered(app) == set() and "Guided visit:" not in said(app)


@pytest.mark.parametrize("page", ALL_PAGES)
def test_on_every_page_of_an_empty_lab_the_first_thing_to_do_is_the_same(
    pages: Lab, page: str
) -> None:
    assert next_on(open_page(page)) == "train_bigram"


def test_what_was_begun_goes_on_in_another_tab_and_after_a_restart(
    pages: Lab, corpus: Corpus
) -> None:
    open_page()
    trained(pages, corpus, "bigram")
    open_page("bigram")
    assert next_on(open_page("corpus")) == "see_limit"
    assert notes_of(Lab(pages.home.path)) == VisitNotes("on", frozenset({"matrix"}))


def test_who_trains_without_the_card_is_not_asked_to_do_it_again(
    pages: Lab, corpus: Corpus
) -> None:
    open_page()
    for kind in MODEL_KINDS:
        trained(pages, corpus, kind)
    app = open_page("compare")
    assert next_on(app) == "read_matrix" and "2 of 6 steps done" in said(app)


def test_a_visit_that_is_skipped_is_gone_from_all_pages_and_found_again_on_home(
    pages: Lab,
) -> None:
    app = open_page("train")
    app.button(key="visit_skip").click().run()
    assert offered(app) == set() and "Guided visit:" not in said(app)
    assert offered(open_page("bigram")) == set()
    home = open_page()
    assert offered(home) == {"visit_offer"}
    home.button(key="visit_offer").click().run()
    assert next_on(home) == "train_bigram" and notes_of(pages).is_on


def test_a_visit_that_was_left_goes_on_and_one_that_was_finished_begins_anew(
    pages: Lab, corpus: Corpus
) -> None:
    for kind in MODEL_KINDS:
        trained(pages, corpus, kind)
    seen: frozenset[Sight] = frozenset({"matrix", "limit"})
    for notes, following in (
        (VisitNotes("off", seen), "see_head"),
        (VisitNotes("done", seen), "read_matrix"),
    ):
        keep_notes(pages, notes)
        app = open_page()
        app.button(key="visit_offer").click().run()
        assert next_on(app) == following


def test_in_a_lab_with_runs_no_page_has_a_card_and_home_has_the_way_to_it(
    pages: Lab, corpus: Corpus
) -> None:
    trained(pages, corpus, "bigram")
    assert offered(open_page("bigram")) == set()
    assert offered(open_page()) == {"visit_offer"}


def test_a_folded_card_is_one_line_that_names_what_is_next(pages: Lab) -> None:
    app = open_page()
    app.button(key="visit_fold").click().run()
    assert offered(app) == {"visit_fold", "visit_skip"}
    assert "next: train the bigram table" in said(app)
    app.switch_page("app_pages/train.py").run()
    assert offered(app) == {"visit_fold", "visit_skip"}
    app.button(key="visit_fold").click().run()
    assert next_on(app) == "train_bigram"


def test_a_run_that_was_interrupted_is_resumed_and_not_begun_again(
    pages: Lab, corpus: Corpus
) -> None:
    open_page()
    run_id = train(pages, small_run(pages, corpus, "bigram"), until=10)
    app = open_page()
    assert next_on(app) == "resume"
    assert "step 10 of 40 · interrupted" in said(app), "not what the whole run would take"
    press(app, "resume")
    assert app.title[0].value == "Train"
    wait_for(app, pages, "bigram")
    assert [run.id for run in pages.runs()] == [run_id] and next_on(app) == "read_matrix"


def test_a_text_of_another_model_or_an_untrained_one_is_not_the_end(
    pages: Lab, corpus: Corpus
) -> None:
    app = open_page("generate")
    app.button(key="generate_write").click().run()
    wait_until(lambda: "a second" in said(app.run()), "a text")
    assert notes_of(pages).seen == frozenset()


def test_the_card_draws_nothing_from_torch_s_generator(pages: Lab, corpus: Corpus) -> None:
    open_page()
    trained(pages, corpus, "bigram")
    trained(pages, corpus, "attention")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    open_page("home")
    assert torch.equal(torch.get_rng_state(), before)
