"""One truth: what a widget shows is what the page draws, whatever changes under it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.runs.lab import Lab
from lab.session import entry, train_choices
from tests.addresses import PAGES
from tests.helpers import add_corpus, filled, play, trained
from tests.pages import open_page, pages, scrub_to
from tests.plots import Plots, plots
from tests.screens import Screen

__all__ = ["pages", "plots"]

PAGES_WITH_WIDGETS = [page for page in PAGES if page != "ladder"]


def all_kinds(lab: Lab) -> dict[str, str]:
    plays, letters = (
        add_corpus(lab, "plays", play(3_000)),
        add_corpus(lab, "abc", "abcde" * 400),
    )
    return {
        "letters table": trained(lab, letters, "bigram"),
        "letters": trained(lab, letters, "transformer", block_size=4, n_layer=1),
        "table": trained(lab, plays, "bigram"),
        "wide": trained(lab, plays, "attention", block_size=32, n_head=4),
        "deep": trained(lab, plays, "transformer", block_size=16, n_layer=3),
        "small": trained(lab, plays, "transformer"),
    }


@pytest.fixture
def runs(pages: Lab) -> dict[str, str]:
    """Runs of all models, shapes and texts, by a name; the newest is the last."""
    return filled(pages, all_kinds)


def test_the_slider_the_row_and_the_sentence_name_one_character_after_another_block_size(
    pages: Lab, runs: dict[str, str], plots: Plots
) -> None:
    app = open_page("attention")
    screen = Screen(app)
    app.text_input(key="attention_text").set_value("to be or not to be").run()
    screen.look()
    screen.check()

    def agree(text: str) -> None:
        (label,) = screen.shown("attention_place")
        character, number = label[0], int(label[3:-1])
        assert text[number - 1] == character.replace("␣", " ")
        frame = plots.figures["attention_one_head"].layout.shapes[-1]
        assert (frame.y0 + frame.y1) / 2 == number - 1
        assert sum(f"‘{character}’ ({number}) takes most from" in c.value for c in app.caption) == 1

    agree("ot to be")
    screen.choose("attention_place", 8)
    assert screen.shown("attention_place") == ["e (8)"]
    screen.choose("attention_place", 2)
    agree("ot to be")
    for run, text in (("deep", " be or not to be"), ("wide", "to be or not to be")):
        screen.choose("attention_run", runs[run])
        agree(text)
    screen.choose("attention_place", 18)
    screen.choose("attention_run", runs["small"])
    agree("ot to be")
    scrub_to(app, runs["small"], "newest")
    screen.look()
    screen.choose("attention_head", 2)
    agree("ot to be")
    app.text_input(key="attention_text").set_value("not to be").run()
    screen.look()
    screen.check()
    agree("ot to be")


def test_the_bigram_s_character_is_the_row_that_is_framed(
    pages: Lab, runs: dict[str, str], plots: Plots
) -> None:
    screen = Screen(open_page("bigram"))
    screen.choose("bigram_character", "w")
    for run in ("letters table", "table"):
        screen.choose("bigram_run", runs[run])
        (shown,) = screen.shown("bigram_character")
        figure = plots.figures["bigram_table"]
        frame, rows = figure.layout.shapes[-1], figure.layout.yaxis.ticktext
        assert f"‘{rows[round((frame.y0 + frame.y1) / 2)].strip()}’" == shown


@pytest.mark.parametrize("page", PAGES_WITH_WIDGETS)
def test_every_widget_of_a_page_shows_what_the_page_holds(
    pages: Lab, runs: dict[str, str], page: str
) -> None:
    screen = Screen(open_page(page))
    screen.check()
    for key in screen.with_choices():
        if key not in screen.with_choices() or key == "compare_runs":
            continue  # gone with another choice; or several can be chosen
        for place in (-1, 0):
            if key in screen.with_choices():
                screen.choose_place(key, place)


def test_a_renamed_run_is_shown_by_its_new_name(pages: Lab, runs: dict[str, str]) -> None:
    app = open_page("generate")
    screen = Screen(app)
    pages.rename_run(runs["small"], "another")
    app.run()
    screen.look()
    screen.check()
    assert screen.shown("generate_run")[0].startswith("another · transformer · ")


def test_what_a_browser_brings_along_at_a_tick_is_no_choice(
    pages: Lab, runs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be from before the page set the widget anew; the next whole run is the reader's."""
    app = open_page("train")
    with monkeypatch.context() as ticking:
        for module in ("pickers", "switches"):
            ticking.setattr(f"lab.widgets.{module}.only_fragments_run", lambda: True)
        app.selectbox(key="train_run").set_value(runs["table"])
        app.segmented_control(key=train_choices.MODEL.key).set_value("bigram")
        app.run()
        assert app.selectbox(key="train_run").value == runs["small"]
        assert app.segmented_control(key=train_choices.MODEL.key).value == "transformer"
    app.selectbox(key="train_run").set_value(runs["table"]).run()
    assert app.selectbox(key="train_run").value == runs["table"]
    assert app.segmented_control(key=train_choices.MODEL.key).value == "bigram"
    app.segmented_control(key=train_choices.MODEL.key).set_value("attention").run()
    assert app.segmented_control(key=train_choices.MODEL.key).value == "attention"


@pytest.mark.parametrize(("fragments", "only"), [(None, False), ([], False), (["a"], True)])
def test_only_fragments_run_where_the_run_is_for_fragments(
    fragments: list[str] | None, only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = SimpleNamespace(fragment_ids_this_run=fragments)
    monkeypatch.setattr(entry, "get_script_run_ctx", lambda: context)
    assert entry.only_fragments_run() is only
