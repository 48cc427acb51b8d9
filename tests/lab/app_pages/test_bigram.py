"""Bigram: learned beside counted, from before the first run to after the text is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.interpretability.transitions import transition_probabilities
from core.runs.lab import Lab
from core.text.reference import bigram_loss, bigram_probabilities
from tests.helpers import add_corpus, play, trained, wait_until
from tests.pages import open_page, pages, scrubber_of
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]

TABLE, ROW = "bigram_table", "bigram_row"


@pytest.fixture(autouse=True)
def short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)


def finished(pages: Lab, text: str | None = None, **changes: Any) -> str:
    corpus = add_corpus(pages, "tiny", text or play(4_000))
    return trained(pages, corpus, "bigram", **{"learning_rate": 0.1, **changes})


def show(app: AppTest, view: str) -> None:
    app.segmented_control(key="bigram_view").set_value(view).run()
    assert not app.exception


def said(app: AppTest) -> str:
    return " ".join(e.value for e in (*app.markdown, *app.caption, *app.warning))


def drawn(plots: Plots) -> Any:
    """The numbers behind the colours of the table."""
    z = plots.figures[TABLE].data[0].z
    return np.sign(z) * z**2


def test_before_any_run_the_counts_are_shown(pages: Lab, plots: Plots) -> None:
    app = open_page("bigram")
    corpus = pages.library.load()
    V = len(corpus.vocabulary)
    assert app.segmented_control(key="bigram_view").value == "counted"
    np.testing.assert_allclose(drawn(plots), bigram_probabilities(corpus.train, V), atol=1e-6)
    assert len(plots.figures[TABLE].layout.xaxis.ticktext) == V  # every character has its label
    show(app, "learned")
    np.testing.assert_allclose(drawn(plots), 1 / V, rtol=0.2)
    assert "untrained, step 0" in said(app)


def test_the_plots_are_sent_to_the_browser(pages: Lab) -> None:
    app = open_page("bigram")
    keys = [element.key for element in app.get("bidi_component")]
    assert {TABLE, ROW} <= set(keys)


def test_the_button_trains_a_quick_table(pages: Lab, plots: Plots) -> None:
    app = open_page("bigram")
    app.button(key="bigram_train").click().run()
    assert not app.exception
    (run,) = pages.runs()
    assert run.config == pages.configure("bigram", pages.library.load(), "quick")
    assert app.segmented_control(key="bigram_view").value == "learned"
    wait_until(lambda: pages.run(run.id).status == "finished", "the table is trained")
    app.run()
    assert scrubber_of(app)["moment"] == "best"


def test_learned_counted_and_their_difference(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    corpus = pages.corpus_of(run)
    learned = transition_probabilities(pages.model(run).model).numpy()
    counted = bigram_probabilities(corpus.train, len(corpus.vocabulary)).numpy()
    app = open_page("bigram")
    np.testing.assert_allclose(drawn(plots), learned, atol=1e-6)
    show(app, "counted")
    np.testing.assert_allclose(drawn(plots), counted, atol=1e-6)
    show(app, "difference")
    np.testing.assert_allclose(drawn(plots), learned - counted, atol=1e-6)
    shares = plots.figures["bigram_table"].data[0].colorbar.ticktext
    assert shares[:3] == ("−100 %", "−50 %", "−25 %") and not any("-" in each for each in shares)


def test_the_numbers_are_those_of_the_two_tables(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    corpus = pages.corpus_of(run)
    app = open_page("bigram")
    assert f"**{run.best_val_loss_nats:.3f}** nats" in said(app)
    counted_loss = bigram_loss(corpus.train, corpus.val, len(corpus.vocabulary))
    assert f"**{counted_loss:.3f}**" in said(app)
    assert "percentage points on average" in said(app)


def test_a_click_and_the_box_choose_the_same_character(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    characters = pages.corpus_of(run).vocabulary.characters
    app = open_page("bigram")
    assert app.selectbox(key="bigram_character").value == "t"
    plots.click(TABLE, x=3.0, y=characters.index("k") + 0.3)
    app.run()
    assert app.selectbox(key="bigram_character").value == "k"
    frame = plots.figures[TABLE].layout.shapes[0]
    assert (frame.y0 + frame.y1) / 2 == characters.index("k")
    learned = transition_probabilities(pages.model(run).model).numpy()[characters.index("k")]
    likeliest = plots.figures[ROW].layout.xaxis.ticktext[0]
    assert likeliest in ("i", "␣")
    assert plots.figures[ROW].data[0].y[0] == pytest.approx(
        learned[characters.index(likeliest.replace("␣", " "))], abs=1e-6
    )


def test_whitespace_can_be_chosen_by_its_name(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("bigram")
    assert "‘␣’ U+0020 space" in app.selectbox(key="bigram_character").options
    app.selectbox(key="bigram_character").set_value("\n").run()
    assert not app.exception
    assert "‘↵’ comes" in said(app)


def test_the_command_that_brings_its_text_back_can_be_read(pages: Lab) -> None:
    finished(pages)
    pages.bin_corpus("tiny")
    (warning,) = open_page("bigram").warning
    assert "in the bin" in warning.value
    assert "`python -m core corpus restore tiny`" in warning.value


def test_without_its_text_a_run_still_shows_what_it_learned(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    learned = transition_probabilities(pages.model(run).model).numpy()
    (pages.home.corpora / "tiny.txt").unlink()
    app = open_page("bigram")
    np.testing.assert_allclose(drawn(plots), learned, atol=1e-6)
    assert "Nothing can be counted" in app.warning[0].value and "is gone" in app.warning[0].value
    assert app.segmented_control(key="bigram_view").options == ["learned"]
    assert len(plots.figures[ROW].data) == 1


def test_of_a_huge_alphabet_the_most_frequent_characters_are_shown(
    pages: Lab, plots: Plots
) -> None:
    rare = "".join(chr(0x4E00 + i) for i in range(300))
    finished(pages, text=rare + play(4_000))
    app = open_page("bigram")
    assert drawn(plots).shape == (60, 60)
    assert "rarer ones are left out" in said(app)
    assert "‘e’" in app.selectbox(key="bigram_character").options


def test_characters_of_markdown_and_html_stay_what_they_are(pages: Lab, plots: Plots) -> None:
    finished(pages, text=play(3_000) + "<b>*$x$*</b> & " * 60)
    app = open_page("bigram")
    app.selectbox(key="bigram_character").set_value("*").run()
    assert "‘\\*’ comes" in said(app)
    assert any("&lt;" in label for label in plots.figures[TABLE].layout.xaxis.ticktext)
