"""The ladder on the screen: what to train, the staircase, what it shows in words, and one rung.

Which ladders there are stands in the registry, and whether one is being trained the service knows;
the session only remembers which one is on the screen, and which rung is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.errors import LabError
from core.experiments.ladder import (
    Ladder,
    RungStanding,
    delete_ladder,
    load_ladders,
    planned_standings,
    rung_standings,
)
from core.experiments.sweep import sweep_progress
from core.experiments.terms import LONGER_STEPS
from core.text.corpus import Corpus
from core.text.reference import ReferenceLine, reference_lines
from lab.components.live_plot import live_plot
from lab.figures.ladder import ladder_figure
from lab.ladder_page.plan import Plan, choose_plan
from lab.ladder_page.rung import render_rung
from lab.ladder_page.table import render_table
from lab.ladder_page.words import (
    UNMASKED,
    budget_text,
    counted_text,
    depth_text,
    left_out_text,
    terms_text,
    unmasked_text,
    way_up_text,
)
from lab.session.entry import Entry, draw_page_again
from lab.session.measured import past_alone
from lab.session.pace import paced
from lab.session.state import last_text_of, palette, the_lab
from lab.widgets.action_buttons import deed_button
from lab.widgets.in_background import (
    SeriesStanding,
    progress_text,
    series_standing,
)
from lab.wording.glossary import explained
from lab.wording.plain import plain, plain_but_code, unmarked

FIGURE_PX = 400
UNTRAINED = "A tread for each rung, none of which is trained yet."
_SHOWN: Entry[str | None] = Entry("ladder_shown", None)
_RUNG: Entry[str | None] = Entry("ladder_rung", None)
_CLICKED: Entry[str | None] = Entry("ladder_clicked", None)
"""Name of the rung that a click has chosen."""


def render_ladder(corpus: Corpus) -> None:
    """The whole view, for runs that learn from this text."""
    with st.container(gap="small", key="ladder_view"):
        ladders = {ladder.id: ladder for ladder in load_ladders(the_lab())}
        shown = ladders[found] if (found := _shown(list(ladders))) else None
        standing = series_standing(shown.id, rung_standings(the_lab(), shown)) if shown else None
        plan = choose_plan(corpus, standing, lambda ladder: _SHOWN.set(ladder.id))
        if shown and shown.damage:
            st.warning(plain_but_code(shown.damage))
        ticks = 1.0 if standing and standing.ticks else None
        st.fragment(_render_standing, run_every=paced(ticks))(shown, standing, plan, corpus)
        if shown:
            with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
                _render_choice(ladders, shown, standing)
            render_table(shown.name, rung_standings(the_lab(), shown))


def _shown(ids: list[str]) -> str | None:
    """The ladder that the session looks at: the one it chose, else the newest."""
    if not ids:
        return None
    if _SHOWN.get() not in ids:
        _SHOWN.set(ids[0])
    return _SHOWN.get()


def _render_choice(
    ladders: dict[str, Ladder], shown: Ladder, standing: SeriesStanding | None
) -> None:
    """Which ladder is on the screen, where there are several; and away with it."""
    if len(ladders) > 1:
        st.selectbox(
            "Ladder on the screen", list(ladders), key=_SHOWN.key, width=380,
            persist_state="session", format_func=lambda ladder_id: _label(ladders[ladder_id]),
        )  # fmt: skip
    if standing and not standing.ticks:
        with st.popover("Delete …", icon=":material/delete:", key="ladder_deleting"):
            st.write(
                f"This deletes the ladder {plain(shown.name)}. Its runs go into the bin, from "
                "where each can come back by itself."
            )
            deed_button("Delete the ladder", "delete", partial(delete_ladder, the_lab(), shown),
                        key="ladder_delete", primary=False)  # fmt: skip


def _label(ladder: Ladder) -> str:
    """A ladder in one line."""
    return f"{ladder.name} · {budget_text(ladder.by, ladder.budget)} each · {ladder.corpus}"


# --- how it stands --------------------------------------------------------------------------------


def _render_standing(
    ladder: Ladder | None, shown: SeriesStanding | None, plan: Plan, corpus: Corpus
) -> None:
    """Everything that changes while a ladder is trained; drawn again at every tick."""
    if clicked := _CLICKED.take():
        _RUNG.set(clicked)
    rungs = rung_standings(the_lab(), ladder) if ladder else planned_standings(list(plan.rungs))
    if not rungs:
        return
    said = ""
    if ladder:
        standing = series_standing(ladder.id, rungs)
        if standing != shown:
            draw_page_again()
        progress = sweep_progress(rungs)
        said = progress_text(progress, rungs, standing)
        if not progress.done:
            st.progress(progress.n_steps_done / max(1, progress.n_steps), said)
    text, complaint = _text_of(ladder, corpus)
    lines = list(reference_lines(text)) if text else []
    _render_figure(rungs, lines, _looked_at(rungs))
    with st.container(horizontal=True, gap="large"):
        with st.container(width=560, gap="small"):
            _render_words(ladder, rungs, lines, said, complaint)
            if text:
                _render_unmasked(rungs, text)
        with st.container(width="stretch", gap="small"):
            render_rung(_pick_rung(rungs), rungs)


def _text_of(ladder: Ladder | None, corpus: Corpus) -> tuple[Corpus | None, str]:
    """The text that the rungs learn from; None where it is gone, with the reason."""
    if ladder is None or ladder.corpus == corpus.name:
        return corpus, ""
    try:
        return the_lab().library.load(ladder.corpus), ""
    except LabError as error:
        return None, str(error)


def _looked_at(rungs: Sequence[RungStanding]) -> str:
    """Name of the rung whose details are shown: the one that was chosen, else one that matters."""
    names = [rung.name for rung in rungs]
    usual = next((rung.name for rung in rungs if rung.key == "residual stream"), names[-1])
    return held if (held := _RUNG.get()) in names else usual


def _pick_rung(rungs: Sequence[RungStanding]) -> RungStanding:
    """The rung to look at, which a click on the staircase chooses too."""
    names = [rung.name for rung in rungs]
    _RUNG.set(_looked_at(rungs))
    name = st.selectbox(
        "Rung to look at", names, key=_RUNG.key, width=320, persist_state="session",
        help="Or click its tread.",
    )  # fmt: skip
    return rungs[names.index(name)]


def _render_figure(
    rungs: Sequence[RungStanding], lines: Sequence[ReferenceLine], chosen: str
) -> None:
    """The staircase; a click chooses a rung."""
    written = {r.run.id: last_text_of(r.run) for r in rungs if r.run and r.run.status == "finished"}
    figure = ladder_figure(rungs, lines, written, chosen, palette())
    click = live_plot(
        figure, key="ladder", clickable=True, height_px=FIGURE_PX,
        alt=f"Staircase of the ladder of ideas. {unmarked(way_up_text(rungs)) or UNTRAINED}",
    )  # fmt: skip
    if click and click.customdata in {rung.name for rung in rungs}:
        _CLICKED.set(click.customdata)
        st.rerun(scope="app")


def _render_words(
    ladder: Ladder | None, rungs: Sequence[RungStanding], lines: Sequence[ReferenceLine],
    said: str, complaint: str,
) -> None:  # fmt: skip
    """What the runs on the screen say."""
    sentences = [
        way_up_text(rungs), left_out_text(rungs), depth_text(rungs, LONGER_STEPS),
        counted_text(rungs, lines),
    ]  # fmt: skip
    if not any(sentences):
        st.caption(
            "Each tread will be one run: on the left with one idea more than the one before it, on "
            "the right the whole without one of them. Press Start, and the staircase finds its "
            "real steps. A number comes when its run is over."
        )
        return
    st.markdown(" ".join(sentence for sentence in sentences if sentence))
    assert ladder is not None
    rates = "each at a learning rate that was found good for it, all else alike"
    st.caption(
        f"{said}. {budget_text(ladder.by, ladder.budget)} for each rung, {rates}. One seed: a "
        "difference of 0.02 nats may be chance. Bold names are models of their own right: the "
        f"bigram table, the attention model, transformers. Corpus: {plain(ladder.corpus)}. "
        f"{terms_text(ladder.by, [rung.config for rung in rungs if rung.config])}".rstrip(),
        help=explained("validation loss, nats, bigram, n-gram, softmax, FLOPs"),
    )
    if complaint:
        st.caption(plain_but_code(complaint))


def _render_unmasked(rungs: Sequence[RungStanding], corpus: Corpus) -> None:
    """The wrong turn whose loss is the lowest of all, as soon as it is measured."""
    if said := _unmasked_words(rungs, corpus):
        st.info(said, icon=":material/visibility:")


def _unmasked_words(rungs: Sequence[RungStanding], corpus: Corpus) -> str:
    """What there is to say of the rung without a mask; empty until it is trained."""
    rung = next((rung for rung in rungs if rung.key == UNMASKED), None)
    if rung is None or rung.run is None or rung.run.val_loss_nats is None:
        return ""
    seen_nats, past_nats, n_guesses = past_alone(rung.run, corpus)
    return unmasked_text(rung, seen_nats, past_nats, n_guesses, last_text_of(rung.run))
