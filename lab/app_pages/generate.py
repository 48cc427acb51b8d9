"""Generate: models continue what one types, and show how sure they were of each character."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lab.generate_page.controls import render_controls, say_in_address
from lab.generate_page.normal import render_normal
from lab.generate_page.texts import (
    has_written_a_text,
    render_button,
    render_refusal,
    render_texts,
    take_branch,
)
from lab.generate_page.through_training import N_WRITTEN, render_through_training
from lab.generate_page.writers import pick_first
from lab.session.state import moment_of, the_lab
from lab.visit.card import render_visit
from lab.widgets.page_head import page_head
from lab.wording.wishes import Wish

INTRODUCTION = (
    "Each character is drawn from the probabilities that a model gives to all. Strong colour: it "
    "was sure. Faint: it might as well have written something else. Point at one for its rank and "
    "what else could have stood there, before and after temperature, top-k and top-p."
)


def main() -> None:
    take_branch()
    page_head("Models write, one character at a time", INTRODUCTION)
    render_visit("generate", ["text"] if has_written_a_text() else [])
    runs = the_lab().runs()
    first = pick_first(runs)
    if not runs:
        _render_before_any_run()
    run = first[0] if first else None
    asked = render_controls(runs, run)
    writers = [first, *((other, moment_of(other)) for other in asked.beside)] if first else []
    untrained = Wish(
        run_id="", run_name="untrained", moment="best", prompt=asked.prompt, config=asked.config,
        n_samples=asked.n_samples,
    )  # fmt: skip
    wishes = [
        replace(untrained, run_id=writer.id, run_name=writer.name, moment=moment)
        for writer, moment in writers
    ] or [untrained]
    with asked.button_place:
        render_button([writer for writer, _ in writers] or [None], wishes)
    with asked.below:
        render_refusal(asked.prompt)
    render_texts(wishes)
    if run:
        render_normal(runs, run)
        short = replace(asked.config, max_new_tokens=N_WRITTEN)
        render_through_training(run, asked.prompt, short)
    say_in_address(runs, run, asked)


def _render_before_any_run() -> None:
    with st.container(border=True):
        st.markdown(
            "No run has been trained yet. Until then an **untrained transformer, step 0**, "
            "writes here: it knows which characters there are and nothing else."
        )
        st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")


main()
