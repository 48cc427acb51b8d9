"""Home: what the three models are, and one button that lets all three learn side by side."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import LabError
from core.experiments.race import BUDGETS, Fairness, race_configs
from core.library.texts import ORIGINAL, SHIPPED
from core.records.records import RunRecord
from core.service.racing import resume_race, start_race
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig, TrainConfig
from core.text.corpus import Corpus
from lab.components.live_plot import live_plot
from lab.components.saveable_picture import saveable_picture
from lab.figures.diagrams import diagram
from lab.figures.losses import WORDS, X_TITLES, LossAxes, XAxis, loss_figure
from lab.figures.said import losses_said
from lab.session.entry import draw_page_again
from lab.session.pace import paced
from lab.session.state import (
    choose_newest,
    curve_of,
    is_live,
    palette,
    the_calibration,
    the_lab,
    the_service,
)
from lab.train_page.race.track import (
    NewestRace,
    blind_text,
    counted_lines,
    find_race,
    in_color,
    render_bought,
)
from lab.train_page.race.words import (
    PARTS_SOONER,
    Near,
    against_the_counts,
    missing_text,
    near_the_bigram,
    race_end,
    time_left_s,
    why_near_the_bigram,
)
from lab.visit.card import render_visit, render_visit_offer
from lab.widgets.action_buttons import deed_button, one_of
from lab.widgets.controls import chosen_corpus
from lab.widgets.expected_time import expected_time
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.labels import MODEL_NAMES
from lab.wording.plain import plain, plain_but_code
from lab.wording.wishes import loss_at

WHAT_THEY_ARE: dict[ModelKind, str] = {
    "bigram": "Sees one character and knows what tends to follow it. One table of numbers is the "
    "whole model.",
    "attention": "Sees all characters before the guess at once. Each head decides how much to take "
    "from each of them.",
    "transformer": "Attention again and again, with time to think in between: what GPT is made of, "
    "only smaller.",
}
TERMS: tuple[Fairness, int] = ("steps", BUDGETS["steps"])
"""Of the race that the button starts: a quick run of each model, at equal steps."""
CHART_PX, SAMPLE_PX = 260, 224

Planned = dict[ModelKind, RunConfig]


def main() -> None:
    corpus, found = chosen_corpus(the_lab()), find_race()
    name = _text_of(found) or corpus.name
    like = " like Shakespeare" if name in (SHIPPED, ORIGINAL) else ""
    with st.container(horizontal=True):  # in a row a title has no empty space above it
        st.title(f"Three models learn to write{like}")
        render_visit_offer()
    st.markdown(
        "Each model reads the same text and learns one thing only: **to guess the next "
        "character**. The better it guesses, the lower its loss, and the more its own writing "
        "looks like the text."
    )
    render_visit("home")
    _render_models()
    with st.container(horizontal=True, vertical_alignment="center"):
        # In a row of their own: the axis stays where it is, however many of them there are.
        with st.container(horizontal=True, vertical_alignment="center"):
            planned = _render_button(corpus, found)
        # A race begins on the axis of its own terms; then the reader may switch.
        axis = st.segmented_control(
            "Horizontal axis", list(X_TITLES), default=found.race.by if found.race else "steps",
            required=True, key="home_axis", label_visibility="collapsed",
        )  # fmt: skip
    ticks = found.next_move == "pause" or the_calibration() is None
    draw = st.fragment(_render_race, run_every=paced(1.0 if ticks else None))
    draw(corpus, planned, axis or "steps", found.shape)


def _text_of(found: NewestRace) -> str:
    """The name of the text that a race is about; nothing before any race."""
    return next((run.corpus for run in found.runs.values()), "")


def _render_models() -> None:
    for column, kind in zip(st.columns(3, gap="medium"), MODEL_KINDS):
        with column.container(border=True, height="stretch"):
            picture = diagram(kind, palette())
            saveable_picture(picture, key=f"{kind}_diagram", alt=None, width="stretch")
            st.markdown(f"**{MODEL_NAMES[kind]}.** {WHAT_THEY_ARE[kind]}")


def _render_button(corpus: Corpus, found: NewestRace) -> Planned:
    """One primary button, whichever is next; returns what another race would train."""
    service, race, runs = the_service(), found.race, found.runs
    planned, trouble = _planned(corpus)
    ours = [run for run in runs.values() if is_live(run) and run.id in service.in_hand]
    again = " again" if corpus.fingerprint in {run.fingerprint for run in runs.values()} else ""
    on = "" if again or not race else f" on {plain(corpus.name)}"
    train = partial(
        deed_button, f"Train all three{again}{on}", "play_arrow", lambda: _start(corpus, planned),
        key="home_train", primary=found.next_move != "resume", disabled=bool(trouble),
    )  # fmt: skip
    with one_of("home_next"):
        if ours:
            deed_button("Pause", "pause", lambda: _pause(ours), key="home_pause")
        elif found.next_move == "pause":
            st.caption("Another process trains this race.")
        elif found.next_move == "resume" and race:
            deed_button(
                "Resume", "play_arrow", lambda: resume_race(service, race, runs), key="home_resume"
            )
        else:
            train()
    if found.next_move == "pause":
        return planned
    if found.next_move == "resume":
        train()
    if trouble:
        st.error(plain_but_code(trouble))
    else:
        st.caption(_plan_in_words(corpus, planned, found))
    return planned


def _planned(corpus: Corpus) -> tuple[Planned, str]:
    """The settings of the next race, or why there can be none."""
    try:
        configs = race_configs(the_lab().configure, corpus, *TERMS, None, TrainConfig.seed)
    except LabError as error:
        return {}, str(error)
    return configs, ""


def _plan_in_words(corpus: Corpus, planned: Planned, found: NewestRace) -> str:
    steps, time = words.count(TERMS[1]), ""
    if taken_s := _taken_s(found, planned):
        time = f", {words.duration(taken_s)} the last time"
    elif expected := expected_time(planned.values(), corpus):
        time = f", {expected}"
    new = "Another race: " * (found.next_move == "resume")
    # In one line beside two buttons: else the chart moves when Resume takes the place of Pause.
    return f"{new}{steps} steps each{time}. Text: {plain(corpus.name)}."


def _taken_s(found: NewestRace, planned: Planned) -> float | None:
    """How long somebody waited for the newest race, where the next one would be the same."""
    runs = found.runs.values()
    over = all(run.status == "finished" for run in runs)
    same = {kind: run.config for kind, run in found.runs.items()} == planned
    if not (runs and over and same):
        return None
    return max(run.train_s if run.wall_s is None else run.wall_s for run in runs)


def _pause(runs: list[RunRecord]) -> None:
    for run in runs:
        if run.id in the_service().in_hand:  # it may have come to its end a moment ago
            the_service().pause(run.id)


def _start(corpus: Corpus, planned: Planned) -> None:
    first, *_ = start_race(the_service(), planned, corpus, *TERMS)
    the_service().wait_for_first_point(first)
    choose_newest()


# --- live -----------------------------------------------------------------------------------------


def _render_race(corpus: Corpus, planned: Planned, axis: XAxis, shown: tuple[object, ...]) -> None:
    """The newest race as it stands; the whole page, when it is no longer of the shape `shown`."""
    found = find_race()
    if found.shape != shown:
        draw_page_again()
    _render_progress(found)
    references = counted_lines(found, corpus)
    curves = [curve_of(run) for run in found.runs.values()]
    configs = [run.config for run in found.runs.values()] or list(planned.values())
    end = race_end(found.race, configs, curves, axis, the_calibration(), is_over=found.is_over)
    figure = loss_figure(curves, references, palette(), LossAxes(x=axis, x_end=end))
    figure.update_layout(uirevision=f"{found.race.id if found.race else None}-{axis}")
    live_plot(
        figure, key="race", height_px=CHART_PX,
        alt=losses_said(curves, references),
    )  # fmt: skip
    render_bought(found, curves, equal=None if axis == "steps" else axis)
    near = near_the_bigram(curves, axis)
    _render_words(found, corpus, against_the_counts(curves, references), near)
    for column, kind in zip(st.columns(3, gap="medium"), MODEL_KINDS):
        with column.container(border=True, height="stretch"):
            _render_writing(kind, found, corpus)


def _render_progress(found: NewestRace) -> None:
    """How far each of the three is, and how good, under its picture."""
    for column, kind in zip(st.columns(3, gap="medium"), MODEL_KINDS):
        run = found.runs.get(kind)
        with column.container(gap="xsmall", key=f"home_progress_{kind}"):
            reached = loss_at(the_lab().store, run, run.step) if run else None
            st.markdown(f"{in_color(kind, MODEL_NAMES[kind])} · {words.felt_loss(reached)}")
            nothing = "deleted" if found.race else "untrained, step 0"
            st.progress(
                min(run.step / run.max_iters, 1.0) if run else 0.0,
                text=words.progress(run) if run else nothing,
            )
            if run and run.status == "interrupted":
                st.caption(words.at_risk(run))
            if run and run.message:
                st.warning(plain_but_code(run.message))


def _render_words(found: NewestRace, corpus: Corpus, counts: str, near: Near | None) -> None:
    """What the chart shows, whose text it is, and what else trains."""
    name = plain(_text_of(found) or corpus.name)
    left = time_left_s(found.runs.values())
    time = ""
    if left is not None:
        time = (
            f" About {words.duration(left)} left; they take turns, and train on when this tab is "
            "closed."
        )
    missing = missing_text(found.runs) if found.race else ""
    st.caption(
        f"Text: **{name}**.{time} Strong line: validation loss, estimated on some of the part that "
        "no model learns from (the losses in words: on all of it, once a run is over). "
        "Thin: the batch just seen. Grey: what counting reaches on this text. "
        f"{counts} {missing}",
        help=explained(*WORDS),
    )
    window = max([run.config.model.block_size for run in found.runs.values()], default=0)
    if near:
        st.caption(why_near_the_bigram(window, near), help=PARTS_SOONER)
    of_the_race = {run.id for run in found.runs.values()}
    for run in the_lab().live_runs():
        if run.id not in of_the_race:
            st.caption(
                f"Also running now: {plain(run.name)}, {run.model} on {plain(run.corpus)}, "
                f"{words.progress(run)}"
            )


def _render_writing(kind: ModelKind, found: NewestRace, corpus: Corpus) -> None:
    """What a model of the race wrote last; before any race, what it writes untrained."""
    run = found.runs.get(kind)
    if run:
        samples = the_lab().store.samples(run.id)[-1:]
        text, step = (samples[0].text, samples[0].step) if samples else ("", 0)
        about = f"{MODEL_NAMES[kind]} ({plain(run.name)}) writes, at step {words.count(step)}:"
    elif found.race:
        st.caption(f"The {MODEL_NAMES[kind].lower()} run of this race was deleted.")
        return
    else:
        text, about = blind_text(kind, corpus), "It writes, untrained, at step 0:"
    st.caption(about)
    st.code(text, language=None, wrap_lines=True, height=SAMPLE_PX)


main()
