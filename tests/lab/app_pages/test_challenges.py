"""Challenges: the cards with and without runs, predictions, what comes of them, and the game."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.challenges.guessing import character_at, place_number
from core.challenges.kept import keep_prediction, load_kept
from core.runs.lab import Lab
from core.text.corpus import Corpus
from lab.session import challenges as cached
from tests.helpers import add_corpus, play, small_run, trained
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


@pytest.fixture
def text(pages: Lab) -> Corpus:
    """A short text, the one that the page scores."""
    return add_corpus(pages, "small", play(3_000))


def opened(**query: str) -> AppTest:
    """The page for the short text."""
    app = open_page("challenges", **query)
    app.session_state["train_corpus"] = "small"
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.warning]
    return " ".join(element.value for element in elements).replace("\\", "")


def test_an_empty_lab_shows_every_challenge_with_its_rule(pages: Lab, plots: Plots) -> None:
    app = open_page("challenges")
    for name in ("Small and good", "Make it overfit", "Beat counting in 10 seconds",
                 "A head that looks one back", "Half the parameters"):  # fmt: skip
        assert f"**{name}**" in said(app)
    assert "No run on this text has anything to show here yet." in said(app)
    assert "fewer than 100,000 parameters" in said(app) and "0 runs on this text count" in said(app)
    assert not pages.home.challenges.exists()


def test_runs_are_scored_with_their_name_and_unit(pages: Lab, text: Corpus, plots: Plots) -> None:
    run = pages.run(trained(pages, text, "transformer", name="owl"))
    app = opened()
    assert f"Nearest so far: **{run.best_val_loss_nats:.3f} nats**, by owl." in said(app)
    head = cached._heads()[cached._stamp(run)]
    assert head and f"**{100 * head.share:.0f} %**, by owl." in said(app)
    app.button(key="challenge_open_small").click().run()
    assert app.session_state["chosen_run"] == run.id


def test_runs_on_another_text_and_in_the_bin_do_not_count(
    pages: Lab, text: Corpus, plots: Plots
) -> None:
    trained(pages, add_corpus(pages, "other", play(3_000, seed=2)), "bigram", name="stranger")
    binned = trained(pages, text, "bigram", name="binned")
    pages.bin_run(binned)
    app = opened()
    assert "stranger" not in said(app) and "binned" not in said(app)
    pages.restore_run(binned)
    assert "by binned" in said(app.run())


def test_heads_are_measured_one_run_at_a_time_until_none_waits(
    pages: Lab, text: Corpus, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [pages.run(trained(pages, text, "attention", seed=seed)) for seed in (1, 2, 3)]
    telemetry = [cached.telemetry_for(run) for run in runs]
    waiting = [cached.with_heads(telemetry, text)[1] for _ in range(4)]
    assert waiting == [2, 1, 0, 0]
    monkeypatch.setattr(cached, "_measured", lambda *_: pytest.fail("measured again"))
    measured, _ = cached.with_heads(telemetry, text)
    assert all(each.head for each in measured)


def test_a_prediction_comes_first_and_opens_train_with_settings(
    pages: Lab, text: Corpus, plots: Plots
) -> None:
    app = opened()
    assert app.button(key="challenge_go_small").disabled
    app.number_input(key="challenge_expected_small").set_value(1.9).run()
    assert not app.button(key="challenge_go_small").disabled
    app.button(key="challenge_go_small").click().run()
    assert not app.exception
    kept, _ = load_kept(pages.home)
    assert [(p.challenge, p.expected) for p in kept.predictions] == [("small", 1.9)]
    assert app.title[0].value == "Train"
    config = app.session_state["train_draft_transformer"].config()
    assert (config.model.n_layer, config.model.n_embd) == (1, 48)
    assert app.session_state["train_corpus"] == "small"
    assert "Small and good: You expected 1.900 nats of the next run." in said(app)
    small_run(pages, text, "transformer")
    assert "You expected" not in said(open_page("train")), "that run is the next one"


@pytest.mark.parametrize("key", ["small", "overfit", "quick", "previous", "half"])
def test_every_challenge_opens_train_with_settings_that_can_be(
    pages: Lab, text: Corpus, plots: Plots, key: str
) -> None:
    app = opened()
    app.number_input(key=f"challenge_expected_{key}").set_value(1.0).run()
    app.button(key=f"challenge_go_{key}").click().run()
    assert not app.exception and not app.error and not app.warning
    assert app.title[0].value == "Train"


def test_what_came_of_a_prediction_stands_beside_it_with_the_reason(
    pages: Lab, text: Corpus, plots: Plots
) -> None:
    keep_prediction(pages.home, "small", text.fingerprint, 2.0)
    app = opened()
    assert "You expected 2.000 nats of the next run." in said(app)
    assert "narrow it" not in said(app)
    run = pages.run(trained(pages, text, "transformer", name="owl"))
    assert run.best_val_loss_nats
    app.run()
    assert f"owl came to {run.best_val_loss_nats:.3f} nats" in said(app)
    assert "narrow it" in said(app)


def test_a_run_that_waits_is_shown_as_such(pages: Lab, text: Corpus, plots: Plots) -> None:
    small_run(pages, text, "transformer", name="owl")  # nobody holds it: interrupted
    app = opened()
    assert "1 run on this text counts" in said(app)
    assert "owl" not in said(app)  # it has measured nothing yet


def test_a_damaged_file_is_said_and_begun_anew(pages: Lab, text: Corpus, plots: Plots) -> None:
    pages.home.challenges.write_bytes(b"[")
    app = opened()
    assert not app.exception
    assert (pages.home.path / "challenges.damaged.json").read_bytes() == b"["
    pages.home.challenges.write_bytes(b"{")
    assert "is now challenges.damaged-2.json" in said(app.run())
    assert "is now" not in said(app.run())


# --- the game -------------------------------------------------------------------------------------


def guess(app: AppTest, character: str) -> None:
    app.text_input(key="guess_typed").set_value(character)
    app.button(key="guess_submit").click().run()
    assert not app.exception


def test_nothing_is_shown_before_the_guess_and_all_of_it_after(
    pages: Lab, text: Corpus, plots: Plots
) -> None:
    for kind in ("bigram", "attention", "transformer"):
        trained(pages, text, kind, name=f"the {kind}")  # type: ignore[arg-type]
    app = opened(view="guess")
    assert "took for likeliest" not in said(app) and not plots.figures["guess_score"].data
    assert app.header[0].value == "Place 1: what comes next?"
    came = character_at(text, place_number(text, 0))
    guess(app, came)
    assert "**Right**" in said(app) and "took for likeliest" in said(app)
    for who in ("counted bigram", "the bigram, sees 1 character", "the attention, sees 8",
                "the transformer, sees 8"):  # fmt: skip
        assert who in said(app), who
    assert app.header[0].value == "Place 2: what comes next?"
    (bars,) = plots.figures["guess_score"].data
    assert dict(zip(bars.y, bars.x.tolist()))["you"] == 100.0 and len(bars.y) == 5
    assert "you 1 of 1" in plots.alts["guess_score"]


def test_a_wrong_guess_counts_and_is_kept(pages: Lab, text: Corpus, plots: Plots) -> None:
    app = opened(view="guess")
    came = character_at(text, place_number(text, 0))
    guess(app, "X" if came != "X" else "a")
    assert "**Not this time**" in said(app)
    kept, _ = load_kept(pages.home)
    assert [g.place for g in kept.guesses] == [place_number(text, 0)]
    again = opened(view="guess")
    assert again.header[0].value == "Place 2: what comes next?"


def test_spaces_and_line_ends_have_buttons(pages: Lab, text: Corpus, plots: Plots) -> None:
    app = opened(view="guess")
    app.button(key="guess_sign_32").click().run()
    app.button(key="guess_sign_10").click().run()
    kept, _ = load_kept(pages.home)
    assert [g.character for g in kept.guesses] == [" ", "\n"]


@pytest.mark.parametrize(("typed", "why"), [("", "one character"), ("@", "no ‘@’ anywhere")])
def test_what_is_no_guess_is_said_and_the_place_stays(
    pages: Lab, text: Corpus, plots: Plots, typed: str, why: str
) -> None:
    app = opened(view="guess")
    guess(app, typed)
    assert why in said(app)
    assert app.header[0].value == "Place 1: what comes next?"
    assert load_kept(pages.home)[0].guesses == ()


def test_the_address_says_which_of_the_two_is_shown(pages: Lab, plots: Plots) -> None:
    assert open_page("challenges", view="guess").header
    app = open_page("challenges", view="fly")
    assert "view is one of goals, guess" in said(app)
