"""Generate with several runs and several samples: each text is its run's own, and all is said."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.generation.sampling import write
from core.generation.stages import stages_of
from core.records.records import newest_of_each_model
from core.runs.lab import Lab
from core.settings.config import SampleConfig
from lab.generate_page.normal_words import kept_texts, spread_by_loss
from lab.widgets.sheets import PlaceInText
from tests.helpers import CommandLine, add_corpus, filled, play, trained
from tests.lab.app_pages.test_compare import one_of_each
from tests.lab.app_pages.test_generate import finished, let_it_write, text_at, words_of
from tests.pages import open_page, pages

__all__ = ["pages"]


@pytest.fixture
def three(pages: Lab) -> list[str]:
    """One finished run of each model, the newest first."""
    return filled(pages, one_of_each)


def write_short(app: AppTest) -> None:
    app.slider(key="generate_length").set_value(50)
    let_it_write(app)


def test_at_first_the_newest_run_of_each_model_continues_the_prompt(
    pages: Lab, three: list[str]
) -> None:
    app = open_page("generate")
    write_short(app)
    newest, *others = three
    beside = [run.id for run in newest_of_each_model(pages.runs()) if run.id in others]
    assert app.multiselect(key="generate_beside").value == beside
    prompt = app.text_area(key="generate_prompt").value
    for place, run_id in enumerate([newest, *beside]):
        loaded = pages.model(pages.run(run_id))
        config = SampleConfig(max_new_tokens=50)
        alone = write(loaded.model, loaded.vocabulary, prompt, config)
        assert text_at(app, place)["added"] == alone
        assert f"loss **{pages.run(run_id).best_val_loss_nats:.3f} nats**" in words_of(app)


def test_others_can_be_chosen_and_none_too(pages: Lab, three: list[str]) -> None:
    app = open_page("generate")
    app.multiselect(key="generate_beside").set_value([]).run()
    write_short(app)
    assert len(app.session_state["generate_sheets"]) == 1
    assert app.query_params["beside"] == "none"
    app.multiselect(key="generate_beside").set_value([three[2]]).run()
    assert "other runs" in app.info[0].value and text_at(app, 0)["is_past"]
    let_it_write(app)
    assert [s.wish.run_id for s in app.session_state["generate_sheets"]] == [three[0], three[2]]


def test_samples_are_those_of_the_command_line(
    pages: Lab, three: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    app = open_page("generate", samples="3", beside="none", seed="9")
    assert app.slider(key="generate_n_samples").value == 3
    write_short(app)
    said = CommandLine(capsys).ok(
        "generate", three[0], "--prompt", app.text_area(key="generate_prompt").value,
        "--n_samples", "3", "--max_new_tokens", "50", "--seed", "9",
    )  # fmt: skip
    assert [text_at(app, 0, text)["added"] for text in range(3)] == said["texts"]
    assert "seeds 9 to 11" in words_of(app)


def test_the_draw_of_a_later_sample_is_made_with_its_own_seed(pages: Lab, three: list[str]) -> None:
    app = open_page("generate", samples="2", beside="none")
    write_short(app)
    app.session_state["generate_place"] = PlaceInText(0, 1, 7)
    app.run()
    data = text_at(app, 0, 1)
    assert data["chosen"] == 7 and text_at(app, 0, 0)["chosen"] is None
    loaded = pages.model(pages.run(three[0]))
    stages = stages_of(
        loaded.model, loaded.vocabulary, data["prompt"], data["added"][:7],
        SampleConfig(max_new_tokens=50, seed=SampleConfig().seed + 1),
    )  # fmt: skip
    assert loaded.vocabulary.characters[stages.token] == data["added"][7]
    assert f"the dice fell on {stages.dice:.3f}" in words_of(app)


# --- the address ----------------------------------------------------------------------------------


def test_the_whole_of_the_controls_stands_in_the_address_and_is_read_from_it(
    pages: Lab, three: list[str]
) -> None:
    app = open_page("generate")
    assert set(app.query_params) == {"run"}, "what is usual needs no word"
    vocab_size = pages.run(three[0]).config.model.vocab_size
    app.text_area(key="generate_prompt").set_value("OWL:\nhoo")
    app.slider(key="generate_temperature").set_value(1.25)
    app.slider(key="generate_length").set_value(150)
    app.slider(key=f"generate_top_k_{vocab_size}").set_value(5)
    app.slider(key="generate_top_p").set_value(0.7)
    app.slider(key="generate_n_samples").set_value(2)
    app.number_input(key="generate_seed").set_value(7)
    app.multiselect(key="generate_beside").set_value([three[2]]).run()
    address = dict(app.query_params)
    assert address == {
        "run": pages.run(three[0]).name, "prompt": "OWL:\nhoo", "temperature": "1.25",
        "length": "150", "top_k": "5", "top_p": "0.7", "seed": "7", "samples": "2",
        "beside": pages.run(three[2]).name,
    }  # fmt: skip
    other = open_page("generate", **address)
    assert dict(other.query_params) == address
    assert other.text_area(key="generate_prompt").value == "OWL:\nhoo"
    assert other.slider(key=f"generate_top_k_{vocab_size}").value == 5
    assert other.multiselect(key="generate_beside").value == [three[2]]


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        ("temperature", "hot", "is a number from 0 to 2"),
        ("temperature", "nan", "is a number from 0 to 2"),
        ("seed", "-1", "is a whole number from 0"),
        ("samples", "9", "is a whole number from 1 to 4"),
        ("top_k", "999", "is a whole number from 0 to"),
        ("prompt", "a\x00b", "without control characters"),
        ("beside", "nobody", "names runs that are there"),
    ],
)
def test_what_an_address_cannot_say_is_left_out_and_said(
    three: list[str], part: str, value: str, says: str
) -> None:
    app = open_page("generate", **{part: value})
    (warning,) = app.warning
    assert says in warning.value.replace("\\", "") and part in warning.value.replace("\\", "")
    assert set(app.query_params) == {"run"}


# --- what cannot be read --------------------------------------------------------------------------


def test_a_run_that_cannot_read_the_prompt_is_named_and_one_click_helps_all(pages: Lab) -> None:
    trained(pages, add_corpus(pages, "letters", "abcde " * 400), "bigram", name="small")
    trained(pages, add_corpus(pages, "words", play(3_000)), "bigram", name="large")
    app = open_page("generate", run="large", beside="small")
    app.text_area(key="generate_prompt").set_value("OWL bed $")
    app.slider(key="generate_length").set_value(50)
    app.button(key="generate_write").click().run()
    refused = app.error[0].value.replace("\\", "")
    assert refused.startswith("large: ") and "small: " in refused and "‘O’" in refused
    app.button(key="generate_drop").click().run()
    finished(app)
    assert app.text_area(key="generate_prompt").value == " bed "
    assert not app.error and all(len(text_at(app, i)["added"]) == 50 for i in (0, 1))


# --- how good is normal ---------------------------------------------------------------------------


def test_texts_at_other_losses_stand_beside_and_the_nearest_is_marked(
    pages: Lab, three: list[str]
) -> None:
    app = open_page("generate", beside="none")
    kept = [
        text for run in pages.runs()
        for text in kept_texts(run, pages.store.samples(run.id), pages.store.estimates(run.id))
    ]  # fmt: skip
    shown = spread_by_loss(kept, [])
    assert len(shown) > 2
    assert [code.value for code in app.code] == [text.text for text in shown]
    assert "Press Write, and what is closest" in words_of(app)
    write_short(app)
    run = pages.run(three[0])
    nats = run.best_val_loss_nats
    assert nats is not None
    nearest = min(kept, key=lambda text: abs(text.loss_nats - nats))
    (marked,) = [c.value for c in app.caption if "◆ nearest to" in c.value]
    assert marked.startswith(f"**{nearest.loss_nats:.3f} nats**")
    assert f"wrote at {nats:.3f} nats, as unsure as among" in words_of(app).replace("\\", "")


# --- what is their own ----------------------------------------------------------------------------


def test_several_texts_stand_in_one_table_and_one_of_them_in_words(
    pages: Lab, three: list[str]
) -> None:
    app = open_page("generate")
    write_short(app)
    (table,) = [t.value for t in app.table if "repeats itself" in t.value.columns]
    names = [pages.run(run_id).name for run_id in three]
    assert {str(name).replace("\\", "") for name in table["text"][:3]} == set(names)
    box = app.selectbox(key="generate_held_shown")
    assert set(box.options) == set(names)
    box.set_value(names[2]).run()
    assert not app.exception and "repeats itself" in words_of(app)


def test_the_file_has_every_text_under_its_name(
    pages: Lab, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, Any] = {}

    def button(label: str, data: Any, *args: object, key: str, **kwargs: object) -> None:
        files[key] = data

    monkeypatch.setattr("streamlit.download_button", button)
    app = open_page("generate", samples="2", beside="none")
    write_short(app)
    name, prompt = pages.run(three[0]).name, app.text_area(key="generate_prompt").value
    assert files["generate_download"] == "\n\n".join(
        f"--- {name}, sample {i + 1} ---\n{prompt}{text_at(app, 0, i)['added']}" for i in (0, 1)
    ) + "\n"  # fmt: skip
