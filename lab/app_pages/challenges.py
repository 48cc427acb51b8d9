"""Challenges: small goals scored from what runs measured, and guessing against the models."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.challenges.words import LESSONS, TASKS, rule_text
from lab.challenges_page.board import render_board
from lab.challenges_page.game import render_game
from lab.session.address import Part, one_of, read_address, write_address
from lab.session.entry import Entry
from lab.session.state import the_lab
from lab.widgets.controls import chosen_corpus
from lab.widgets.page_head import page_head
from lab.widgets.switches import switch
from lab.wording.plain import plain

View = Literal["goals", "guess"]
VIEWS: dict[View, str] = {"goals": "Goals for runs", "guess": "Guess against the models"}
_VIEW: Entry[View] = Entry("challenges_view", "goals")
INTRODUCTION = (
    "Say first what you expect, then train, then see. Everything is scored from what the runs "
    "measured themselves, by the rules that stand on the cards."
)


def main() -> None:
    trouble = read_address("challenges", [Part("view", _VIEW, one_of([*VIEWS]))])
    rules = [rule_text(key) for key in TASKS]
    page_head("Challenges", INTRODUCTION, *TASKS.values(), *rules, *LESSONS.values(), "nats")
    if trouble:
        st.warning(plain(trouble))
    corpus = chosen_corpus(the_lab())
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        view = switch(
            "View", [*VIEWS], held=_VIEW, labelled=False, format_func=lambda name: VIEWS[name]
        )
        st.caption(f"Text: **{plain(corpus.name)}**, the one of the Train page.")
    write_address({"view": None if view == _VIEW.default else view})
    if view == "goals":
        render_board(corpus)
    else:
        render_game(corpus)


main()
