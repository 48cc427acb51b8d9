"""One training step, told on the Train page: its scenes, its numbers, and a run left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.interpretability.training_step import TrainingStep, tell_step, told_guess
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.runs.private_copy import PrivateCopy
from core.settings.config import MODEL_KINDS, ModelKind
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from lab.session.told_steps import StepSource, step_told
from lab.train_page.story import playing
from lab.train_page.story.words import SCENES
from lab.wording.glossary import TERMS, terms_in
from tests.helpers import (
    add_corpus,
    files_under,
    filled,
    play,
    small_run,
    train,
    trained,
    what_it_measured,
)
from tests.lab.app_pages.test_train import control
from tests.lab.wording.test_glossary import helps_on, words_on
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]

PICTURE = "train_story_plot"


def small_corpus(lab: Lab) -> Corpus:
    return add_corpus(lab, "small", play(3_000))


def finished(lab: Lab, kind: ModelKind = "transformer") -> RunRecord:
    return lab.run(filled(lab, trained_on_small, kind))


def trained_on_small(lab: Lab, kind: ModelKind) -> str:
    return trained(lab, small_corpus(lab), kind)


def unfolded(**query: str) -> AppTest:
    """The Train page after a click that opens the fold."""
    app = open_page("train", **query)
    app.session_state["train_story"] = True
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def scene_of(app: AppTest) -> int:
    """The scene whose button stands out."""
    (chosen,) = (
        n for n in range(len(SCENES))
        if app.button(key=f"story_scene_{n}").proto.type == "primary"
    )  # fmt: skip
    return chosen


def told_of(lab: Lab, run: RunRecord, n_ahead: int = 0) -> TrainingStep:
    private = PrivateCopy.of_run(lab, run)
    for _ in range(n_ahead):
        private.trainer.take_step()
    return tell_step(private.trainer)


def said(app: AppTest) -> str:
    """What is said below the picture and beside it, without what makes it Markdown."""
    prose = [m.value for m in app.markdown] + [c.value for c in app.caption]
    return "\n".join(prose).replace("\\", "").replace("**", "").replace("\N{NO-BREAK SPACE}", " ")


def test_nothing_is_computed_before_the_fold_is_opened(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(pages)
    asked: list[Any] = []

    def counted(trainer: Trainer) -> TrainingStep:
        asked.append(trainer)
        return tell_step(trainer)

    monkeypatch.setattr("lab.session.told_steps.tell_step", counted)
    app = open_page("train")
    assert not asked and PICTURE not in plots.figures
    app.session_state["train_story"] = True
    app.run()
    assert len(asked) == 1 and PICTURE in plots.figures
    press(app, "story_forward")
    assert len(asked) == 1  # and it is not computed twice


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_six_scenes_say_the_numbers_of_the_runs_next_step(
    pages: Lab, plots: Plots, kind: ModelKind
) -> None:
    run = finished(pages, kind)
    before = files_under(pages.home.path), what_it_measured(pages, run.id)
    told = told_of(pages, run)
    guess = told_guess(told, *told.typical)
    app = unfolded()
    assert f"Step {run.step + 1} reads 4 windows of 8 characters" in said(app)
    pictures = [plots.figures[PICTURE]]
    for scene in range(1, len(SCENES)):
        press(app, "story_forward")
        assert scene_of(app) == scene
        pictures.append(plots.figures[PICTURE])
    batch, layers, losses, gradient, update, after = pictures
    window, place = told.typical
    assert np.argwhere(np.asarray(batch.data[0].z) == 2).tolist() == [[window, place + 1]]
    right = np.asarray(layers.data[0].z)[:, -1]
    assert right == pytest.approx(guess.layers[:, guess.target].numpy(), rel=1e-4)
    assert np.asarray(losses.data[0].y) == pytest.approx(
        told.losses_before_nats[window].numpy(), rel=1e-4
    )
    assert float(np.min(gradient.data[0].y)) == pytest.approx(
        float(guess.logits_grad[guess.target]), rel=1e-3
    )
    assert list(gradient.data[1].x) == pytest.approx([p.grad_norm for p in told.parts], rel=1e-4)
    assert list(update.data[0].x) == pytest.approx([p.update_norm for p in told.parts], rel=1e-4)
    assert max(after.data[1].y) == pytest.approx(float(guess.after.max()), rel=1e-4)
    assert f"from {told.loss_before_nats:.4f} to {told.loss_after_nats:.4f} nats" in said(app)
    assert (files_under(pages.home.path), what_it_measured(pages, run.id)) == before


def test_before_any_run_the_first_step_of_the_settings_is_told(pages: Lab, plots: Plots) -> None:
    corpus = small_corpus(pages)
    app = open_page("train")
    app.selectbox(key="train_corpus").set_value("small").run()
    control(app, "select_slider", "block_size").set_value(16).run()
    app.session_state["train_story"] = True
    app.run()
    assert not app.exception and not pages.runs()
    assert "Step 1 reads 12 windows of 16 characters" in said(app)
    assert "no run is made" in said(app)
    signs = plots.figures[PICTURE].data[1].text
    assert len(signs) == 12 * 17 and {*signs} <= {"␣", "↵", *corpus.vocabulary.characters}


def test_the_step_after_it_is_the_runs_step_after_it(pages: Lab, plots: Plots) -> None:
    run = finished(pages)
    app = unfolded()
    press(app, "story_scene_5")
    press(app, "story_next")
    press(app, "story_next")
    told = told_of(pages, run, n_ahead=2)
    assert scene_of(app) == 0 and f"Step {run.step + 3} reads" in said(app)
    press(app, "story_scene_5")
    assert f"from {told.loss_before_nats:.4f} to {told.loss_after_nats:.4f} nats" in said(app)
    assert f"Step {run.step + 3}\n" in said(app)
    press(app, "story_scene_0")
    press(app, "story_back")
    assert scene_of(app) == 5
    earlier = told_of(pages, run, n_ahead=1)
    assert f"{earlier.loss_before_nats:.4f} to {earlier.loss_after_nats:.4f} nats" in said(app)


def test_it_plays_one_scene_at_a_time_and_stops_when_somebody_acts(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(pages, "bigram")
    app = unfolded()
    now = 1000.0
    monkeypatch.setattr("lab.train_page.story.playing.time.monotonic", lambda: now)
    assert app.button(key="story_play").label == "Play"
    press(app, "story_play")
    assert app.button(key="story_play").label == "Pause" and scene_of(app) == 0
    app.run()  # drawn for another reason: not yet
    assert scene_of(app) == 0
    for scene in (1, 2):
        now += 100.0 * playing.SPEEDS["slow"]  # however late a tick comes
        app.run()
        assert scene_of(app) == scene
    press(app, "story_play")
    now += 100.0
    app.run()
    assert scene_of(app) == 2 and app.button(key="story_play").label == "Play"
    press(app, "story_play")
    press(app, "story_back")
    now += 100.0
    app.run()
    assert scene_of(app) == 1 and app.button(key="story_play").label == "Play"


def test_the_speed_says_how_long_a_scene_is_shown(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(pages, "bigram")
    app = unfolded()
    now = 1000.0
    monkeypatch.setattr("lab.train_page.story.playing.time.monotonic", lambda: now)
    app.segmented_control(key="train_story_speed").set_value("fast").run()
    press(app, "story_play")
    now += playing.SPEEDS["fast"]
    app.run()
    assert scene_of(app) == 1
    app.segmented_control(key="train_story_speed").set_value("slow").run()
    now += playing.SPEEDS["fast"]
    app.run()
    assert scene_of(app) == 1


def test_it_ends_after_many_steps(
    pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "MAX_AHEAD", 1)
    finished(pages, "bigram")
    app = unfolded()
    press(app, "story_next")
    press(app, "story_scene_4")
    assert app.button(key="story_next").disabled and not app.button(key="story_forward").disabled
    now = 1000.0
    monkeypatch.setattr("lab.train_page.story.playing.time.monotonic", lambda: now)
    press(app, "story_play")
    now += 100.0
    app.run()
    assert scene_of(app) == 5
    app.run()
    assert app.button(key="story_play").label == "Play"
    assert app.button(key="story_forward").disabled


def test_another_guess_can_be_followed_by_keyboard_and_by_a_click(pages: Lab, plots: Plots) -> None:
    run = finished(pages)
    told = told_of(pages, run)
    app = unfolded()
    window, place = (box for box in app.number_input if box.label in ("Window", "Place"))
    window.set_value(2).run()
    (place,) = (box for box in app.number_input if box.label == "Place")
    place.set_value(4).run()
    assert "in window 2 at place 4" in said(app)
    plots.click(PICTURE, x=6, y=2)  # the seventh character of the third window
    app.run()
    app.run()
    assert "in window 3 at place 6" in said(app)
    press(app, "story_scene_2")
    loss = float(told.losses_before_nats[2, 5])
    assert f"= {loss:.3f} nats" in said(app)
    plots.click(PICTURE, x=1, y=0.5)
    app.run()
    app.run()
    assert f"= {float(told.losses_before_nats[2, 1]):.3f} nats" in said(app)


@pytest.mark.parametrize(("x", "y"), [(0, 1), (3, 40), (90, 1), (-5, -1)])
def test_a_click_beside_every_guess_does_nothing(
    pages: Lab, plots: Plots, x: float, y: float
) -> None:
    finished(pages, "bigram")
    app = unfolded()
    before = said(app)
    plots.click(PICTURE, x=x, y=y)
    app.run()
    assert not app.exception and said(app) == before


def test_a_step_can_be_told_from_every_checkpoint_and_the_beginning(
    pages: Lab, plots: Plots
) -> None:
    run = finished(pages)
    app = unfolded()
    source = app.selectbox(key=f"train_story_from_{run.id}")
    assert source.options[0] == f"step {run.step}, the newest checkpoint"
    assert source.options[-1] == "step 0, the start"
    source.set_value(0).run()
    assert "Step 1 reads" in said(app) and scene_of(app) == 0


def test_a_run_in_training_is_told_from_what_was_saved_last(pages: Lab, plots: Plots) -> None:
    run_id = train(pages, small_run(pages, small_corpus(pages), "attention"), until=15)
    app = unfolded()
    assert "Step 16 reads" in said(app)
    train(pages, run_id, until=17)
    app.run()
    assert "Step 16 reads" in said(app)  # who looks at one is not moved on to another
    app.selectbox(key=f"train_story_from_{run_id}").set_value(17).run()
    assert "Step 18 reads" in said(app)


def test_where_the_text_is_gone_it_is_said(pages: Lab, plots: Plots) -> None:
    finished(pages)
    app = open_page("train")
    pages.bin_corpus("small")
    app.session_state["train_story"] = True
    app.run()
    assert not app.exception
    (warning,) = (w.value for w in app.warning if "cannot be told" in w.value)
    assert "small" in warning


def test_a_run_that_was_resumed_another_way_is_told_anew(pages: Lab, plots: Plots) -> None:
    run_id = train(pages, small_run(pages, small_corpus(pages), "bigram"), until=15)
    first = StepSource.run(pages.run(run_id), 15)
    same = StepSource.run(pages.run(run_id), 15)
    assert first.name == same.name and step_told(first, 1) is step_told(same, 1)
    rate_before = step_told(first, 0).step.learning_rate
    run = ActiveRun.open(pages.home, pages.store, run_id)
    run.set_learning_rate(1e-3)  # from step 15 on, at which the checkpoint stays what it is
    run.close()
    other = StepSource.run(pages.run(run_id), 15)
    assert other.name != first.name
    assert step_told(other, 0).step.learning_rate < rate_before


@pytest.mark.parametrize("scene", range(len(SCENES)))
def test_words_of_the_field_are_explained_in_every_scene(pages: Lab, scene: int) -> None:
    finished(pages)
    app = unfolded()
    press(app, f"story_scene_{scene}")
    words, helps = words_on(app), helps_on(app)
    app.session_state["words_fold"] = True
    app.run()
    helps += "\n".join(c.value for fold in app.expander for c in fold.caption)
    missing = [term for term in terms_in(words) if TERMS[term] not in helps]
    assert not missing
