"""When in its training a run's model is shown: on every page by one slider, and in the address."""

from __future__ import annotations

import streamlit as st

from core.errors import LabError
from core.records.records import RunRecord
from core.runs.lab import Moment
from lab.components.scrubber import Course, move_of, scrubber
from lab.session.entry import Entry, draw_page_again
from lab.session.pace import paced
from lab.session.state import choose_moment, is_live, moment_of, palette, the_lab, usual_moment
from lab.wording import words
from lab.wording.plain import plain

FOLLOW_EVERY_S = 2.0
MAX_DIGITS = 12

_ECHO = Entry("scrubber_echo", 0)
"""The number of the last move."""


def scrub(run: RunRecord, *, is_named: bool = False) -> Moment:
    """Let the reader move through the training of a run; the moment that is shown.

    `is_named` says beside the slider which run that is, where another one is chosen on the page.

    The moment is the session's, for each run, so it is the same on all pages. A live run is
    followed: the page is drawn again as soon as there is more to see.
    """
    moment = moment_of(run)
    steps, shown = the_lab().moments(run), the_lab().moment_step(run, moment)
    if shown not in steps:  # thinned out meanwhile
        steps = sorted({*steps, shown})
    estimates = the_lab().store.estimates(run.id)
    course = Course(
        run_id=run.id, steps=steps, shown=shown, best=run.best_step if estimates else None,
        losses=[(e.step, e.val_loss_nats) for e in estimates], moment=moment, is_live=is_live(run),
        readout=f"{run.name}: " * is_named
        + _readout(run, shown, {e.step: e.val_loss_nats for e in estimates}),
    )  # fmt: skip

    def take_move() -> None:
        move = move_of(_STATE.get(), steps)
        if move and (wanted := _moment_named(move.moment)) is not None:
            choose_moment(run.id, wanted)
            _ECHO.set(move.number)

    scrubber(
        course, palette().model(run.model), key=_STATE.key, echo=_ECHO.get(), on_move=take_move
    )
    _say_in_address(run, moment)
    if is_live(run):
        st.fragment(_watch, run_every=paced(FOLLOW_EVERY_S))(run.id, moment, steps[-1], shown)
    return moment


_STATE: Entry[object] = Entry("scrubber", None)


def _readout(run: RunRecord, step: int, losses_nats: dict[int, float]) -> str:
    nats = losses_nats.get(step)
    estimate = "" if nats is None else f" · estimate {words.loss(nats)} nats"
    return f"step {words.count(step)} of {words.count(run.max_iters)}{estimate}"


def take_address(run: RunRecord) -> str:
    """Look at the moment that the address names; or why that cannot be, in a sentence."""
    said = st.query_params.get("step")
    if not said:
        return ""
    is_number = said.isascii() and said.isdigit() and len(said) <= MAX_DIGITS
    moment = _moment_named(int(said) if is_number else said)
    if moment is None:
        return "Left out of the address: a step is a number, or best, or newest."
    if isinstance(moment, int):
        moment = the_lab().moment_step(run, moment)
    choose_moment(run.id, moment)
    return ""


def _moment_named(said: str | int) -> Moment | None:
    if isinstance(said, int):
        return said
    return "best" if said == "best" else "newest" if said == "newest" else None


def _say_in_address(run: RunRecord, moment: Moment) -> None:
    if moment == usual_moment(run):
        st.query_params.pop("step", None)
    elif st.query_params.get("step") != str(moment):
        st.query_params["step"] = str(moment)


def _watch(run_id: str, moment: Moment, newest: int, shown: int) -> None:
    """Say how far a live run is, and draw the page again once there is more of it to see."""
    try:
        run = the_lab().run(run_id)
    except LabError:  # deleted meanwhile
        draw_page_again()
        return
    lab = the_lab()
    if not is_live(run) or lab.moments(run)[-1] != newest or lab.moment_step(run, moment) != shown:
        draw_page_again()
    stays = "" if moment == "newest" else f" The picture stays at step {words.count(shown)}."
    st.caption(f"{plain(run.name)} is training: {words.progress(run)}.{stays}")
