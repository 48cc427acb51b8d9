"""The fold in which one training step is told, scene by scene, and the buttons that drive it.

Everything is computed on a private copy: the run is left alone. Nothing is computed while the fold
is closed. While it plays, a fragment of its own draws the scene anew, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.errors import LabError
from core.records.records import RunRecord
from core.runs.private_copy import steps_to_copy
from lab.session.entry import Entry, draw_page_again
from lab.session.state import the_lab
from lab.session.told_steps import StepSource
from lab.train_page.run.transport import Bench
from lab.train_page.story import playing
from lab.train_page.story.playing import SPEEDS, Stand
from lab.train_page.story.scene import render_scene
from lab.train_page.story.words import SCENES
from lab.widgets.switches import settled, switch
from lab.wording import words
from lab.wording.plain import plain

FRAGMENT = "train_story_fragment"
FOLD = "One training step, told: batch, guess, loss, gradient, update"
FROM_PX, PLAY_PX = 260, 96
_SPEED = Entry("train_story_speed", "normal")


def render_story(bench: Bench) -> None:
    """The fold, below all else about the run; a press in it draws it anew and nothing else."""
    st.fragment(_render_fold, key=FRAGMENT)(bench)


def _render_fold(bench: Bench) -> None:
    fold = st.expander(FOLD, key="train_story", icon=":material/footprint:", on_change="rerun")
    if not fold.open:
        playing.play(False)
        return
    try:
        run = the_lab().run(bench.run.id) if bench.run else None
    except LabError:  # deleted meanwhile
        draw_page_again()
        return
    with fold:
        with st.container(horizontal=True, vertical_alignment="center"):
            source = _choose_source(bench, run)
            with st.container(width="stretch"):
                st.caption(_about(run))
            every_s = SPEEDS[switch("Speed", list(SPEEDS), held=_SPEED)]
        if playing.plays():
            st.fragment(_render_told, run_every=every_s)(source, every_s)
        else:
            with st.container():  # a fragment stands in one too: so all keeps its place
                _render_told(source, every_s)


def _about(run: RunRecord | None) -> str:
    """Of which run it is told, and that this leaves the run alone."""
    if run is None:
        return (
            "The first step of a run with the settings on the left, taken on a private copy: "
            "no run is made."
        )
    return (
        f"{plain(run.name)} is at step {words.count(run.step)}. The step is taken on a private "
        "copy, with its optimiser and its very next batch: the run is not changed."
    )


def _choose_source(bench: Bench, run: RunRecord | None) -> StepSource:
    """From where the step is told: the newest checkpoint unless the reader wants another."""
    if run is None:
        return StepSource.settings(bench.config, bench.corpus)
    kept = steps_to_copy(the_lab(), run)[::-1]
    held: Entry[int | None] = Entry(f"train_story_from_{run.id}", None)
    say = partial(_source_label, kept[0])
    settled(held, kept, kept[0], say)
    at = st.selectbox(
        "Told from", kept, key=held.key, format_func=say, width=FROM_PX,
        help="The step that follows is told: of each checkpoint that is kept, or of the start.",
    )  # fmt: skip
    return StepSource.run(run, kept[0] if at is None else at)


def _source_label(newest: int, at: int) -> str:
    if not at:
        return "step 0, the start"
    return f"step {words.count(at)}, {'the newest' if at == newest else 'a'} checkpoint"


# --- what plays -----------------------------------------------------------------------------------


def _render_told(source: StepSource, every_s: float) -> None:
    """The buttons and the scene as they stand; at a tick, one scene further."""
    stand = playing.go_on_if_due(source.name, every_s)
    if playing.plays() and stand.is_last:
        playing.play(False)
        draw_page_again()
    bar = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
    with bar:
        _render_transport(stand)
        st.markdown(f"**Step {words.count(source.step + stand.n_ahead + 1)}**", width="content")
        for number, name in enumerate(SCENES):
            st.button(
                f"{number + 1} · {name}", key=f"story_scene_{number}",
                type="primary" if number == stand.scene else "tertiary",
                on_click=_go, args=(partial(_to_scene, number), source.name),
            )  # fmt: skip
    render_scene(source, stand)


def _render_transport(stand: Stand) -> None:
    """Back, play or pause, forward, and the next step."""
    plays, at = playing.plays(), (stand.source,)
    st.button(
        "Back", key="story_back", icon=":material/arrow_back:", disabled=stand.is_first,
        on_click=_go, args=(Stand.back, *at),
    )  # fmt: skip
    with st.container(width=PLAY_PX):
        st.button(
            "Pause" if plays else "Play", key="story_play", disabled=stand.is_last,
            icon=f":material/{'pause' if plays else 'play_arrow'}:", width="stretch",
            on_click=_play, help="Goes on by itself, scene by scene and step by step",
        )  # fmt: skip
    st.button(
        "Forward", key="story_forward", icon=":material/arrow_forward:", disabled=stand.is_last,
        on_click=_go, args=(Stand.forward, *at),
    )  # fmt: skip
    st.button(
        "Next step", key="story_next", icon=":material/skip_next:",
        disabled=stand.n_ahead >= playing.MAX_AHEAD, on_click=_go, args=(Stand.next_step, *at),
        help="The step after this one, on the same private copy",
    )  # fmt: skip


def _to_scene(number: int, stand: Stand) -> Stand:
    return stand.at_scene(number)


def _go(move: Callable[[Stand], Stand], source: str) -> None:
    """To another scene; whoever goes by hand is not pushed on."""
    playing.show(move(playing.stand_at(source)))
    playing.play(False)
    st.rerun(FRAGMENT)


def _play() -> None:
    playing.play(not playing.plays())
    st.rerun(FRAGMENT)
