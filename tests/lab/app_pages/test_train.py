"""Train: every control changes the run, and the transport does what it says."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.settings.config import MODEL_SETTINGS, ModelKind
from lab.session.state import the_calibration
from tests.helpers import add_corpus, play, small_run, trained, wait_until
from tests.pages import open_page, pages

__all__ = ["pages"]

CHANGES: dict[str, Any] = {
    "block_size": 16,
    "n_layer": 2,
    "n_embd": 32,
    "n_head": 2,
    "batch_size": 4,
    "max_iters": 50,
    "learning_rate": 3e-3,
    "dropout": 0.2,
}


def control(app: AppTest, kind: str, name: str) -> Any:
    """The widget of one setting, whatever version of it is on the screen."""
    found = [w for w in getattr(app, kind) if (w.key or "").startswith(f"train_{name}_")]
    assert len(found) == 1, name
    return found[0]


def open_train(level: str = "all", corpus: str | None = None) -> AppTest:
    """The Train page with all controls, on a text."""
    app = open_page("train")
    app.segmented_control(key="train_level").set_value(level).run()
    if corpus:
        app.selectbox(key="train_corpus").set_value(corpus).run()
    assert not app.exception
    return app


def only_run(lab: Lab) -> RunRecord:
    (run,) = lab.runs()
    return run


def choose_model(app: AppTest, kind: ModelKind) -> None:
    app.segmented_control(key="train_model").set_value(kind).run()
    assert not app.exception


@pytest.fixture
def small(pages: Lab) -> Lab:
    """A lab with a small text, so that a run is over in a moment."""
    pages.library.add("small", play(3_000).encode(), "small")
    return pages


def test_an_empty_lab_shows_counted_lines_and_a_start_button(pages: Lab) -> None:
    app = open_page("train")
    buttons = {b.key for b in app.button if b.key.startswith("train_")}
    assert buttons == {"train_start", "train_step", "train_new_seed"}
    assert any("what counting alone reaches" in caption.value for caption in app.caption)


@pytest.mark.parametrize("kind", ["bigram", "attention", "transformer"])
def test_only_controls_that_the_model_has_are_there_and_each_changes_the_run(
    small: Lab, kind: ModelKind
) -> None:
    app = open_train(corpus="small")
    choose_model(app, kind)
    has = {n for n in CHANGES if n in MODEL_SETTINGS[kind]}
    has |= {"batch_size", "max_iters", "learning_rate"}
    shown = {w.key.removeprefix("train_").split(f"_{kind}_")[0] for w in app.select_slider}
    assert shown == has
    for name in CHANGES:  # in this order: the heads that fit follow from the width
        if name in has:
            control(app, "select_slider", name).set_value(CHANGES[name])
            app.run()
    control(app, "selectbox", "schedule").set_value("linear")
    control(app, "number_input", "seed").set_value(7)
    app.run()
    app.button(key="train_start").click().run()
    assert not app.exception
    flat = only_run(small).config.flat()
    assert {name: flat[name] for name in has} == {name: CHANGES[name] for name in has}
    assert (flat["schedule"], flat["seed"], only_run(small).corpus) == ("linear", 7, "small")
    wait_until(lambda: only_run(small).status == "finished", "the run is over")


def test_head_counts_that_do_not_divide_the_width_cannot_be_picked(pages: Lab) -> None:
    app = open_page("train")
    control(app, "select_slider", "n_head").set_value(8).run()
    control(app, "select_slider", "n_embd").set_value(48).run()
    heads = control(app, "select_slider", "n_head")
    assert heads.options == ["1", "2", "3", "4", "6", "8", "12"]
    control(app, "select_slider", "n_embd").set_value(32).run()
    heads = control(app, "select_slider", "n_head")
    assert heads.options == ["1", "2", "4", "8", "16"]
    assert heads.value == 8


def picture(app: AppTest) -> tuple[str, str]:
    """The picture of the model as SVG text, and what it is in words."""
    image = app.get("image")[0].proto.imgs[0]
    return b64decode(image.url.removeprefix("data:image/svg+xml;base64,")).decode(), image.alt


def test_the_picture_shows_what_the_sliders_say_and_marks_what_was_moved(pages: Lab) -> None:
    app = open_train()
    drawn, said = picture(app)
    assert said.startswith("64 characters of text") and "4 layers of 4 heads x 32" in said
    assert "Move a slider" in drawn and "A step reads 12 x 64 = 768 characters" in drawn
    control(app, "select_slider", "n_head").set_value(8).run()
    drawn, said = picture(app)
    assert "4 layers of 8 heads x 16" in said and "heads 4 → 8" in drawn
    app.run()  # a tick or another click is no move
    assert picture(app) == (drawn, said)
    control(app, "select_slider", "block_size").set_value(16).run()
    drawn, said = picture(app)
    assert said.startswith("16 characters") and "block size 64 → 16" in drawn
    assert "heads 4 → 8" in drawn  # it is still another than at first
    control(app, "select_slider", "block_size").set_value(64).run()
    assert "block size" not in picture(app)[0].split("heads 4")[1]
    choose_model(app, "bigram")
    assert picture(app)[1].startswith("1 character")


def test_the_help_of_a_control_says_what_moving_it_does_and_its_name_in_the_code(
    pages: Lab,
) -> None:
    help_text = control(open_train(), "select_slider", "n_head").help
    assert help_text.startswith("`n_head`: strands") and "the parameters stay the same" in help_text


def test_a_preset_sets_all_controls_and_a_new_seed_only_the_seed(pages: Lab) -> None:
    app = open_train()
    app.selectbox(key="train_preset_transformer").set_value("nanogpt-gpu").run()
    assert control(app, "select_slider", "n_embd").value == 384
    assert control(app, "select_slider", "dropout").value == 0.2
    control(app, "select_slider", "n_embd").set_value(192).run()
    app.button(key="train_new_seed").click().run()
    assert control(app, "number_input", "seed").value == 1338
    assert control(app, "select_slider", "n_embd").value == 192


def test_the_seed_is_said_plainly_also_at_the_simple_level(pages: Lab) -> None:
    app = open_page("train")
    assert app.segmented_control(key="train_level").value == "simple"
    for seed in (1337, 1338):
        assert [c for c in app.caption if c.value.endswith(f"Seed {seed}.")]
        app.button(key="train_new_seed").click().run()


def test_the_time_that_a_run_will_take_says_of_what_machine_it_is(pages: Lab) -> None:
    (costs,) = [c for c in open_page("train").caption if "on this machine" in c.value]
    assert "a machine that does nothing else" in costs.help and "FLOPs" in costs.help


def test_what_places_of_buttons_look_like_is_sent_once_for_a_page(pages: Lab) -> None:
    corpus = pages.library.load()
    pages.create_run(pages.configure("bigram", corpus, "quick"), corpus)
    sent = [html.proto.body for html in open_page("train").get("html")]
    assert sum("st-key-one_of_" in body for body in sent) == 1


def test_settings_outlive_a_look_at_another_model(pages: Lab) -> None:
    app = open_page("train")
    control(app, "select_slider", "n_layer").set_value(2).run()
    choose_model(app, "bigram")
    choose_model(app, "transformer")
    assert control(app, "select_slider", "n_layer").value == 2


def test_no_press_is_lost_on_a_page_that_wants_to_be_drawn_again(
    small: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the machine's speed comes to be known between two looks at it, before the button."""
    app = open_train(corpus="small")
    known = the_calibration()
    looks = iter([None])
    monkeypatch.setattr("lab.app_pages.train.the_calibration", lambda: next(looks, known))
    monkeypatch.setattr("lab.session.state.the_calibration", lambda: next(looks, known))
    app.button(key="train_step").click().run()
    assert next(looks, "all were taken") == "all were taken"
    wait_until(lambda: only_run(small).step == 1, "one step")
    assert "timing …" not in " ".join(caption.value for caption in app.caption)


def test_step_pause_resume_and_finish(small: Lab) -> None:
    app = open_train(corpus="small")
    app.button(key="train_step").click().run()
    wait_until(lambda: only_run(small).step == 1, "one step")
    app.run()
    assert only_run(small).status == "paused"
    app.button(key="train_step").click().run()
    wait_until(lambda: only_run(small).step == 2, "another step")
    app.button(key="train_resume").click().run()
    wait_until(lambda: only_run(small).step > 2, "it goes on")
    app.run()
    app.button(key="train_pause").click().run()
    wait_until(lambda: only_run(small).status == "paused", "it is held")
    app.run()
    app.button(key="train_finish").click().run()
    wait_until(lambda: only_run(small).status == "finished", "it is measured and over")
    run = only_run(small)
    assert run.step < run.max_iters and run.val_loss_nats is not None


def test_another_block_for_a_rung_without_layers_gives_it_one(pages: Lab) -> None:
    corpus = add_corpus(pages, "small", play(3_000))
    trained(
        pages, corpus, "transformer", block="ladder", ideas="", n_layer=0, name="owl embeddings"
    )
    app = open_page("train", run="owl embeddings", level="all")
    control(app, "selectbox", "block").set_value("classic").run()
    assert not app.exception and not app.error
    assert control(app, "select_slider", "n_layer").value == 1
    config = app.session_state["train_draft_transformer"].config()
    assert (config.model.block, config.model.n_layer, config.model.ideas) == ("classic", 1, "")
    control(app, "selectbox", "block").set_value("ladder").run()
    assert not app.exception and not app.error


def test_block_sizes_that_do_not_fit_the_text_cannot_be_picked(pages: Lab) -> None:
    pages.library.add("short", play(300).encode(), "short")
    app = open_train(corpus="short")
    assert not app.exception
    assert control(app, "select_slider", "block_size").options[-1] == "16 characters"


def test_a_text_too_short_for_any_block_is_said_and_nothing_is_left(pages: Lab) -> None:
    pages.library.add("tiny", b"to be or not", "tiny")
    app = open_train(corpus="tiny")
    assert not app.exception
    assert "too short for block size" in app.error[0].value.replace("\\", "")
    assert pages.runs() == []


def test_a_run_whose_corpus_is_gone_cannot_be_resumed_and_says_why(small: Lab) -> None:
    app = open_train(corpus="small")
    app.button(key="train_step").click().run()
    wait_until(lambda: only_run(small).step == 1, "one step")
    from core.service import service

    for running in service._services.values():
        running.close()
    service._services.clear()
    assert only_run(small).status == "interrupted"
    small.library.path("small").unlink()
    app = open_page("train")
    app.button(key="train_resume").click().run()
    assert "is gone" in app.error[0].value
    assert only_run(small).status == "interrupted"


def test_a_recipe_sets_the_controls_and_each_of_its_groups_can_be_switched(small: Lab) -> None:
    app = open_train(corpus="small")
    app.segmented_control(key="train_recipe").set_value("fastest").run()
    assert control(app, "select_slider", "ngrams").value == 5
    assert control(app, "selectbox", "optimizer").value == "muon"
    control(app, "selectbox", "optimizer").set_value("adamw").run()
    control(app, "select_slider", "ngrams").set_value(2).run()
    app.button(key="train_step").click().run()
    assert not app.exception
    made = only_run(small).config
    assert (made.model.block, made.model.ngrams, made.train.optimizer) == ("modern", 2, "adamw")
    assert (made.train.warmup_iters, made.train.min_lr) == (0, 0.0)
    control(app, "selectbox", "block").set_value("classic").run()
    assert not [w for w in app.select_slider if "ngrams" in (w.key or "")]
    app.segmented_control(key="train_recipe").set_value("classic").run()
    assert control(app, "selectbox", "optimizer").value == "adamw"
    assert control(app, "select_slider", "max_iters").value == 2000


def test_a_run_that_another_process_trains_can_only_be_watched(small: Lab) -> None:
    run_id = small_run(small, small.library.load("small"), "bigram")
    held = ActiveRun.open(small.home, small.store, run_id)  # by nobody whom the page knows
    held.advance(60.0, until=5)
    held.set_status("running")
    app = open_page("train")
    keys = {button.key for button in app.button}
    assert "train_reset" in keys and not keys & {"train_pause", "train_finish", "train_step"}
    assert any("Another process trains this run" in caption.value for caption in app.caption)
    held.close()


def test_what_a_run_will_cost_is_said_under_the_controls(small: Lab) -> None:
    app = open_train(corpus="small")
    wait_until(the_calibration_is_there, "a calibration")
    app.run()

    def said() -> str:
        (line,) = [c.value for c in app.caption if "FLOPs per character" in c.value]
        return str(line)

    assert "MiB of memory" in said()
    assert re.search(r"on this machine \((cpu|cuda), b?float(16|32)\)", said())
    before = said()
    control(app, "select_slider", "n_layer").set_value(2).run()
    assert said() != before


def the_calibration_is_there() -> bool:
    return the_calibration() is not None
