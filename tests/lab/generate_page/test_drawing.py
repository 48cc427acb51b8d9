"""The draw of a chosen character, another way from there, and the same prompt at many steps."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.generation.stages import stages_of
from core.runs.lab import Lab
from core.settings.config import SampleConfig
from lab.components.text_view import Choice, choice_from
from lab.figures.palette import DARK, LIGHT
from lab.figures.sampling import N_SHOWN, dice_figure, shown_characters, stages_figure
from lab.generate_page.drawing import drawing_text
from lab.generate_page.through_training import N_STEPS, spread_out
from lab.widgets.sheets import PlaceInText
from tests.helpers import filled, tiny_run
from tests.lab.app_pages.test_generate import let_it_write
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


@pytest.fixture
def written(pages: Lab, plots: Plots) -> AppTest:
    """The page with a text of 50 characters on it, none of which is chosen."""
    filled(pages, tiny_run, "attention", name="owl")
    app = open_page("generate")
    app.slider(key="generate_length").set_value(50)
    app.slider(key="generate_top_p").set_value(0.9)
    let_it_write(app)
    return app


def view(app: AppTest) -> dict[str, Any]:
    (found,) = [e for e in app.get("bidi_component") if e.key == "generate_text_0_0"]
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def choose(app: AppTest, place: int) -> None:
    app.session_state["generate_place"] = PlaceInText(0, 0, place)
    app.run()
    assert not app.exception


def test_the_stages_of_a_chosen_character_are_drawn(
    pages: Lab, plots: Plots, written: AppTest
) -> None:
    assert "generate_stages" not in plots.figures
    choose(written, 7)
    data = view(written)
    assert data["chosen"] == 7 and data["choosable"]
    loaded = pages.model(pages.run("owl"))
    config = SampleConfig(top_p=0.9, max_new_tokens=50)
    stages = stages_of(loaded.model, loaded.vocabulary, data["prompt"], data["added"][:7], config)
    assert loaded.vocabulary.characters[stages.token] == data["added"][7]
    figure = plots.figures["generate_stages"]
    shown = shown_characters(stages)
    for trace, values in zip(
        figure.data,
        (stages.logits, stages.tempered, stages.after_top_k, stages.after_top_p),
        strict=True,
    ):
        np.testing.assert_allclose(trace.y, values[shown], rtol=1e-5)
    said = drawing_text(stages, loaded.vocabulary.characters)
    assert said in [element.value for element in written.markdown]


def test_a_click_on_a_bar_goes_on_from_there(pages: Lab, plots: Plots, written: AppTest) -> None:
    choose(written, 7)
    data = view(written)
    characters = pages.model(pages.run("owl")).vocabulary.characters
    other = next(i for i, c in enumerate(characters) if c != data["added"][7])
    plots.click("generate_stages", x=0.0, y=0.1, customdata=other)
    written.run()
    assert not written.exception
    prompt = data["prompt"] + data["added"][:7] + characters[other]
    assert written.text_area(key="generate_prompt").value == prompt
    assert view(written)["prompt"] == prompt and view(written)["chosen"] is None


def test_a_button_does_the_same(pages: Lab, plots: Plots, written: AppTest) -> None:
    choose(written, 3)
    data = view(written)
    other = written.selectbox(key="generate_other").value
    written.button(key="generate_branch").click().run()
    assert written.text_area(key="generate_prompt").value == (
        data["prompt"] + data["added"][:3] + other
    )


def test_the_dice_fall_on_the_character_that_was_written(pages: Lab, plots: Plots) -> None:
    filled(pages, tiny_run, "attention", name="owl")
    loaded = pages.model(pages.run("owl"))
    config = SampleConfig(top_k=6, seed=11)
    stages = stages_of(loaded.model, loaded.vocabulary, "to", "", config)
    for palette in (LIGHT, DARK):
        figure = dice_figure(stages, loaded.vocabulary.characters, "attention", palette)
        (hit,) = [
            bar for bar in figure.data[:-1]
            if bar.base[0] <= stages.dice < bar.base[0] + bar.x[0]
        ]  # fmt: skip
        assert hit.customdata[0] == stages.token
        assert sum(bar.x[0] for bar in figure.data[:-1]) == pytest.approx(1)
        assert len(figure.data) == 6 + 1
        bars = stages_figure(stages, loaded.vocabulary.characters, config, "attention", palette)
        assert len(bars.data[0].y) <= N_SHOWN


def test_the_same_prompt_is_continued_at_many_steps(pages: Lab, plots: Plots) -> None:
    filled(pages, tiny_run, "attention", name="owl")
    app = open_page("generate")
    app.session_state["generate_through_training"] = True
    app.run()
    assert not app.exception
    steps = spread_out(pages.moments(pages.run("owl")))
    said = [c.value for c in app.caption]
    assert all(any(c.startswith(f"**step {step}**") for c in said) for step in steps)
    texts = [code.value for code in app.code][-len(steps) :]  # below what was kept in training
    assert len(texts) == len(steps) and len(set(texts)) > 1
    prompt = app.text_area(key="generate_prompt").value
    assert all(text.startswith(prompt.lstrip("\n")) for text in texts)


def test_steps_are_spread_out_by_their_ratio() -> None:
    steps = [0, 1, 2, 4, 8, 16, 32, 64, 100, 128, 200, 256, 300, 400, 500]
    kept = spread_out(steps)
    assert len(kept) == N_STEPS and kept[0] == 0 and kept[-1] == 500 and kept == sorted(kept)
    assert spread_out([0, 5]) == [0, 5]


@pytest.mark.parametrize(
    ("message", "choice"),
    [
        (None, None), ({"place": 3}, Choice(3)), ({"place": None}, Choice(None)),
        ({"place": 10}, None), ({"place": -1}, None), ({"place": True}, None),
        ({"place": "3"}, None), ("3", None),
    ],
)  # fmt: skip
def test_what_is_no_choice_is_none(message: object, choice: Choice | None) -> None:
    assert choice_from(message, 10) == choice
