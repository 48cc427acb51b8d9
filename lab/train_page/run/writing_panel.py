"""How good is what a run writes? What other losses write, beside it, and how much of it is words.

Nothing is written on the trainer's time: the texts are those that the runs of this lab have stored,
and the longer one, on which words are counted, is written when somebody opens the panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.errors import LabError
from core.findings.meaning import (
    is_worse_than_even,
    loss_in,
    percent,
    right_chance,
    size_of,
    unsure_among,
)
from core.generation.spelling import WRITTEN_LENGTH, WrittenWords
from core.records.records import Estimate, RunRecord, on_text
from core.settings.ideas import SEES_AHEAD
from lab.session.measured import written_words
from lab.session.state import kept_step, the_lab
from lab.wording import words
from lab.wording.plain import plain, plain_but_code

MAX_RUNGS, APART_NATS = 6, 0.12
"""So many texts are shown at most, and none that lies closer to another by its loss."""
MAX_RUNS = 40
"""Texts are looked for in the newest runs, this one first."""


@dataclass(frozen=True, slots=True)
class Written:
    """A stored text, and the validation estimate of the step at which it was written."""

    loss_nats: float
    run_name: str
    step: int
    text: str


def about_sample(step: int, estimates: Sequence[Estimate], in_bits: bool) -> str:
    """The caption of what a run wrote at a step, with the loss of that step and how it feels."""
    nats = {e.step: e.val_loss_nats for e in estimates}[step]
    return (
        f"It writes, at step {words.count(step)} (estimate {loss_in(nats, in_bits)}, "
        f"{unsure_among(nats)}), "
        "always with the same dice."
    )


def render_panel(
    run: RunRecord, step: int, estimates: Sequence[Estimate], others: list[RunRecord], in_bits: bool
) -> None:
    """The folded panel; what is folded is not made."""
    fold = st.expander(
        "How good is what it writes? What other losses write, and how much of it is words",
        key="train_how_good", icon=":material/menu_book:", on_change="rerun",
    )  # fmt: skip
    if not fold.open:
        return
    with fold:
        nats = {e.step: e.val_loss_nats for e in estimates}[step]
        meant = (
            f"{SEES_AHEAD}, so the loss does not say how well it writes" if run.looks_ahead
            else f"{unsure_among(nats)}, {right_chance(nats)} (on average). "
            f"{size_of(-0.1, in_bits)}"
        )  # fmt: skip
        st.markdown(f"**Step {words.count(step)}, {loss_in(nats, in_bits)}**: {meant}.")
        _render_words(run, step, nats)
        _render_rungs(run, step, others, in_bits)


# --- words ----------------------------------------------------------------------------------------


def _render_words(run: RunRecord, step: int, nats: float) -> None:
    kept = kept_step(run.id, step)
    if kept is None:  # a run that was imported
        return
    try:
        counted = written_words(run.id, kept, nats)
    except LabError as error:
        st.caption(f"How much of it is words cannot be counted: {plain_but_code(str(error))}")
        return
    if counted:
        st.markdown(words_share_text(counted, kept))


def words_share_text(counted: WrittenWords, step: int) -> str:
    """How much of a longer text is words, beside what counting alone and the corpus itself have."""
    return (
        f"Of {words.count(WRITTEN_LENGTH)} characters that it writes at step {words.count(step)}, "
        f"**{_percent(counted.share)}** stand in words of the corpus (three letters or more). "
        f"Counted pairs of characters: {_percent(counted.pairs_share)}; the corpus itself: "
        f"{_percent(counted.corpus_share)}."
    )


def _percent(share: float) -> str:
    return percent(share, 0.0).replace(" %", "\N{NO-BREAK SPACE}%")


# --- what other losses write ----------------------------------------------------------------------


def _render_rungs(run: RunRecord, step: int, others: list[RunRecord], in_bits: bool) -> None:
    rungs = rungs_of(stored_texts([run, *on_text(others, run.fingerprint)]))
    if len(rungs) < 2:
        st.caption(
            "Here texts of other losses will stand, as soon as there are some: of this run, and "
            "of others on the same text."
        )
        return
    st.markdown(
        "What runs of this lab wrote on the same text, from the highest loss to the lowest:"
    )
    for pair in (rungs[i : i + 2] for i in range(0, len(rungs), 2)):
        for column, rung in zip(st.columns(2, gap="medium"), pair):
            here = " · this one" if (rung.run_name, rung.step) == (run.name, step) else ""
            column.caption(
                f"at **{loss_in(rung.loss_nats, in_bits)}**, {unsure_among(rung.loss_nats)} · "
                f"{plain(rung.run_name)}, step {words.count(rung.step)}{here}"
            )
            column.code(rung.text.strip("\n"), language=None, wrap_lines=True)


def stored_texts(runs: Sequence[RunRecord]) -> list[Written]:
    """What runs have written at their estimates, with the loss of each, where that means much."""
    store, found = the_lab().store, []
    for run in [run for run in runs if not run.looks_ahead][:MAX_RUNS]:
        losses = {e.step: e.val_loss_nats for e in store.estimates(run.id)}
        found += [
            Written(losses[s.step], run.name, s.step, s.text)
            for s in store.samples(run.id)
            if s.text.strip()
            and not is_worse_than_even(losses[s.step], run.config.model.vocab_size)
        ]
    return found


def rungs_of(texts: Sequence[Written]) -> list[Written]:
    """A few of the texts, from the highest loss to the lowest, about as far from each other."""
    known = sorted(texts, key=lambda each: -each.loss_nats)
    if not known:
        return []
    highest, lowest = known[0].loss_nats, known[-1].loss_nats
    rungs: list[Written] = []
    for i in range(MAX_RUNGS):
        wanted = highest + (lowest - highest) * i / (MAX_RUNGS - 1)
        nearest = min(known, key=lambda each: abs(each.loss_nats - wanted))
        if not rungs or rungs[-1].loss_nats - nearest.loss_nats >= APART_NATS:
            rungs.append(nearest)
    return rungs
