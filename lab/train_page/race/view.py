"""The race: three models side by side, at equal seconds or equal steps, started by one button.

Which race is on the screen stands in the registry (`core.service.racing`), not in the session, so
that a reload and another window show the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from core.errors import LabError
from core.experiments.race import BUDGETS, FAIRNESS, Fairness, race_configs
from core.records.records import RunRecord
from core.service.racing import fit_to_seconds, resume_race, start_race
from core.settings.config import ModelKind, RunConfig, TrainConfig
from core.text.corpus import Corpus
from lab.session.entry import Entry
from lab.session.pace import paced
from lab.session.state import (
    choose_newest,
    is_live,
    the_calibration,
    the_lab,
    the_service,
    wait_for_calibration,
)
from lab.train_page.race.track import NewestRace, find_race, render_race, terms_in_words
from lab.widgets.action_buttons import deed_button, one_of
from lab.widgets.expected_time import expected_time
from lab.wording import words
from lab.wording.labels import in_labels
from lab.wording.plain import plain_but_code

OFFERED: dict[Fairness, tuple[int, ...]] = {
    "seconds": (10, 20, 30, 60),
    "steps": (300, 1000, 3000),
}

Terms = tuple[Fairness, int]
_BY: Entry[Fairness] = Entry("race_by", "seconds")


def render_race_view(corpus: Corpus) -> None:
    """The whole view: terms, button, chart and the three models."""
    found = find_race()
    with st.container(gap="xsmall", key="race_view"):
        axis = _render_controls(corpus, found)
        # Timing the machine takes a moment too, and is then said.
        ticks = found.next_move == "pause" or the_calibration() is None
        st.fragment(render_race, run_every=paced(1.0 if ticks else None))(corpus, axis, found.shape)


# --- terms and buttons ----------------------------------------------------------------------------


def _render_controls(corpus: Corpus, found: NewestRace) -> Fairness:
    """The terms of the next race and the button; returns what the horizontal axis shows."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        terms = _choose_terms(found)
        configs, trouble = _planned(corpus, terms)
        # In a row of their own: the axis stays where it is, however many of them there are.
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            _render_buttons(found, corpus, terms, trouble)
        # A race begins on the axis of its own terms; then the reader may switch.
        by = found.race.by if found.race else terms[0]
        axis: Fairness | None = st.segmented_control(
            "Horizontal axis", FAIRNESS, default=by, required=True, persist_state="session",
            key=f"race_axis_{found.race.id if found.race else by}",
        )  # fmt: skip
    if trouble:
        st.error(plain_but_code(trouble))
    elif found.next_move == "pause":
        st.caption(f"This race: {terms_in_words(found)}. They take turns.")
    else:
        st.caption(_plan_in_words(terms, configs, corpus))
    return axis or by


def _choose_terms(found: NewestRace) -> Terms:
    """What the next race is fair by, and what each model gets; at first, as in the last race."""
    last = found.race
    live = found.next_move == "pause"
    _BY.begin(last.by if last else "seconds")
    by: Fairness = st.segmented_control(
        "Fair by", FAIRNESS, required=True, key=_BY.key, persist_state="session", disabled=live,
        help="Equal seconds show what each model makes of the same time, equal steps what it makes "
        "of the same text.",
    ) or "seconds"  # fmt: skip
    held = Entry(f"race_budget_{by}", BUDGETS[by])
    as_last = last and last.by == by and last.budget in OFFERED[by]
    held.begin(last.budget if last and as_last else BUDGETS[by])
    budget: int | None = st.segmented_control(
        "For each model", OFFERED[by], required=True, key=held.key, persist_state="session",
        disabled=live, format_func=lambda n: f"{n} s" if by == "seconds" else words.count(n),
    )  # fmt: skip
    return by, budget or BUDGETS[by]


def _planned(corpus: Corpus, terms: Terms) -> tuple[dict[ModelKind, RunConfig], str]:
    """The settings of the next race, none while the machine is being timed; or what is wrong."""
    calibration = the_calibration()
    if terms[0] == "seconds" and calibration is None:
        return {}, ""
    try:
        configs = race_configs(the_lab().configure, corpus, *terms, calibration, TrainConfig.seed)
    except LabError as error:
        return {}, in_labels(str(error))
    return configs, ""


def _plan_in_words(terms: Terms, configs: Mapping[ModelKind, RunConfig], corpus: Corpus) -> str:
    """What the next race will be; its times are those of this machine when it was timed."""
    by, budget = terms
    if by == "steps":
        total, time = words.count(3 * budget), ""
        if expected := expected_time(configs.values(), corpus):
            time = f", {expected}, longer while other things run"
        return (
            f"The next race: {total} steps in all{time}, in turns, on the same pieces of the text."
        )
    plan = f"The next race: {words.duration(3 * budget)} of training in all, in turns"
    if not configs:
        return f"{plan}. This machine is being timed …"
    steps = [f"{words.short_count(c.train.max_iters)} steps of {m}" for m, c in configs.items()]
    return (
        f"{plan}; on this machine about {words.listed(steps)}, fewer while other things run. They "
        "are timed anew at the start, and each model then ends by its steps, not by the clock."
    )


def _render_buttons(found: NewestRace, corpus: Corpus, terms: Terms, trouble: str) -> None:
    """One primary button, the next thing to do; another race beside it where one is held."""
    service, move = the_service(), found.next_move
    start = partial(_start, corpus, terms)
    ours = [run for run in found.runs.values() if is_live(run) and run.id in service.in_hand]
    race, runs = found.race, found.runs
    with one_of("race_next"):
        if move == "pause" and ours:
            deed_button("Pause", "pause", lambda: _pause(ours), key="race_pause")
        elif move == "pause":
            st.caption("Another process trains this race.")
        elif move == "resume" and race:
            deed_button(
                "Resume", "play_arrow", lambda: resume_race(service, race, runs), key="race_resume"
            )
        else:
            deed_button("Start race", "play_arrow", start, key="race_start", disabled=bool(trouble))
    if move == "resume":
        deed_button("New race", "add", start, key="race_new", primary=False, disabled=bool(trouble))


def _start(corpus: Corpus, terms: Terms) -> None:
    calibration = wait_for_calibration() if terms[0] == "seconds" else None
    configs = race_configs(the_lab().configure, corpus, *terms, calibration, TrainConfig.seed)
    if terms[0] == "seconds":  # the machine may be busier, or idler, than when it was calibrated
        with st.spinner("Timing the three …"):
            configs = fit_to_seconds(configs, corpus, terms[1])
    start_race(the_service(), configs, corpus, *terms)
    choose_newest()


def _pause(runs: list[RunRecord]) -> None:
    for run in runs:
        if run.id in the_service().in_hand:  # it may have come to its end a moment ago
            the_service().pause(run.id)
