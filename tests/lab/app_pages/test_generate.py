"""Generate: the text is the model's, every setting changes it, and nothing of it is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.findings.meaning import why_garbled
from core.generation.originality import originality_of
from core.generation.sampling import TokenRecord, write
from core.runs.lab import Lab
from core.settings.config import SampleConfig
from core.text.reference import reference_lines
from core.text.repeats import verbatim_passages
from lab.components.text_view import scale_with_ink
from lab.figures.palette import DARK, LIGHT, Palette
from tests.helpers import add_corpus, filled, play, trained, wait_until
from tests.lab.figures.test_palette import contrast
from tests.pages import open_page, pages, scrub_to, scrubber_of

__all__ = ["pages"]

SHEETS = "generate_sheets"


@pytest.fixture
def run_id(pages: Lab) -> str:
    """A lab with one small finished run."""
    return filled(pages, quick_fox)


def quick_fox(lab: Lab) -> str:
    return trained(lab, add_corpus(lab, "small", play(3_000)), "attention", name="quick_fox")


def shown(app: AppTest) -> dict[str, Any]:
    """What the first text view was given."""
    return text_at(app, 0)


def text_at(app: AppTest, sheet: int, text: int = 0) -> dict[str, Any]:
    """What was given to the view of one of the texts of one of the runs."""
    return given_to(app, f"generate_text_{sheet}_{text}")


def given_to(app: AppTest, key: str) -> dict[str, Any]:
    (view,) = [e for e in app.get("bidi_component") if e.key == key]
    data: dict[str, Any] = json.loads(view.proto.json)
    return data


def words_of(app: AppTest) -> str:
    return " ".join(e.value for e in [*app.markdown, *app.caption, *app.error])


def let_it_write(app: AppTest) -> str:
    """Press Write, wait for the last character, and return what was added to the prompt."""
    app.button(key="generate_write").click().run()
    return finished(app)


def finished(app: AppTest) -> str:
    assert not app.exception
    writings = [sheet.writing for sheet in app.session_state[SHEETS] if sheet.writing]
    wait_until(lambda: all(w.snapshot().over for w in writings), "the texts are written")
    app.run()
    assert not app.exception
    added = shown(app)["added"]
    assert isinstance(added, str)
    return added


def test_a_run_that_was_deleted_elsewhere_leaves_its_writing_to_no_other(pages: Lab) -> None:
    """One would take another model's text for its own."""
    corpus = add_corpus(pages, "small", play(3_000))
    for name in ("owl", "fox"):
        trained(pages, corpus, name=name)
    app = open_page("generate", run="owl")
    pages.bin_run("owl")
    app.button(key="generate_write").click().run()
    assert "Nothing was done" in app.error[0].value
    assert SHEETS not in app.session_state
    let_it_write(app)
    assert [sheet.wish.run_name for sheet in app.session_state[SHEETS]] == ["fox"]


def test_before_any_run_an_untrained_model_writes(pages: Lab) -> None:
    app = open_page("generate")
    assert "untrained transformer" in words_of(app)
    assert [link.proto.page for link in app.get("page_link")] == ["train"]
    before = given_to(app, "generate_prompt_text")
    assert before["hint"] and before["added"] == ""
    app.slider(key="generate_length").set_value(50)
    assert len(let_it_write(app)) == 50
    assert "untrained, step 0" in words_of(app)
    assert pages.runs() == []


def test_a_text_says_why_it_reads_like_that(pages: Lab, run_id: str) -> None:
    app = open_page("generate")
    app.slider(key="generate_length").set_value(50)
    app.slider(key="generate_temperature").set_value(1.5)
    let_it_write(app)
    run = pages.run(run_id)
    assert run.best_val_loss_nats
    references = reference_lines(pages.corpus_of(run))
    reasons = why_garbled(
        run.best_val_loss_nats, SampleConfig(temperature=1.5), references, model="attention",
        steps=(run.best_step, run.max_iters),
    )  # fmt: skip
    assert len(reasons) >= 2 and reasons[0].startswith("Temperature 1.5")
    assert all(reason in words_of(app).replace("\\", "") for reason in reasons)


def test_the_text_is_the_runs_with_the_settings_on_the_screen(pages: Lab, run_id: str) -> None:
    app = open_page("generate")
    app.text_area(key="generate_prompt").set_value("OWL:\n")
    app.slider(key="generate_length").set_value(100)
    added = let_it_write(app)
    model = pages.model(pages.run(run_id))
    config = SampleConfig(max_new_tokens=100)
    assert added == write(model.model, model.vocabulary, "OWL:\n", config)
    data = shown(app)
    assert data["prompt"] == "OWL:\n"
    assert len(data["probabilities"]) == len(data["ranks"]) == 100
    assert data["vocab_size"] == len(model.vocabulary)
    assert "best checkpoint" in words_of(app) and "a second" in words_of(app)


@pytest.mark.parametrize(
    ("slider", "value"),
    [("generate_temperature", 2.0), ("generate_length", 150), ("generate_top_p", 0.1)],
)
def test_every_slider_changes_the_text(run_id: str, slider: str, value: float) -> None:
    app = open_page("generate")
    app.slider(key="generate_length").set_value(50)
    before = let_it_write(app)
    app.slider(key=slider).set_value(value)
    assert let_it_write(app) != before


def test_top_k_of_one_and_temperature_zero_both_take_the_likeliest(pages: Lab, run_id: str) -> None:
    app = open_page("generate")
    vocab_size = pages.run(run_id).config.model.vocab_size
    app.slider(key=f"generate_top_k_{vocab_size}").set_value(1)
    likeliest = let_it_write(app)
    assert set(shown(app)["ranks"]) == {1}
    app.slider(key=f"generate_top_k_{vocab_size}").set_value(0)
    app.slider(key="generate_temperature").set_value(0.0)
    assert let_it_write(app) == likeliest


def test_the_header_says_who_wrote_the_text_and_how(pages: Lab, run_id: str) -> None:
    app = open_page("generate")
    app.slider(key="generate_temperature").set_value(0.5)
    app.number_input(key="generate_seed").set_value(7)
    let_it_write(app)
    run = pages.run(run_id)
    said = words_of(app)
    assert f"(attention), loss **{run.best_val_loss_nats:.3f} nats**" in said
    assert f"best checkpoint, step {run.best_step} · as unsure as among" in said
    assert "Temperature 0.5 · seed 7." in said
    assert "Why it reads as it does" in said and f"At {run.best_val_loss_nats:.3f} nats" in (
        said.replace("\\", "")
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda app: app.slider(key="generate_temperature").set_value(1.2),
         "temperature 0.8 (now 1.2)"),
        (lambda app: app.number_input(key="generate_seed").set_value(5), "seed 1337 (now 5)"),
        (lambda app: app.text_area(key="generate_prompt").set_value("OWL"), "another prompt"),
        (lambda app: app.slider(key="generate_top_p").set_value(0.5), "top-p 1 (now 0.5)"),
        (lambda app: scrub_to(app, scrubber_of(app)["run"], "newest"), "best step"),
    ],
)  # fmt: skip
def test_a_text_that_the_controls_no_longer_ask_for_is_marked(
    run_id: str, change: Callable[[AppTest], Any], words: str
) -> None:
    app = open_page("generate")
    app.slider(key="generate_length").set_value(50)
    text = let_it_write(app)
    assert not app.info and not shown(app)["is_past"]
    change(app)
    app.run()
    assert [info.value for info in app.info] == [
        f"Written with other settings: {words}. Press Write."
    ]
    assert shown(app)["is_past"] and shown(app)["added"] == text
    let_it_write(app)
    assert not app.info and not shown(app)["is_past"]


def test_a_text_of_another_run_is_marked_and_a_renamed_run_s_is_not(
    pages: Lab, run_id: str
) -> None:
    app = open_page("generate")
    app.slider(key="generate_length").set_value(50)
    let_it_write(app)
    pages.rename_run(run_id, "slow")
    app.run()
    assert not shown(app)["is_past"]
    trained(pages, pages.library.load("small"), "bigram", name="table")
    app.run()
    app.selectbox(key="generate_run").set_value(pages.run("table").id).run()
    assert "quick" in app.info[0].value and shown(app)["is_past"]


def test_a_new_seed_is_another_text_and_the_old_one_the_same_again(run_id: str) -> None:
    app = open_page("generate")
    first = let_it_write(app)
    app.button(key="generate_new_seed").click().run()
    assert app.number_input(key="generate_seed").value != SampleConfig().seed
    assert let_it_write(app) != first
    app.number_input(key="generate_seed").set_value(SampleConfig().seed)
    assert let_it_write(app) == first


def test_the_last_checkpoint_can_be_asked(pages: Lab, run_id: str) -> None:
    app = open_page("generate")
    scrub_to(app, run_id, "newest")
    let_it_write(app)
    assert f"checkpoint, step {pages.run(run_id).step}" in words_of(app)


def test_a_step_of_its_training_can_be_asked(pages: Lab, run_id: str) -> None:
    app = open_page("generate", step="4")
    let_it_write(app)
    assert "snapshot, step 4" in words_of(app)


def test_unknown_characters_are_named_and_a_button_leaves_them_out(run_id: str) -> None:
    app = open_page("generate")
    app.text_area(key="generate_prompt").set_value("é OWL $")
    app.button(key="generate_write").click().run()
    assert not app.exception
    (error,) = app.error
    assert "é" in error.value and "$" in error.value
    app.button(key="generate_drop").click().run()
    assert finished(app)
    assert shown(app)["prompt"] == app.text_area(key="generate_prompt").value == " OWL "
    assert not app.error


def test_a_refusal_goes_when_the_prompt_changes(run_id: str) -> None:
    app = open_page("generate")
    app.text_area(key="generate_prompt").set_value("é")
    app.button(key="generate_write").click().run()
    assert app.error
    app.text_area(key="generate_prompt").set_value("OWL").run()
    assert not app.error


def test_the_first_prompt_is_one_that_the_run_can_read(pages: Lab) -> None:
    trained(pages, add_corpus(pages, "letters", "abcde" * 400))
    app = open_page("generate")
    prompt = app.text_area(key="generate_prompt").value
    assert prompt and prompt in "abcde" * 9 and let_it_write(app)


def test_the_prompt_follows_the_run_until_the_reader_types_another(pages: Lab) -> None:
    first = trained(pages, add_corpus(pages, "letters", "abcde" * 400))
    second = trained(pages, add_corpus(pages, "romeo", "ROMEO:\nO!\n" * 200))
    app = open_page("generate")
    assert app.text_area(key="generate_prompt").value == "ROMEO:\n"
    app.selectbox(key="generate_run").set_value(first).run()
    assert "abcde" in app.text_area(key="generate_prompt").value
    app.text_area(key="generate_prompt").set_value("ed").run()
    app.selectbox(key="generate_run").set_value(second).run()
    assert not app.exception and app.text_area(key="generate_prompt").value == "ed"


def endless(*args: object) -> Iterator[tuple[TokenRecord]]:
    import time

    while True:
        time.sleep(0.005)
        yield (TokenRecord(0, "a", 0.5, 1),)


def test_a_text_survives_other_widgets_and_pages_and_stops_when_asked(
    run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("generate")
    monkeypatch.setattr("lab.session.writing.generate_together", endless)
    app.button(key="generate_write").click().run()
    writing = app.session_state[SHEETS][0].writing
    assert "of 400 characters" in words_of(app)
    app.slider(key="generate_temperature").set_value(1.5).run()
    app.switch_page("app_pages/compare.py").run()
    app.switch_page("app_pages/generate.py").run()
    n_before = writing.snapshot().n_written
    wait_until(lambda: writing.snapshot().n_written > n_before, "it goes on")
    app.run()
    assert len(shown(app)["added"]) > n_before
    app.button(key="generate_stop").click().run()
    assert writing.snapshot().state == "stopped"
    app.run()
    assert "stopped after" in words_of(app)
    assert app.button(key="generate_write")


def test_the_text_and_the_name_are_shown_as_they_are(pages: Lab, run_id: str) -> None:
    pages.rename_run(run_id, "*bold* <b>")
    app = open_page("generate")
    app.text_area(key="generate_prompt").set_value("OWL:\n\nlo\n")
    let_it_write(app)
    assert shown(app)["prompt"] == "OWL:\n\nlo\n"
    title = next(m.value for m in app.markdown if "checkpoint" in m.value)
    assert r"\*bold\* \<b\>" in title


def test_a_run_whose_corpus_is_gone_still_writes(pages: Lab, run_id: str) -> None:
    pages.library.path("small").unlink()
    assert let_it_write(open_page("generate"))


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_text_can_be_read_on_every_colour_of_the_scale(palette: Palette) -> None:
    pairs = scale_with_ink(palette)
    assert len(pairs) == len(palette.probability_scale)
    assert pairs[0] == (palette.ground, palette.text)  # improbable looks like nothing
    assert pairs[-1][0] == palette.probability_scale[-1][1]
    for ground, ink in pairs:
        assert contrast(ground, ink) >= 6.0  # 4.5 is measured, and hard to read on teal
        assert contrast(grey(ground), grey(ink)) >= 4.5  # a text of before has no colour


def grey(color: str) -> str:
    """A colour under CSS's `grayscale(1)`, https://www.w3.org/TR/filter-effects-1/."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + 3 * f"{round(0.2126 * red + 0.7152 * green + 0.0722 * blue):02x}"


def test_the_seed_promises_the_same_text_only_where_all_else_is_the_same(pages: Lab) -> None:
    said = open_page("generate").number_input(key="generate_seed").help
    assert "as long as model, prompt and settings are the same" in said and "run" not in said


# --- by heart -------------------------------------------------------------------------------------


def alphabet(lab: Lab) -> str:
    """A run that can do nothing but say the alphabet."""
    corpus = add_corpus(lab, "alphabet", "abcdefghijklmnopqrstuvwxyz\n" * 60)
    return trained(lab, corpus, "bigram", max_iters=300, learning_rate=0.1)


def test_what_stands_in_the_training_text_is_marked_and_named(pages: Lab) -> None:
    run = pages.run(filled(pages, alphabet))
    app = open_page("generate")
    assert "the model's own" not in words_of(app)
    app.slider(key="generate_length").set_value(100)
    app.slider(key="generate_temperature").set_value(0.5)
    added = let_it_write(app)
    corpus = pages.corpus_of(run)
    passages = verbatim_passages(added, corpus.text[: corpus.n_train])
    assert passages and shown(app)["marks"] == [[p.start, p.length] for p in passages]
    table = next(t.value for t in app.table if "passage" in t.value.columns)
    assert [int(n) for n in table["characters"]] == [p.length for p in passages][:5]
    assert "the model's own" in words_of(app) and "repeats itself" in words_of(app)


def test_nothing_is_searched_for_before_a_text_is_finished(
    run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []
    monkeypatch.setattr(
        "lab.session.texts.originality_of",
        lambda text, corpus: searched.append(text) or originality_of(text, corpus),
    )
    app = open_page("generate")
    app.slider(key="generate_length").set_value(70)
    assert not searched
    added = let_it_write(app)
    app.run()
    assert searched == [added]


def test_a_text_whose_corpus_is_gone_says_so(pages: Lab, run_id: str) -> None:
    app = open_page("generate")
    app.slider(key="generate_length").set_value(50)
    pages.bin_corpus("small")
    let_it_write(app)
    assert "Not held against the training text" in words_of(app)
