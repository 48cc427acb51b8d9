"""Attention: something to see at any time, choices in step, and texts that cannot be read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.interpretability.attention import AttentionWorth, attention_weights
from core.interpretability.examples import where_it_mattered
from core.interpretability.habits import head_habits, heads_worth, windows_to_look_at
from core.interpretability.head_arithmetic import Cell, CellArithmetic, cell_arithmetic
from core.interpretability.history import head_histories
from core.interpretability.parts import Part, attention_of, without
from core.records.events import Race
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.text.reference import reference_lines
from core.training.evaluation import split_loss, windows_loss
from lab.attention_page.examples import N_EXAMPLES
from lab.attention_page.head_words import (
    cell_sentence,
    corner_label,
    habit_sentence,
    look_sentence,
    worth_sentence,
)
from lab.attention_page.history_words import history_sentence
from lab.components.looking_text import LookingText
from lab.figures.cell_arithmetic import number_text
from lab.figures.examples import examples_alt
from lab.session.state import snapshot_steps
from tests.helpers import add_corpus, filled, play, small_run, tiny_run, train, trained
from tests.pages import open_page, pages, scrub_to, scrubber_of
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]

ALL, ONE, ROW = "attention_all_heads", "attention_one_head", "attention_row"
WORTHS, GUESSES = "attention_worths", "attention_guesses"
HISTORY, HISTORY_ONE = "attention_history_all", "attention_history_one"


@pytest.fixture(autouse=True)
def short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)


def finished(pages: Lab, kind: ModelKind = "transformer", **changes: Any) -> str:
    """A finished small run on a small corpus; returns its id."""
    return filled(pages, tiny_run, kind, **changes)


def type_text(app: AppTest, text: str) -> None:
    app.text_input(key="attention_text").set_value(text).run()
    assert not app.exception


def said(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.caption, *app.info, *app.warning))


def letters(plots: Plots, key: str = ONE) -> str:
    return "".join(plots.figures[key].layout.xaxis.ticktext)


def test_before_any_run_an_untrained_transformer_is_shown(pages: Lab, plots: Plots) -> None:
    app = open_page("attention")
    assert "untrained, step 0" in said(app)
    corpus = pages.library.load()
    shown = letters(plots).replace("␣", " ")
    assert shown in corpus.text[corpus.n_train :].split("\n") and 24 <= len(shown) <= 32
    assert list(plots.figures[ALL].layout.yaxis.ticktext) == ["layer 1", "layer 2", "layer 3"]
    assert "Spread almost evenly" in said(app)
    assert pages.runs() == []


def test_the_plots_are_sent_to_the_browser(pages: Lab) -> None:
    app = open_page("attention")
    keys = [element.key for element in app.get("bidi_component")]
    assert {ALL, ONE, ROW, "attention_looking_text"} <= set(keys)


def test_the_button_leads_to_training(pages: Lab, plots: Plots) -> None:
    app = open_page("attention")
    app.button(key="attention_train").click().run()
    assert not app.exception
    assert app.title[0].value != "Where each head looks"


def test_a_bigram_run_has_no_attention_and_that_is_said(pages: Lab, plots: Plots) -> None:
    name = pages.run(finished(pages, "bigram", name="plain table")).name
    app = open_page("attention")
    assert f"{name} is a bigram table: it has no attention" in said(app)
    assert "untrained" in said(app)


def test_the_run_s_checkpoints_are_shown_and_named(pages: Lab, plots: Plots) -> None:
    rising = dict(learning_rate=3.0, warmup_iters=60, schedule="constant", max_iters=60)
    run = pages.run(finished(pages, **rising))
    app = open_page("attention")
    assert scrubber_of(app)["readout"].startswith(f"step {run.best_step} of 60 · estimate ")
    best = plots.figures[ONE].data[0].z
    scrub_to(app, run.id, "newest")
    assert scrubber_of(app)["readout"].startswith("step 60 of 60")
    assert run.best_step != 60, "the rate rises until the run gets worse again"
    assert not np.array_equal(best, plots.figures[ONE].data[0].z, equal_nan=True)


def test_only_the_last_block_of_a_long_text_is_read_and_that_is_said(
    pages: Lab, plots: Plots
) -> None:
    finished(pages)  # block_size 8
    app = open_page("attention")
    type_text(app, "to be or not to be")
    assert "sees 8 characters at most, so it is given only the last 8 of these 18" in said(app)
    assert letters(plots) == "ot␣to␣be"
    type_text(app, "to be")
    assert "at most, so" not in said(app)


def test_a_very_long_context_is_cut_to_what_can_be_drawn(pages: Lab, plots: Plots) -> None:
    finished(pages, block_size=200, max_iters=2)
    app = open_page("attention")
    type_text(app, "to be " * 40)
    assert plots.figures[ONE].data[0].z.shape == (128, 128)
    assert plots.figures[ROW].data[0].y.shape == (200,)  # the model reads them all
    app.select_slider(key="attention_place").set_value(200).run()
    assert "The map has room for 128 of the 200 characters: here are 73 to 200" in said(app)
    plots.click(ONE, x=3.0, y=10.0)
    app.run()
    assert app.select_slider(key="attention_place").value == 83  # the eleventh from the 73rd on
    assert "here are 9 to 136" in said(app)


def test_a_click_and_the_controls_choose_the_same_head(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("attention")
    type_text(app, "to be or")
    first = plots.figures[ONE].data[0].z
    plots.click(ALL, x=0.9, y=1.2)
    app.run()
    assert app.segmented_control(key="attention_layer").value == 2
    assert app.segmented_control(key="attention_head").value == 2
    clicked = plots.figures[ONE].data[0].z
    assert not np.array_equal(first, clicked, equal_nan=True)
    app.segmented_control(key="attention_layer").set_value(1)
    app.segmented_control(key="attention_head").set_value(1).run()
    assert np.array_equal(first, plots.figures[ONE].data[0].z, equal_nan=True)
    plots.click(ALL, x=7.0, y=-3.0)  # outside
    app.run()
    assert app.segmented_control(key="attention_head").value == 1


def test_a_click_on_a_row_chooses_the_character_whose_bars_are_drawn(
    pages: Lab, plots: Plots
) -> None:
    finished(pages)
    app = open_page("attention")
    type_text(app, "to be or")
    app.select_slider(key="attention_place").set_value(8).run()
    plots.click(ONE, x=0.0, y=3.2)
    app.run()
    assert app.select_slider(key="attention_place").value == 4
    app.segmented_control(key="attention_scale").set_value("share").run()
    row = plots.figures[ONE].data[0].z[3, :4] ** 2
    np.testing.assert_allclose(plots.figures[ROW].data[0].y[:4], row, atol=1e-6)
    type_text(app, "to")
    assert app.select_slider(key="attention_place").value == 2


class Reader:
    """Stands in for the text on the screen: notes what is shown, and chooses a character once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.choice: int | None = None
        monkeypatch.setattr("lab.attention_page.maps.looking_text", self.looking_text)
        monkeypatch.setattr("lab.attention_page.choices.event_of", self.event_of)

    def looking_text(self, shown: LookingText, palette: Any, *, key: str) -> None:
        self.shown = shown

    def event_of(self, key: str, name: str) -> int | None:
        choice, self.choice = self.choice, None
        return choice


def test_text_slider_and_map_choose_the_same_character(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(pages)
    reader = Reader(monkeypatch)
    app = open_page("attention")
    type_text(app, "to be or")
    app.select_slider(key="attention_place").set_value(8).run()
    assert (reader.shown.text, reader.shown.place) == ("to be or", 7)
    reader.choice = 4
    app.run()
    assert app.select_slider(key="attention_place").value == 5 and reader.shown.place == 4
    assert "‘e’ (5) takes most from" in said(app)
    frame = plots.figures[ONE].layout.shapes[0]
    assert (frame.y0, frame.y1) == (3.5, 4.5)
    app.select_slider(key="attention_place").set_value(3).run()
    assert reader.shown.place == 2
    app.segmented_control(key="attention_layer").set_value(2).run()
    assert (reader.shown.layer, reader.shown.place) == (2, 2)
    loaded = pages.model(pages.runs()[0])
    weights = attention_weights(loaded.model, loaded.vocabulary, "to be or").numpy()
    np.testing.assert_array_equal(reader.shown.weights, weights[1])


# --- the arithmetic of one cell -------------------------------------------------------------------


def unfold(app: AppTest) -> None:
    app.session_state["attention_cell"] = True
    app.run()
    assert not app.exception


@pytest.mark.parametrize("kind", ["attention", "transformer"])
def test_the_arithmetic_of_a_cell_is_computed_when_it_is_opened(
    pages: Lab, plots: Plots, kind: ModelKind
) -> None:
    finished(pages, kind)
    app = open_page("attention")
    type_text(app, "to be or")
    assert not app.code and not any("cell" in key for key in plots.figures)
    unfold(app)
    plots.click(ONE, x=2.0, y=5.1)
    app.run()
    assert app.select_slider(key="attention_key").value == 3
    found = cell_of(pages, Cell(1, 1, 6, 3))
    products = plots.figures["attention_cell_score"].data[0].y
    np.testing.assert_allclose(products, found.products, atol=1e-6)
    scores, weights = plots.figures["attention_cell_softmax"].data
    np.testing.assert_allclose(scores.y, found.scores, atol=1e-6)
    np.testing.assert_allclose(weights.y, found.weights, atol=1e-6)
    output = plots.figures["attention_cell_output"].data[2].y
    np.testing.assert_allclose(output, found.output, atol=1e-6)
    assert [code.value for code in app.code if "@ k.mT" in code.value]
    assert any(number_text(found.score) in latex.value for latex in app.latex)
    frame = plots.figures[ONE].layout.shapes[1]
    assert (frame.x0, frame.y0) == (1.5, 4.5)


def test_another_row_has_its_own_cell_and_the_slider_chooses_in_it(
    pages: Lab, plots: Plots
) -> None:
    finished(pages)
    app = open_page("attention")
    type_text(app, "to be or")
    unfold(app)
    app.select_slider(key="attention_place").set_value(6).run()
    most = int(np.argmax(plots.figures[ROW].data[0].y[:6])) + 1
    slider = app.select_slider(key="attention_key")
    assert slider.value == most and len(slider.options) == 6
    other = 1 + most % 6
    slider.set_value(other).run()
    assert cell_sentence(cell_of(pages, Cell(1, 1, 6, other)).weight, "to be or", 5, other - 1) in (
        said(app)
    )
    app.select_slider(key="attention_place").set_value(1).run()  # it has no choice
    assert not app.exception and "takes 100\N{NO-BREAK SPACE}% from itself" in said(app)


def cell_of(pages: Lab, cell: Cell) -> CellArithmetic:
    loaded = pages.model(pages.runs()[0])
    return cell_arithmetic(loaded.model, loaded.vocabulary, "to be or", cell)


def test_the_single_layer_of_the_attention_model_is_no_choice(pages: Lab, plots: Plots) -> None:
    finished(pages, "attention")
    app = open_page("attention")
    type_text(app, "to be")
    keys = {control.key for control in app.segmented_control}
    assert keys == {"attention_head", "attention_scale"}
    app.segmented_control(key="attention_scale").set_value("share").run()
    assert plots.figures[ONE].data[0].colorscale[-1][1].upper() == "#0072B2"


def test_unknown_characters_are_named_and_can_be_left_out(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("attention")
    type_text(app, "to <b>be</b> é")
    assert app.warning[0].value.count("‘") == 4  # < > / and é, each once
    app.button(key="text_drop").click().run()
    assert app.text_input(key="attention_text").value == "to bbeb "
    assert not app.warning
    type_text(app, "ééé")
    app.button(key="text_drop").click().run()
    assert not app.warning and not app.exception  # nothing was left, so an example stands there


@pytest.mark.parametrize(("text", "words"), [("", "Type a text"), ("t", "can only look at itself")])
def test_too_short_a_text_is_said(pages: Lab, plots: Plots, text: str, words: str) -> None:
    app = open_page("attention")
    type_text(app, text)
    assert words in said(app)


def test_a_model_that_sees_one_character_has_nothing_to_choose(pages: Lab, plots: Plots) -> None:
    finished(pages, block_size=1, max_iters=2)
    app = open_page("attention")
    type_text(app, "to be")
    assert "can only look at itself" in said(app)


def test_a_live_run_is_followed(pages: Lab, plots: Plots) -> None:
    from core.runs.active_run import ActiveRun

    corpus = add_corpus(pages, "tiny", play(4_000))
    run_id = train(pages, small_run(pages, corpus, "transformer"), until=10)
    theirs = ActiveRun.open(pages.home, pages.store, run_id)
    try:
        app = open_page("attention")
        assert "is training: step 10 of 40" in said(app)
        assert scrubber_of(app)["readout"].startswith("step 10 of 40")
        assert scrubber_of(app)["moment"] == "newest"
        theirs.advance(60.0, until=30)
        app.run()
        assert scrubber_of(app)["readout"].startswith("step 30 of 40")
        scrub_to(app, run_id, 8)
        assert "The picture stays at step 8." in said(app)
        theirs.pause()
        app.run()
        assert scrubber_of(app)["readout"].startswith("step 8 of 40")
    finally:
        theirs.close()


def test_a_run_whose_corpus_is_gone_can_still_be_looked_at(pages: Lab, plots: Plots) -> None:
    finished(pages)
    (pages.home.corpora / "tiny.txt").unlink()
    app = open_page("attention")
    type_text(app, "to be")
    assert letters(plots) == "to␣be"
    assert not app.error


def test_the_example_is_a_line_of_the_runs_own_text(pages: Lab, plots: Plots) -> None:
    names = add_corpus(pages, "names", "emma\nolivia\nalexander\nava\n" * 100)
    trained(pages, names, "attention", block_size=16)
    app = open_page("attention")
    assert app.text_input(key="attention_text").value == "alexander"
    type_text(app, "emma")
    app.run()
    assert app.text_input(key="attention_text").value == "emma"


def test_heads_are_named_by_what_they_do_on_the_validation_text(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    app = open_page("attention")
    corpus, loaded = pages.corpus_of(run), pages.model(run)
    habits = head_habits(
        loaded.model, loaded.vocabulary, windows_to_look_at(loaded.model, corpus)[:, :-1]
    )
    (first, *_) = habits
    assert habit_sentence(first) in said(app)
    corners = [note.text for note in plots.figures[ALL].layout.annotations]
    assert [text for text in corners if text] == [c for c in map(corner_label, habits) if c]
    app.segmented_control(key="attention_layer").set_value(2).run()
    assert habit_sentence(habits[2]) in said(app)
    before = said(app)
    type_text(app, "to be or")
    assert habit_sentence(habits[2]) in before and habit_sentence(habits[2]) in said(app)


def test_the_colours_are_against_even_spreading_or_shares(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("attention")
    type_text(app, "to be or")
    against = plots.figures[ONE].data[0].z
    app.segmented_control(key="attention_scale").set_value("share").run()
    shares = plots.figures[ONE].data[0].z ** 2
    times = shares * np.arange(1, 9)[:, None]
    np.testing.assert_allclose(np.log2(times).clip(-3, None), against, atol=1e-4)


def test_parts_are_switched_off_and_what_they_are_worth_is_said(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    app = open_page("attention")
    type_text(app, "to be or")
    assert WORTHS not in plots.figures  # nothing is measured before it is asked for
    app.session_state["attention_switching"] = True
    app.run()
    corpus, loaded = pages.corpus_of(run), pages.model(run)
    windows = windows_to_look_at(loaded.model, corpus)
    worths = heads_worth(loaded.model, windows)
    assert list(plots.figures[WORTHS].data[0].x) == [w.delta_nats for w in worths]
    assert GUESSES not in plots.figures

    plots.click(WORTHS, x=0.1, y=1.2)
    app.run()
    second = worths[1]
    off = Part("head", second.layer, second.head)
    assert app.session_state["attention_off"] == [str(off)]
    rest = without(loaded.model, [off])
    before, after = (windows_loss(model, windows) for model in (loaded.model, rest))
    (sentence,) = (m.value for m in app.markdown if m.value.startswith("Without head"))
    assert f"Without head {off} the loss" in sentence
    assert f"from **{before:.3f}** to **{after:.3f} nats** on some of" in sentence
    guesses = plots.figures[GUESSES].data
    idx = loaded.vocabulary.encode("to be or")[None]
    for bars, model in zip(guesses, (loaded.model, rest)):
        expected = model(idx)[0, -1].softmax(dim=-1).detach()
        assert max(bars.y) == pytest.approx(float(expected.max()), abs=1e-6)
    assert f"{after:.3f}" in plots.figures[WORTHS].data[0].hovertext[1]

    app.toggle(key="attention_off_whole").set_value(True).run()
    whole = split_loss(rest, corpus.val)
    assert any(f"to **{whole:.3f} nats** over the whole split" in m.value for m in app.markdown)
    plots.click(WORTHS, x=0.1, y=1.2)
    app.run()
    assert app.session_state["attention_off"] == []
    assert not any(m.value.startswith("Without head") for m in app.markdown)


def test_parts_that_the_next_model_lacks_are_on_again(pages: Lab, plots: Plots) -> None:
    one = pages.run(finished(pages, "transformer", name="two layers"))
    other = pages.run(trained(pages, pages.library.load("tiny"), "attention", max_iters=5))
    app = open_page("attention")
    app.selectbox(key="attention_run").set_value(one.id).run()
    app.session_state["attention_switching"] = True
    app.session_state["attention_off"] = ["1.1", "2.1", "mlp:1"]
    app.run()
    assert not app.exception
    app.selectbox(key="attention_run").set_value(other.id).run()
    assert not app.exception
    assert app.session_state["attention_off"] == ["1.1"]


# --- where heads mattered, and how they came to be ------------------------------------------------


def test_the_guesses_that_the_chosen_head_was_for_are_shown(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.interpretability.examples.MIN_PROBABILITY", 1e-3)  # it knows little
    run = pages.run(finished(pages))
    loaded = pages.model(run)
    windows = windows_to_look_at(loaded.model, pages.corpus_of(run))
    app = open_page("attention", layer="2", head="1")
    app.session_state["attention_switching"] = True
    app.run()
    assert not app.exception
    found = where_it_mattered(
        loaded.model, loaded.vocabulary, windows, Part("head", 2, 1), N_EXAMPLES
    )
    assert found
    assert any("Where layer 2 · head 1 mattered most" in m.value for m in app.markdown)
    (alt,) = [image.proto.imgs[0].alt for image in app.get("image")]
    assert alt == examples_alt(found)


def open_history(app: AppTest) -> None:
    app.session_state["attention_history"] = True
    app.run()
    assert not app.exception


def test_the_history_of_heads_is_measured_when_its_fold_is_opened(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    app = open_page("attention", head="2")
    assert HISTORY not in plots.figures
    open_history(app)
    steps = snapshot_steps(run.id)
    assert len(steps) > 4
    measured = []
    for step in steps:
        loaded = pages.snapshot(run, step)
        windows = windows_to_look_at(loaded.model, pages.corpus_of(run))
        measured.append(head_habits(loaded.model, loaded.vocabulary, windows[:, :-1]))
    head = head_histories(steps, measured)[1]
    assert any(m.value == history_sentence(head) for m in app.markdown)
    share, entropy = plots.figures[HISTORY_ONE].data
    np.testing.assert_allclose(share.y, head.shares, rtol=1e-5)
    np.testing.assert_allclose(entropy.y, [h.entropy_nats for h in head.measured], rtol=1e-5)
    names = [[cell[1] for cell in row] for row in plots.figures[HISTORY].data[0].customdata]
    np.testing.assert_allclose(np.array(names).T, [[h.score for h in each] for each in measured])


def test_a_snapshot_is_measured_once(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(pages)
    n_measured = []
    monkeypatch.setattr(
        "lab.session.measured.head_habits", lambda *a: n_measured.append(1) or head_habits(*a)
    )
    app = open_page("attention")
    st.cache_data.clear()  # a run of another test may be the same
    n_measured.clear()
    open_history(app)
    app.segmented_control(key="attention_head").set_value(2).run()
    assert len(n_measured) == 1 + len(snapshot_steps(run))  # and the model that is shown


def test_a_click_on_a_row_of_the_histories_chooses_the_head(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("attention")
    open_history(app)
    plots.click(HISTORY, x=2.0, y=3.1)
    app.run()
    assert app.segmented_control(key="attention_layer").value == 2
    assert app.segmented_control(key="attention_head").value == 2
    assert any(m.value.startswith("**Layer 2 · head 2") for m in app.markdown)


def test_a_run_without_snapshots_has_no_history_and_that_is_said(pages: Lab, plots: Plots) -> None:
    run = finished(pages)
    for path in pages.home.run_folder(run).glob("snapshot-*.pt"):
        path.unlink()
    app = open_page("attention")
    open_history(app)
    assert "kept no snapshots" in said(app)


# --- the address ----------------------------------------------------------------------------------


def test_the_address_names_head_and_text_and_says_what_is_chosen(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("attention", layer="2", head="2", text="to be or")
    assert not app.warning
    assert app.segmented_control(key="attention_layer").value == 2
    assert letters(plots) == "to␣be␣or"
    app.segmented_control(key="attention_head").set_value(1).run()
    type_text(app, "or not")
    address = dict(app.query_params)
    assert address.pop("run") and address == {"layer": "2", "text": "or not"}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ({"layer": "3"}, "layer is a whole number from 1 to 2"),
        ({"head": "x"}, "head is a whole number from 1 to 2"),
        ({"text": "to " * 200}, "text has 1 to 500 characters, not 600"),
    ],
)
def test_what_cannot_be_of_an_address_is_left_out_and_said(
    pages: Lab, plots: Plots, address: dict[str, str], says: str
) -> None:
    finished(pages)
    app = open_page("attention", **address)
    (warning,) = app.warning
    assert says in warning.value.replace("\\", "")
    assert app.segmented_control(key="attention_layer").value == 1
    app.run()
    assert [*app.query_params] == ["run"]


# --- what attention adds --------------------------------------------------------------------------


def worth(app: AppTest) -> list[str]:
    begins = "**This same model with its attention switched off**"
    return [m.value for m in app.markdown if m.value.startswith(begins)]


def ask_for_worth(app: AppTest) -> None:
    app.session_state["attention_worth"] = True  # a click that opens it
    app.run()


@pytest.mark.parametrize("kind", ["attention", "transformer"])
def test_what_attention_adds_is_measured_on_the_model_at_hand_when_asked(
    pages: Lab, plots: Plots, kind: ModelKind
) -> None:
    run = pages.run(finished(pages, kind))
    other = pages.run(trained(pages, pages.library.load("tiny"), "attention", max_iters=5))
    app = open_page("attention")
    app.selectbox(key="attention_run").set_value(run.id).run()
    assert not worth(app)
    ask_for_worth(app)
    corpus, model = pages.corpus_of(run), pages.model(run).model
    before = split_loss(model, corpus.val)
    after = split_loss(without(model, attention_of(model)), corpus.val)
    (sentence,) = worth(app)
    assert f"over {len(corpus.val) - 1:,} guesses on the validation text" in sentence
    assert f"from **{before:.3f}** to **{after:.3f} nats**" in sentence
    among = [f"**{math.exp(nats):.0f}**" for nats in (after, before)]
    assert f"as unsure as among {among[0]} characters instead of {among[1]}" in sentence
    assert ("sees nothing" if kind == "attention" else "sees one character only") in sentence
    counted = {line.name: line.loss_nats for line in reference_lines(corpus)}["bigram"]
    assert "It is not the bigram model" in sentence
    assert f"bigram counts get to {counted:.3f} (" in sentence
    app.selectbox(key="attention_run").set_value(other.id).run()
    (of_other,) = worth(app)
    assert f"from **{split_loss(pages.model(other).model, corpus.val):.3f}**" in of_other


def test_without_a_text_nobody_is_offered_to_measure_on_it(pages: Lab, plots: Plots) -> None:
    finished(pages)
    assert "What does attention add?" in offered(open_page("attention"))
    (pages.home.corpora / "tiny.txt").unlink()
    app = open_page("attention")
    assert "What does attention add?" not in offered(app)
    assert "so what its heads do cannot be measured" in said(app)


def offered(app: AppTest) -> list[str]:
    return [popover.proto.popover.label for popover in app.get("popover")]


def test_a_large_model_is_measured_on_the_beginning_of_the_text(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.session.measured.MEASURING_FLOPS", 0)
    trained(pages, add_corpus(pages, "long", play(20_000)), "attention")
    app = open_page("attention")
    ask_for_worth(app)
    assert "over 999 guesses on the validation text" in worth(app)[0]


def test_the_modern_block_looks_back_also_without_attention() -> None:
    config = resolve("transformer", 8, None, dict(block_size=8, n_embd=8, n_head=2), "fast").model
    found = AttentionWorth(with_nats=1.0, without_nats=2.0, n_guesses=10)
    assert "one character only" not in worth_sentence(found, config, 1.5)


def test_where_a_character_looks_most_is_said() -> None:
    row = np.asarray([0.1, 0.7, 0.2, 0.0], np.float32)
    assert (
        look_sentence(row, "t be", 2) == "‘b’ (3) takes most from ‘␣’ (2): 70\N{NO-BREAK SPACE}%."
    )
    assert "from itself: 100" in look_sentence(np.asarray([1.0, 0.0], np.float32), "to", 0)


# --- which run ------------------------------------------------------------------------------------


def test_of_a_race_the_model_of_one_layer_is_shown_unless_another_was_looked_at(
    pages: Lab, plots: Plots
) -> None:
    small = add_corpus(pages, "tiny", play(4_000))
    ids = {kind: trained(pages, small, kind) for kind in ("bigram", "attention", "transformer")}
    shown = open_page("attention").selectbox(key="attention_run")
    assert shown.value == ids["transformer"]  # three runs by themselves: the newest
    for run_id in ids.values():
        pages.store.add_event(run_id, 0, Race("r", "steps", 20))
    app = open_page("attention")
    assert app.selectbox(key="attention_run").value == ids["attention"]
    app = open_page("train")
    app.switch_page("app_pages/attention.py").run()
    assert app.selectbox(key="attention_run").value == ids["transformer"]  # it was on the bench
