"""The card of the visit under a page's head: how far one has come, what came of it, what is next.

It takes no room where no visit is on, and one line where it is folded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import streamlit as st

from core.models import count_params
from core.settings.presets import resolve
from lab.session.bigram_choices import VIEW
from lab.session.entry import Entry, draw_page_again
from lab.session.pace import paced
from lab.session.state import is_live, the_lab
from lab.visit.deeds import PRESET, RECIPE, do, resume
from lab.visit.notes import VisitNotes, keep_notes, note_seen, notes_of
from lab.visit.outcomes import outcome_text
from lab.visit.tasks import (
    TASKS,
    Facts,
    Sight,
    Task,
    n_steps_done,
    next_task,
    run_to_wait_for,
    task_shown_on,
)
from lab.visit.words import BUTTONS, INVITATIONS, cost_text, marks, standing_text
from lab.widgets.action_buttons import deed_button, one_of
from lab.widgets.controls import chosen_corpus
from lab.widgets.expected_time import expected_time
from lab.wording import words
from lab.wording.glossary import explained
from lab.wording.plain import plain

CSS = """
.st-key-visit_card, .st-key-visit_end { padding: 0.5rem 0.75rem; }
[data-testid=stMain]:has(.st-key-visit_card [data-testid=stBaseButton-primary])
[data-testid=stBaseButton-primary]:not(.st-key-visit_card *) {
  color: inherit !important;
  background: none !important;
  border-color: color-mix(in srgb, currentColor 25%, transparent) !important;
}
"""
"""While the card has a button, that one is the page's primary one: the others stand back."""
ABOUT = "It goes on where you left it, in any tab. Home brings it back."

_FOLDED = Entry("visit_folded", False)
_ENDED_ON: Entry[str | None] = Entry("visit_ended_on", None)
"""The page on which the visit came to its end, while it is still said there."""


def render_visit(page: str, sights: Iterable[Sight] = ()) -> None:
    """Draw the card on a page, under its head, where the visit is on.

    Args:
        page: the name of the page.
        sights: what was looked at there, beside what follows from the page itself.
    """
    lab = the_lab()
    notes = notes_of(lab)
    if not notes.is_on:
        _render_end(page)
        return
    facts = Facts.of(lab.runs(), notes.seen)
    notes = note_seen(lab, {*sights, *sights_of(page, facts)})
    facts = replace(facts, seen=notes.seen)
    if next_task(facts) is None:
        keep_notes(lab, replace(notes, state="done"))
        _ENDED_ON.set(page)
        _render_end(page)
        return
    st.html(f"<style>{CSS}</style>")
    waited_for = run_to_wait_for(facts)
    if waited_for and is_live(waited_for):
        st.fragment(_render_card, run_every=paced(1.0))(page, _shape_of(facts))
    else:  # in no fragment: a press on a button there, while the page is drawn, could be lost
        with st.container():  # as a fragment is, so that the card keeps its place on the page
            _render_card(page, _shape_of(facts))


def render_visit_offer() -> None:
    """Where no visit is on, a quiet button that begins one, or goes on with one that was left."""
    notes = notes_of(the_lab())
    if not notes.is_on and st.button(
        "Guided visit", key="visit_offer", icon=":material/tour:", type="tertiary",
        help="From a table of odds to a text by a transformer, in six steps across the pages. "
        "What is trained already need not be trained again.",
    ):  # fmt: skip
        seen: frozenset[Sight] = notes.seen if notes.state == "off" else frozenset()
        keep_notes(the_lab(), VisitNotes("on", seen))
        _FOLDED.clear()
        st.rerun()


def sights_of(page: str, facts: Facts) -> set[Sight]:
    """What one looks at who has this page open."""
    if page == "bigram" and "bigram" in facts.finished:
        return {"limit"} if VIEW.get() in ("difference", "counted") else {"matrix"}
    return {"head"} if page == "attention" and "attention" in facts.finished else set()


# --- the card -------------------------------------------------------------------------------------


def _shape_of(facts: Facts) -> tuple[object, ...]:
    """What decides which buttons there are, and whether the card ticks."""
    task, run = next_task(facts), run_to_wait_for(facts)
    return task, run.id if run else None, run is not None and is_live(run)


def _render_card(page: str, shown: tuple[object, ...]) -> None:
    lab = the_lab()
    notes = notes_of(lab)
    facts = Facts.of(lab.runs(), notes.seen)
    task = next_task(facts)
    if not notes.is_on or task is None or _shape_of(facts) != shown:
        draw_page_again()
    if not notes.is_on or task is None:
        return
    n_done = n_steps_done(facts)
    with st.container(border=True, key="visit_card", horizontal=True, vertical_alignment="center"):
        with st.container(key="visit_words", gap=None):
            standing = f"{marks(n_done)}&ensp;{standing_text(n_done)}"
            label, _ = BUTTONS[task.name]
            if _FOLDED.get():
                terms = explained(label) or ""
                st.caption(f"{standing} · next: {label.lower()}", help=f"{ABOUT}\n\n{terms}")
            else:
                st.caption(standing, help=ABOUT)
                sentence = _sentence(page, task, facts)
                st.markdown(sentence, help=explained(sentence, label))
        if not _FOLDED.get():
            _render_button(task, facts)
        _render_ways_out(notes)


def _sentence(page: str, task: Task, facts: Facts) -> str:
    """How far the run is that the task waits for; else what came of the one before, or why."""
    if run := run_to_wait_for(facts):
        return f"{plain(run.name)}: {words.progress(run)}."
    told = task_shown_on(page, facts)
    outcome = outcome_text(told.name, facts) if told else ""
    return outcome or f"{INVITATIONS[task.name]} {_cost(task)}"


def _cost(task: Task) -> str:
    """How large the model of a task is, and how long it takes; nothing where none is trained."""
    if task.sight:
        return ""
    corpus = chosen_corpus(the_lab())
    config = resolve(task.needs, len(corpus.vocabulary), PRESET, None, RECIPE)
    return cost_text(count_params(config.model), expected_time([config], corpus))


def _render_button(task: Task, facts: Facts) -> None:
    label, icon = BUTTONS[task.name]
    run = run_to_wait_for(facts)
    with one_of("visit_next"):
        if run and is_live(run):
            st.button(
                "Training …", icon=":material/hourglass_top:", disabled=True, key="visit_waits"
            )
        elif run:
            deed_button("Resume", "play_arrow", partial(resume, run), key="visit_resume")
        else:
            deed_button(label, icon, partial(do, task, facts), key=f"visit_{task.name}",
                        help=_cost(task) or None)  # fmt: skip


def _render_ways_out(notes: VisitNotes) -> None:
    folded = _FOLDED.get()
    if st.button(
        "Show" if folded else "Hide", key="visit_fold", type="tertiary",
        icon=":material/expand_more:" if folded else ":material/expand_less:",
    ):  # fmt: skip
        _FOLDED.set(not folded)
        st.rerun()
    if st.button("Skip", key="visit_skip", type="tertiary", icon=":material/close:", help=ABOUT):
        keep_notes(the_lab(), replace(notes, state="off"))
        st.rerun()


def _render_end(page: str) -> None:
    """Say once, on the page where the visit came to its end, what was reached."""
    if _ENDED_ON.get() != page:
        _ENDED_ON.clear()
        return
    lab = the_lab()
    facts = Facts.of(lab.runs(), ())
    sentence = outcome_text(TASKS[-1].name, facts)
    st.html(f"<style>{CSS}</style>")
    with st.container(border=True, key="visit_end", horizontal=True, vertical_alignment="center"):
        with st.container(key="visit_end_words", gap=None):
            n_steps = TASKS[-1].step
            st.caption(f"{marks(n_steps)}&ensp;{standing_text(n_steps)}")
            st.markdown(sentence, help=explained(sentence))
        if st.button("Close", key="visit_close", icon=":material/close:"):
            _ENDED_ON.clear()
            st.rerun()
