"""Guess the next character against the models: first the learner's guess, then all others."""

from __future__ import annotations

import streamlit as st

from core.challenges.guessing import (
    CONTEXT,
    Answer,
    character_at,
    context_of,
    in_this_text,
    learner_answers,
    n_right,
    place_number,
    read_guess,
)
from core.challenges.kept import Guess, keep_guess, load_kept
from core.challenges.telemetry import Telemetry, runs_on_text
from core.errors import LabError
from core.records.records import RunRecord
from core.settings.config import MODEL_KINDS
from core.text.characters import sign_of
from core.text.corpus import Corpus
from lab.challenges_page.words import answers_table, luck_text, verdict_text, with_gap
from lab.components.live_plot import live_plot
from lab.figures.challenges import BAR_PX, Score, score_figure
from lab.figures.palette import in_model_color
from lab.session.challenges import answers_by_counting, answers_of, telemetry_for
from lab.session.entry import Entry
from lab.session.state import palette, the_lab
from lab.wording import words
from lab.wording.plain import plain, plain_but_code

MOST = 200
"""So many guesses are scored, the last ones: enough to tell, and still quick to answer for all."""
COUNTED = "counted bigram"
_COMPLAINT: Entry[str] = Entry("guess_complaint", "")
_ASKED: Entry[tuple[str, int] | None] = Entry("guess_asked", None)
"""Fingerprint of a text, and the place in it that is asked about."""
_NAMED = {" ": "Space", "\n": "Line end"}
"""What cannot be seen in a box, or cannot be typed there."""


def render_game(corpus: Corpus) -> None:
    """The place that is asked about, the last one revealed, and the score."""
    kept, trouble = load_kept(the_lab().home)
    if trouble:
        st.warning(plain_but_code(trouble))
    guesses = in_this_text(corpus, kept.guesses_on(corpus.fingerprint))
    left, right = st.columns(2, gap="large")
    with left:
        _render_question(corpus, _asked_place(corpus, len(guesses)), len(guesses))
    scored = guesses[-MOST:]
    answered = _answers(corpus, scored)
    with right:
        _render_score(corpus, scored, answered)
    if scored:
        with left:
            _render_last(corpus, scored[-1], answered)


def _render_question(corpus: Corpus, place: int, n: int) -> None:
    """A place, and the box for a guess; nothing is said of it before there is one."""
    st.header(f"Place {words.count(n + 1)}: what comes next?", anchor=False)
    shown = ("…" if place > CONTEXT else "") + with_gap(context_of(corpus, place))
    st.code(shown, language=None, wrap_lines=True)
    if complaint := _COMPLAINT.take():
        st.warning(plain_but_code(complaint))
    named = [c for c in _NAMED if c in corpus.vocabulary.characters]
    form = st.form("guess_form", clear_on_submit=True, border=False)
    with form.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input("Next character", max_chars=1, key="guess_typed", width=130)
        pressed = st.form_submit_button("Guess", key="guess_submit", type="primary")
        signs = {
            c: st.form_submit_button(f"{_NAMED[c]} {sign_of(c)}", key=f"guess_sign_{ord(c)}")
            for c in named
        }
    chosen = next((c for c, was_pressed in signs.items() if was_pressed), typed)
    if pressed or any(signs.values()):
        try:
            keep_guess(the_lab().home, corpus.fingerprint, place, read_guess(corpus, chosen))
        except LabError as error:
            _COMPLAINT.set(str(error))
        else:
            _ASKED.clear()
        st.rerun()


def _asked_place(corpus: Corpus, n: int) -> int:
    """The place on the screen, which stays until it is guessed, whatever another tab does."""
    asked = _ASKED.get()
    if asked is None or asked[0] != corpus.fingerprint:
        asked = corpus.fingerprint, place_number(corpus, n)
        _ASKED.set(asked)
    return asked[1]


def _players(corpus: Corpus) -> list[RunRecord]:
    """Of each kind the run with the lowest loss on this text; those without a mask left out."""
    over: list[Telemetry] = [
        each for run in runs_on_text(the_lab(), corpus.fingerprint)
        if (each := telemetry_for(run)).is_honest and each.whole_loss_nats is not None
    ]  # fmt: skip
    found = []
    for kind in MODEL_KINDS:
        of_kind = [each for each in over if each.run.model == kind]
        if of_kind:
            found.append(min(of_kind, key=lambda each: each.whole_loss_nats or 0.0).run)
    return found


Answered = list[tuple[RunRecord | None, list[Answer]]]
"""Who answered, and what they said of each place; None is the counted bigram."""


def _answers(corpus: Corpus, guesses: list[Guess]) -> Answered:
    places = [guess.place for guess in guesses]
    if not places:
        return []
    found: Answered = [(None, answers_by_counting(corpus, places))]
    for run in _players(corpus):
        try:
            found.append((run, answers_of(run, corpus, places)))
        except LabError as error:  # its checkpoint cannot be read
            st.warning(f"{plain(run.name)} does not play: {plain_but_code(str(error))}")
    return found


def _render_last(corpus: Corpus, last: Guess, answered: Answered) -> None:
    """The place of the last guess, now that it was made."""
    came = character_at(corpus, last.place)
    (said,) = learner_answers(corpus, [last])
    st.markdown(verdict_text(said, came))
    before = context_of(corpus, last.place)[-40:]
    shown = f"{with_gap(before)[:-1]}{sign_of(came)}"
    st.code(f"… {shown.splitlines()[-1]}", language=None, wrap_lines=True)
    rows = [(_called(run), answers[-1]) for run, answers in answered]
    st.markdown(answers_table(rows, came))


def _called(run: RunRecord | None) -> str:
    if run is None:
        return COUNTED
    sees = run.config.model.block_size if run.model != "bigram" else 1
    seen = f"sees {words.count(sees)} character{'s' * (sees != 1)}"
    return f"{in_model_color(run.model, run.model)} {plain(run.name)}, {seen}"


def _render_score(corpus: Corpus, guesses: list[Guess], answered: Answered) -> None:
    """Who was right how often on the same places."""
    st.header("Who was right", anchor=False)
    n = len(guesses)
    mine = n_right(learner_answers(corpus, guesses))
    scores = [Score("you", mine)] if n else []
    for run, answers in answered:
        who = f"{run.model}: {run.name}" if run else COUNTED
        kind = run.model if run else None
        scores.append(Score(who, n_right(answers), kind, is_counted=run is None))
    height = 60 + BAR_PX * max(3, len(scores))
    live_plot(
        score_figure(scores, n, palette()), key="guess_score", height_px=height,
        alt="Bars: how many of the same places you, the counts and each model guessed right. "
        + "; ".join(f"{s.who} {s.n_right} of {n}" for s in scores),
    )  # fmt: skip
    if not n:
        st.caption(
            "Each place is drawn from the validation text, which no model has learned from. You "
            "guess first; then what each model takes for likeliest is shown, and what came."
        )
        return
    st.caption(
        f"{luck_text(mine, n)} All answer for the same places, a model that came later too. Of "
        "each kind of model the run with the lowest loss plays. To be right most often is not what "
        "a model is trained for: it is to spread its probability as the text does."
    )
