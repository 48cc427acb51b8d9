"""The challenges that runs are scored in: a card for each, live while something trains."""

from __future__ import annotations

import streamlit as st

from core.challenges.board import Place, board_of
from core.challenges.guessing import in_this_text, learner_answers, n_right
from core.challenges.kept import Kept, keep_prediction, load_kept
from core.challenges.scoring import Attempt, Challenge, Unit
from core.challenges.telemetry import runs_on_text
from core.challenges.words import EXPECTATIONS, LESSONS, NAMES, TASKS, outcome_text, rule_text
from core.text.corpus import Corpus
from core.text.reference import ReferenceLine, reference_lines
from lab.challenges_page.words import best_text, live_text
from lab.session import train_choices
from lab.session.challenges import telemetry_for, with_heads
from lab.session.entry import draw_page_again
from lab.session.pace import paced
from lab.session.state import clear_bench, is_live, open_run, the_lab, want_view
from lab.widgets.action_buttons import deed_button
from lab.widgets.controls import begin_controls, choose_corpus
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain, plain_but_code

PRESET = "quick"
N_COLUMNS = 3
_MANY = "runs on this text count"
_STEPS: dict[Unit, tuple[float, float, str]] = {
    "nats": (10.0, 0.01, "%.3f"), "s": (3600.0, 0.5, "%.1f"), "%": (100.0, 1.0, "%.0f"),
}  # fmt: skip
"""Of the box for a prediction: the most, a step, and how it is written."""


def render_board(corpus: Corpus) -> None:
    """Every challenge on this text; it keeps up by itself while runs on it train."""
    records = runs_on_text(the_lab(), corpus.fingerprint)
    live = any(map(is_live, records))
    # One run's heads are measured at each tick, so that nobody waits for those of all.
    _, n_waiting = with_heads(map(telemetry_for, records), corpus, at_most=0)
    every_s = 0.5 if n_waiting else 1.0 if live else None
    st.fragment(_render_cards, run_every=paced(every_s))(corpus, bool(every_s))


def _render_cards(corpus: Corpus, ticks: bool) -> None:
    records = runs_on_text(the_lab(), corpus.fingerprint)
    runs, n_waiting = with_heads([telemetry_for(run) for run in records], corpus)
    kept, trouble = load_kept(the_lab().home)
    if trouble:
        st.warning(plain_but_code(trouble))
    references = reference_lines(corpus)
    places = board_of(runs, references, kept, corpus.fingerprint)
    cells = [cell for _ in range(0, len(places), N_COLUMNS) for cell in st.columns(N_COLUMNS)]
    for cell, place in zip(cells, places):
        with cell.container(border=True, height="stretch", gap="xsmall", key=f"card_{place.key}"):
            _render_card(place, references, corpus, n_waiting if place.key == "previous" else 0)
    with cells[len(places)].container(border=True, height="stretch", gap="xsmall"):
        _render_notes(corpus, kept, sum(not r.looks_ahead for r in records))
    if (n_waiting > 0 or any(map(is_live, records))) != ticks:
        draw_page_again()


def _render_card(
    place: Place, references: tuple[ReferenceLine, ...], corpus: Corpus, n_waiting: int
) -> None:
    standing, key = place.standing, place.key
    challenge = standing.challenge
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{NAMES[key]}**", width="stretch")
        if standing.is_met:
            st.markdown(":material/check: **done**", width="content")
        else:
            st.caption(":material/radio_button_unchecked: not yet", width="content")
    st.markdown(TASKS[key])
    st.caption(rule_text(key, references))
    st.markdown(best_text(standing, n_waiting))
    if live := live_text(place):
        st.markdown(live)
    if place.outcomes:
        last = place.outcomes[-1]
        st.markdown(plain(outcome_text(last, challenge.unit)))
        if not last.is_open:
            st.caption(LESSONS[key])
    _render_prediction(challenge, standing.best, corpus)


def _render_prediction(challenge: Challenge, best: Attempt | None, corpus: Corpus) -> None:
    """First what is expected, then the way to Train; and the way to the best run so far."""
    key = challenge.key
    most, step, form = _STEPS[challenge.unit]
    expected = st.number_input(
        EXPECTATIONS[key], 0.0, most, None, step, form, key=f"challenge_expected_{key}",
        placeholder="your prediction comes first",
    )  # fmt: skip

    def go() -> None:
        assert expected is not None
        keep_prediction(the_lab().home, key, corpus.fingerprint, expected)
        _prepare(challenge, corpus)
        st.switch_page("app_pages/train.py")

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        deed_button(
            "Keep it, open Train", "arrow_forward", go, key=f"challenge_go_{key}",
            primary=expected is not None, disabled=expected is None,
        )  # fmt: skip
        if best and st.button(
            "Open the best" if best.is_met else "Open the nearest", type="tertiary",
            icon=":material/open_in_new:", key=f"challenge_open_{key}",
        ):  # fmt: skip
            open_run(best.run.id)
            st.switch_page("app_pages/train.py")


def _prepare(challenge: Challenge, corpus: Corpus) -> None:
    """Let the Train page begin with the settings of a challenge, and no run on its bench."""
    settings = {
        name: value for name, value in challenge.settings.items()
        if name != "block_size" or value < len(corpus.val)
    }  # fmt: skip
    choose_corpus(corpus.name)
    train_choices.MODEL.set(challenge.model)
    begin_controls(challenge.model, corpus, PRESET, challenge.recipe, settings)
    clear_bench()
    want_view("run")


def _render_notes(corpus: Corpus, kept: Kept, n_runs: int) -> None:
    """What counts, and the other game."""
    guesses = in_this_text(corpus, kept.guesses_on(corpus.fingerprint))
    st.markdown("**What counts**")
    st.markdown(
        f"{words.count(n_runs)} {'run on this text counts' if n_runs == 1 else _MANY}, those of "
        "sweeps and ladders too. Scores follow from the runs: one in the bin takes its score along "
        "and brings it back. A model without its causal mask counts nowhere, since it sees what it "
        "is to guess."
    )
    st.caption(
        "A prediction is held beside the first run that is begun after it. Predictions and "
        "guesses are kept in the lab home, in challenges.json.",
        help=explained(*TASKS.values(), *LESSONS.values(), *EXPECTATIONS.values()),
    )
    if guesses:
        right = n_right(learner_answers(corpus, guesses))
        st.markdown(
            f"Against the models you guessed **{words.count(right)} of {words.count(len(guesses))}"
            "** characters right."
        )
    else:
        st.markdown("There is another game: to guess characters against the models.")
