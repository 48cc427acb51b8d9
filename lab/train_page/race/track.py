"""What changes while the three race: one chart, who leads, and how each of them stands.

Drawn again at every tick, from the registry alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from core.errors import LabError
from core.experiments.race import BUDGETS, Fairness
from core.records.events import Race
from core.records.records import RunRecord
from core.service.racing import newest_race
from core.settings.config import MODEL_KINDS, ModelKind
from core.settings.presets import PRESETS
from core.text.corpus import Corpus
from core.text.reference import ReferenceLine, reference_lines
from lab.components.live_plot import live_plot
from lab.figures.equal_terms import (
    ALMOST,
    IDEAS,
    equal_terms_text,
    ideas_text,
    standings,
    standings_text,
)
from lab.figures.losses import LossAxes, LossCurve, XAxis, loss_figure
from lab.figures.palette import in_model_color
from lab.figures.said import losses_said
from lab.session.compare_choices import choose_to_compare
from lab.session.entry import draw_page_again
from lab.session.measured import untrained_sample
from lab.session.state import curve_of, is_live, palette, the_calibration, the_lab
from lab.train_page.race.words import missing_text, race_end
from lab.wording import words
from lab.wording.labels import MODEL_NAMES
from lab.wording.plain import plain, plain_but_code
from lab.wording.wishes import loss_at

CAN_AND_CANNOT: dict[ModelKind, str] = {
    "bigram": (
        "Can know which character tends to follow which; cannot know anything before the last "
        "character, so whole words are luck."
    ),
    "attention": (
        "Can weigh the last {window} characters, each by what it is and where it stands; cannot "
        "build on what it found, since it looks only once."
    ),
    "transformer": (
        "Can look again at what it found, layer upon layer; cannot know what stood more than "
        "{window} characters back, so it forgets who speaks."
    ),
}
CHART_PX, SAMPLE_PX = 250, 176

Move = Literal["start", "pause", "resume"]


@dataclass(frozen=True)
class NewestRace:
    """The newest race as it stands, and what can be done with it."""

    race: Race | None
    runs: dict[ModelKind, RunRecord]

    @property
    def next_move(self) -> Move:
        if any(is_live(run) for run in self.runs.values()):
            return "pause"
        held = any(run.status in ("paused", "interrupted") for run in self.runs.values())
        return "resume" if held else "start"

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to come; what was deleted or has failed counts for that."""
        return bool(self.runs) and self.next_move == "start"

    @property
    def shape(self) -> tuple[object, ...]:
        """What the part of the view that does not tick depends on."""
        timed = the_calibration() is not None
        return (self.race.id if self.race else None, self.next_move, len(self.runs), timed)


def find_race() -> NewestRace:
    """The newest race of this lab, whoever started it."""
    newest = newest_race(the_lab())
    return NewestRace(*newest) if newest else NewestRace(None, {})


def render_race(corpus: Corpus, axis: Fairness, shown: tuple[object, ...]) -> None:
    """Draw the race as it stands; the whole page, when it is no longer of the shape `shown`."""
    found = find_race()
    if found.shape != shown:
        draw_page_again()
    curves = [curve_of(run) for run in found.runs.values()]
    _render_chart(corpus, found, curves, axis)
    st.markdown(_who_leads(found, curves, axis))
    render_bought(found, curves)
    for column, kind in zip(st.columns(3, gap="small"), MODEL_KINDS):
        with column.container(border=True, height="stretch", gap="xsmall", key=f"race_{kind}"):
            _render_model(kind, found.runs.get(kind), corpus, untrained=found.race is None)


def _render_chart(
    corpus: Corpus, found: NewestRace, curves: Sequence[LossCurve], axis: Fairness
) -> None:
    configs = [run.config for run in found.runs.values()]
    end: float | None = BUDGETS[axis]
    if found.race:
        end = race_end(found.race, configs, curves, axis, the_calibration(), is_over=found.is_over)
    counted = counted_lines(found, corpus)
    figure = loss_figure(curves, counted, palette(), LossAxes(x=axis, x_end=end))
    # Three times the noise of single batches would hide what the race is about.
    figure.data = [trace for trace in figure.data if "markers" in trace.mode]
    figure.update_layout(uirevision=f"{found.race.id if found.race else None}-{axis}")
    live_plot(
        figure, key="race_view_chart", height_px=CHART_PX,
        alt=f"The race over {axis}. {losses_said(curves, counted)}",
    )  # fmt: skip


def counted_lines(found: NewestRace, corpus: Corpus) -> tuple[ReferenceLine, ...]:
    """The counted lines of the race's own text; none where that is gone."""
    for run in found.runs.values():
        try:
            return reference_lines(the_lab().corpus_of(run))
        except LabError:
            return ()
    return reference_lines(corpus)


def _who_leads(found: NewestRace, curves: Sequence[LossCurve], axis: Fairness) -> str:
    """Who is ahead where all have had the same of what the axis shows, with numbers."""
    if found.race is None:
        return (
            "**Nobody has begun.** Below, the three as they are before their first step: each "
            "guesses blindly. The grey lines are what counting alone reaches."
        )
    have_begun = all(len(curve.val_losses) for curve in curves)
    table = standings(curves, axis) if have_begun else None
    said = [missing_text(found.runs), how_it_ended(found)]
    if table:
        said.insert(0, standings_text(table, _in_its_color))
    elif not found.is_over:
        said.insert(0, "Nobody leads before all have been measured once after the start.")
    return " ".join(filter(None, said))


def render_bought(
    found: NewestRace, curves: Sequence[LossCurve], equal: XAxis | None = None
) -> None:
    """What each idea has bought in a race that is over, and the way to all that can be compared.

    With `equal` first who leads where all have had the same of that.
    """
    if not found.is_over:
        return
    said = [ideas_text(curves, lambda curve: in_color(curve.model, IDEAS[curve.model]))]
    if equal:
        said.insert(0, equal_terms_text(curves, equal, _in_its_color))
    left, right = st.columns([6, 1], vertical_alignment="center")
    left.markdown(" ".join(filter(None, said)))
    if right.button(
        "Compare these runs", key="race_compare", type="tertiary", icon=":material/compare_arrows:",
    ):  # fmt: skip
        choose_to_compare(found.runs.values())
        st.switch_page("app_pages/compare.py")


def _in_its_color(curve: LossCurve) -> str:
    return in_color(curve.model, MODEL_NAMES[curve.model])


def how_it_ended(found: NewestRace) -> str:
    """That the race is over, and how long the steps of a race by seconds took in the end."""
    race, runs = found.race, found.runs.values()
    if race is None or not all(run.status == "finished" for run in runs):
        return ""
    taken_s = [run.train_s for run in runs]
    if race.by == "steps" or all(abs(s / race.budget - 1) <= ALMOST for s in taken_s):
        return "The race is over."
    return (
        f"The race is over: the steps that were timed to take {race.budget} s took "
        f"{words.listed([f'{s:.1f}' for s in taken_s])} s."
    )


def terms_in_words(found: NewestRace) -> str:
    """What each model gets in the race that was found, and which text it learns."""
    assert found.race
    race = found.race
    text = next((run.corpus for run in found.runs.values()), "")
    if race.by == "steps":
        return f"{words.count(race.budget)} steps for each model, on {plain(text)}"
    # A schedule needs its length beforehand, so what is fixed is steps and no seconds.
    steps = ", ".join(words.short_count(run.max_iters) for run in found.runs.values())
    return (
        f"for each model the steps that this machine was timed to take in {race.budget} s "
        f"({steps}), on {plain(text)}"
    )


def in_color(kind: ModelKind, text: str) -> str:
    """Bold text, in the colour of a model."""
    return in_model_color(kind, f"**{text}**")


def _render_model(
    kind: ModelKind, run: RunRecord | None, corpus: Corpus, *, untrained: bool
) -> None:
    reached = loss_at(the_lab().store, run, run.step) if run else None
    window = run.config.model.block_size if run else PRESETS["quick"][kind]["block_size"]
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.markdown(in_color(kind, MODEL_NAMES[kind]), width="content")
        st.markdown(words.felt_loss(reached), width="content")
    st.caption(CAN_AND_CANNOT[kind].format(window=window))
    if run:
        st.progress(min(run.step / run.max_iters, 1.0), text=_progress(run))
        if run.status == "failed":
            st.error(plain_but_code(run.message))
        if run.status == "interrupted":
            st.caption(words.at_risk(run))
    else:
        st.progress(0.0, text="untrained, step 0" if untrained else "deleted")
    _render_sample(kind, run, corpus if untrained else None)


def _progress(run: RunRecord) -> str:
    parts = [
        f"step {words.count(run.step)} of {words.count(run.max_iters)}",
        words.duration(run.train_s),
    ]
    if run.status != "running":
        parts.append(words.STATUS[run.status])
    return " · ".join(parts)


def _render_sample(kind: ModelKind, run: RunRecord | None, corpus: Corpus | None) -> None:
    """What the model wrote last; before any race, what it writes untrained."""
    text = ""
    if run:
        samples = the_lab().store.samples(run.id)
        text = samples[-1].text if samples else ""
    elif corpus:
        text = blind_text(kind, corpus)
    st.code(text, language=None, wrap_lines=True, height=SAMPLE_PX)


def blind_text(kind: ModelKind, corpus: Corpus) -> str:
    """What each race begins with: a model's first sample, before its first step."""
    try:
        return untrained_sample(the_lab().configure(kind, corpus, "quick"), corpus.name)
    except LabError:  # said beside the button
        return ""
