"""Bigram: learned beside counted, from before the first run to after the text is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.interpretability.averaged import averaged_transitions
from core.interpretability.divergence import mean_divergence
from core.interpretability.transitions import transition_logits, transition_probabilities
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.storage.locks import take_lock
from core.storage.snapshots import SnapshotFolder
from core.text.characters import in_quotes
from core.text.reference import add_one, bigram_counts, bigram_loss, bigram_probabilities
from core.text.windows import sample_windows
from lab.figures.palette import LIGHT
from tests.helpers import add_corpus, play, trained, wait_until
from tests.pages import open_page, pages, scrub_to, scrubber_of
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


def in_address(app: AppTest, name: str) -> str:
    value: list[str] | str = app.query_params[name]  # a list where the test set it
    return value if isinstance(value, str) else value[0]


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
    assert app.segmented_control(key="bigram_view").options == ["learned", "logits"]
    assert app.segmented_control(key="bigram_order").options == ["alphabet", "similarity"]
    assert "bigram_divergence" not in plots.figures
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


# --- orders, logits, entropies --------------------------------------------------------------------


def test_an_order_moves_the_table_and_keeps_the_chosen_character(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    corpus = pages.corpus_of(run)
    app = open_page("bigram")
    before = drawn(plots)
    app.segmented_control(key="bigram_order").set_value("frequency").run()
    assert not app.exception
    often = torch.bincount(corpus.train, minlength=len(corpus.vocabulary))
    order = often.argsort(descending=True, stable=True)
    np.testing.assert_allclose(drawn(plots), before[order][:, order], atol=1e-6)
    labels = plots.figures[TABLE].layout.yaxis.ticktext
    assert labels[0].strip("\N{NO-BREAK SPACE}") == "␣"
    assert app.selectbox(key="bigram_character").value == "t"
    frame = plots.figures[TABLE].layout.shapes[0]
    t = corpus.vocabulary.characters.index("t")
    assert (frame.y0 + frame.y1) / 2 == order.tolist().index(t)
    likeliest = int(transition_probabilities(pages.model(run).model)[t].argmax())
    said = in_quotes(corpus.vocabulary.characters[likeliest])
    assert plots.alts[ROW].startswith(f"After ‘t’, learned: {said} ")
    plots.click(TABLE, x=0.0, y=0.0)
    app.run()
    assert app.selectbox(key="bigram_character").value == " "


def test_logits_are_those_of_the_model(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    app = open_page("bigram")
    show(app, "logits")
    logits = transition_logits(pages.model(run).model).numpy()
    np.testing.assert_allclose(plots.figures[TABLE].data[0].z, logits, atol=1e-6)


def test_entropies_stand_beside_the_rows_and_in_the_sentence(pages: Lab, plots: Plots) -> None:
    run = pages.run(finished(pages))
    corpus = pages.corpus_of(run)
    app = open_page("bigram")
    learned = transition_probabilities(pages.model(run).model).double()
    entropies = -(learned * learned.log()).sum(dim=1)
    bars = plots.figures[TABLE].data[1]
    np.testing.assert_allclose(bars.x, entropies.numpy(), atol=1e-5)
    t = corpus.vocabulary.characters.index("t")
    assert f"entropy {entropies[t]:.2f} nats learned" in said(app)


# --- the way to the counts ------------------------------------------------------------------------


def test_the_divergence_is_drawn_at_each_snapshot_and_what_is_left_is_said(
    pages: Lab, plots: Plots
) -> None:
    run = pages.run(finished(pages))
    corpus = pages.corpus_of(run)
    counted = bigram_probabilities(corpus.train, len(corpus.vocabulary))
    app = open_page("bigram")
    curve = plots.figures["bigram_divergence"].data[0]
    steps = [int(x) - 1 for x in curve.x]
    assert {*SnapshotFolder(pages.home.run_folder(run.id)).steps()} <= {*steps}
    for step, nats in zip(steps, curve.y):
        if step == run.best_step:
            continue  # the checkpoint itself, whose numbers were not halved
        model = pages.snapshot(run, step).model
        expected = mean_divergence(counted, transition_probabilities(model), corpus.train)
        assert nats == pytest.approx(expected, rel=1e-5)
    best = transition_probabilities(pages.model(run).model)
    left = mean_divergence(counted, best, corpus.train)
    assert f"At step {run.best_step} a guess costs **{left:.3f} nats** more" in said(app)


def test_the_best_and_worst_pairs_are_tables_of_numbers(pages: Lab) -> None:
    run = pages.run(finished(pages, text=play(30_000)))
    corpus = pages.corpus_of(run)
    app = open_page("bigram")
    worst, best = (frame.value for frame in app.dataframe)
    assert len(worst) == len(best) == 10
    assert worst["off by, nats"].abs().min() >= best["off by, nats"].abs().max()
    counts = bigram_counts(corpus.train, len(corpus.vocabulary))
    letters = corpus.vocabulary.characters
    for _, row in best.iterrows():
        i, j = (letters.index({"␣": " ", "↵": "\n"}.get(c, c)) for c in (row.after, row.comes))
        assert row.times == counts[i, j] >= 100
        assert row.counted == pytest.approx(100 * float(add_one(counts)[i, j]))


def test_where_no_pair_is_frequent_none_is_ranked(pages: Lab) -> None:
    finished(pages, text=play(1_000))
    app = open_page("bigram")
    assert not app.dataframe and "No two pairs come 100 times" in said(app)


# --- the same table inside other models -----------------------------------------------------------


def test_without_another_model_its_tables_say_how_to_get_one(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("bigram", source="averaged")
    assert "no run of attention or of a transformer yet" in app.info[0].value
    assert app.button(key="bigram_train_other").label == "Train another model"
    app.segmented_control(key="bigram_source").set_value("table").run()
    assert TABLE in plots.figures and not app.info


@pytest.mark.parametrize("kind", ["attention", "transformer"])
def test_another_model_after_one_character_alone(pages: Lab, plots: Plots, kind: ModelKind) -> None:
    table = pages.run(finished(pages))
    other = pages.run(trained(pages, pages.corpus_of(table), kind, name="owl"))
    app = open_page("bigram", run=table.name, source="alone")
    model = pages.model(other).model
    np.testing.assert_allclose(drawn(plots), transition_probabilities(model).numpy(), atol=1e-6)
    assert app.selectbox(key="bigram_other").value == other.id
    assert app.selectbox(key="bigram_run").value == table.id, "the page's run stays"
    corpus = pages.corpus_of(table)
    counted = bigram_probabilities(corpus.train, len(corpus.vocabulary))
    left = mean_divergence(counted, transition_probabilities(model), corpus.train)
    assert f"**owl** pays **{left:.3f} nats** a guess more" in said(app)
    assert plots.figures[ROW].data[0].marker.color == LIGHT.model(kind)
    assert len(plots.figures["bigram_divergence"].data[0].x) > 5


def test_another_model_averaged_over_contexts(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.session.transitions.MAX_WINDOWS", 6)
    table = pages.run(finished(pages))
    corpus = pages.corpus_of(table)
    other = pages.run(trained(pages, corpus, "transformer", name="owl"))
    app = open_page("bigram", run=table.name, source="averaged")
    model = pages.model(other).model
    windows, _ = sample_windows(corpus, model.config.block_size, 6)
    expected = averaged_transitions(model, windows)
    np.testing.assert_allclose(drawn(plots), expected.probabilities.numpy(), atol=1e-6)
    empty = int((expected.n_places == 0).sum())
    assert np.isnan(drawn(plots)).all(axis=1).sum() == empty > 0
    n_places = int(expected.n_places.sum())
    assert f"Averaged over {n_places} places in 6 windows" in said(app)
    assert f"{empty} rows are empty" in said(app)
    assert app.segmented_control(key="bigram_view").options == ["learned", "counted", "difference"]
    nowhere = corpus.vocabulary.characters[int((expected.n_places == 0).nonzero()[0])]
    app.selectbox(key="bigram_character").set_value(nowhere).run()
    assert not app.exception and "its row is empty" in said(app)


def test_the_newest_other_model_is_shown_until_one_is_picked(pages: Lab, plots: Plots) -> None:
    table = pages.run(finished(pages))
    corpus = pages.corpus_of(table)
    first = trained(pages, corpus, "transformer", name="first")
    trained(pages, corpus, "attention", name="second")
    app = open_page("bigram", run=table.name, source="alone")
    assert "**second** pays" in said(app)
    app.selectbox(key="bigram_other").set_value(first).run()
    assert not app.exception and "**first** pays" in said(app)
    assert in_address(app, "other") == "first"


@pytest.mark.parametrize("source", ["alone", "averaged"])
def test_the_slider_moves_the_model_that_is_on_the_screen(
    pages: Lab, plots: Plots, source: str
) -> None:
    table = pages.run(finished(pages))
    other = pages.run(trained(pages, pages.corpus_of(table), "transformer", name="owl"))
    app = open_page("bigram", run=table.name, source=source)
    at_the_best, early = drawn(plots), SnapshotFolder(pages.home.run_folder(other.id)).steps()[1]
    assert scrubber_of(app)["run"] == other.id
    scrub_to(app, other.id, early)
    assert not np.allclose(drawn(plots), at_the_best, equal_nan=True)
    if source == "alone":
        model = pages.snapshot(other, early).model
        np.testing.assert_allclose(drawn(plots), transition_probabilities(model), atol=1e-6)
    assert in_address(app, "step") == str(early)
    link = dict(run=table.name, source=source, other="owl", step=str(early))
    assert scrubber_of(open_page("bigram", **link))["moment"] == early
    app.segmented_control(key="bigram_source").set_value("table").run()
    assert scrubber_of(app)["run"] == table.id


def test_a_model_in_training_is_not_held_up(pages: Lab, plots: Plots) -> None:
    table = pages.run(finished(pages))
    other = trained(pages, pages.corpus_of(table), "transformer", name="owl")
    pages.store.update_run(other, status="running")
    lock = take_lock(pages.home, pages.run(other))
    app = open_page("bigram", run=table.name, source="averaged")
    assert "averaged when it has stopped training" in app.info[0].value
    lock.release()


# --- the address ----------------------------------------------------------------------------------


def test_the_address_is_taken_at_its_word_and_then_says_what_is_shown(
    pages: Lab, plots: Plots
) -> None:
    run = pages.run(finished(pages))
    app = open_page("bigram", run=run.name, view="logits", order="similarity")
    assert not app.warning
    assert app.segmented_control(key="bigram_view").value == "logits"
    assert app.segmented_control(key="bigram_order").value == "similarity"
    show(app, "difference")
    app.segmented_control(key="bigram_order").set_value("alphabet").run()
    assert in_address(app, "view") == "difference" and in_address(app, "run") == run.name
    assert "order" not in app.query_params, "what is usual needs no word"


def test_what_the_address_says_in_vain_is_left_out_with_a_sentence(
    pages: Lab, plots: Plots
) -> None:
    finished(pages)
    app = open_page("bigram", view="upside", order="random", source="cat", other="nobody")
    (sentence,) = [warning.value.replace("\\", "") for warning in app.warning]
    assert sentence.startswith("Left out of the address: ")
    for said in ("view is one of learned, logits, counted, difference, not 'upside'",
                 "order is one of", "source is one of", "other names no run"):  # fmt: skip
        assert said in sentence
    assert app.segmented_control(key="bigram_view").value == "learned"
    app.run()
    assert not {"view", "order", "source", "other"} & {*app.query_params}


def test_a_bigram_run_is_no_other_model(pages: Lab) -> None:
    run = pages.run(finished(pages))
    (warning,) = open_page("bigram", other=run.name).warning
    assert "is itself a bigram table" in warning.value
