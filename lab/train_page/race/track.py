"""What changes while the three race: one chart, who leads, and how each of them stands.

Drawn again at every tick, from the registry alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from core.errors import LabError
from core.experiments.race import BUDGETS, Fairness, Standings, standings
from core.findings.thresholds import NOISE_NATS
from core.records.events import Race
from core.records.records import Estimate, RunRecord, StepRecord
from core.service.racing import newest_race
from core.settings.config import MODEL_KINDS, ModelKind
from core.settings.presets import PRESETS
from core.text.corpus import Corpus
from core.text.reference import ReferenceLine, reference_lines
from lab.components.live_plot import live_plot
from lab.figures.losses import MAX_POINTS, LossAxes, LossCurve, loss_figure
from lab.figures.palette import in_model_color
from lab.session.state import is_live, palette, the_calibration, the_lab, untrained_sample
from lab.train_page.race.words import race_end
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
ALMOST = 0.05
"""A model whose steps took so little more or less than its seconds, as a share, took as long."""
CHART_PX, SAMPLE_PX = 250, 200

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
    def shape(self) -> tuple[object, ...]:
        """What the part of the view that does not tick depends on."""
        timed = the_calibration() is not None
        return (self.race.id if self.race else None, self.next_move, len(self.runs), timed)


def find_race() -> NewestRace:
    """The newest race of this lab, whoever started it."""
    newest = newest_race(the_lab())
    return NewestRace(*newest) if newest else NewestRace(None, {})


@dataclass(frozen=True)
class _Measured:
    """What the registry holds of one run, read once in a tick."""

    run: RunRecord
    steps: list[StepRecord]
    estimates: list[Estimate]

    @classmethod
    def of(cls, run: RunRecord) -> _Measured:
        store = the_lab().store
        # Estimates first: a step is then known for each of them.
        estimates = store.estimates(run.id)
        return cls(run, store.steps(run.id, at_most=MAX_POINTS), estimates)


def render_race(corpus: Corpus, axis: Fairness, shown: tuple[object, ...]) -> None:
    """Draw the race as it stands; the whole page, when it is no longer of the shape `shown`."""
    found = find_race()
    if found.shape != shown:
        st.rerun()
    measured = {kind: _Measured.of(run) for kind, run in found.runs.items()}
    _render_chart(corpus, found.race, measured, axis)
    st.markdown(_who_leads(found, measured))
    for column, kind in zip(st.columns(3, gap="small"), MODEL_KINDS):
        with column.container(border=True, height="stretch", gap="xsmall", key=f"race_{kind}"):
            _render_model(kind, measured.get(kind), corpus, untrained=found.race is None)


def _render_chart(
    corpus: Corpus, race: Race | None, measured: Mapping[ModelKind, _Measured], axis: Fairness
) -> None:
    curves = [LossCurve.of(m.run, m.steps, m.estimates) for m in measured.values()]
    configs = [m.run.config for m in measured.values()]
    end = race_end(race, configs, curves, axis, the_calibration())
    x_end = BUDGETS[axis] if race is None else end
    figure = loss_figure(
        curves, _counted(corpus, measured), palette(), LossAxes(x=axis, x_end=x_end)
    )
    # Three times the noise of single batches would hide what the race is about.
    figure.data = [trace for trace in figure.data if "markers" in trace.mode]
    figure.update_layout(uirevision=f"{race.id if race else None}-{axis}")
    live_plot(
        figure, key="race_view_chart", height_px=CHART_PX,
        alt="Validation loss of the three models of the race, and what counting alone reaches",
    )  # fmt: skip


def _counted(corpus: Corpus, measured: Mapping[ModelKind, _Measured]) -> tuple[ReferenceLine, ...]:
    """The counted lines of the text that the race is about; none where that text is gone."""
    for each in measured.values():
        try:
            return reference_lines(the_lab().corpus_of(each.run))
        except LabError:
            return ()
    return reference_lines(corpus)


def _who_leads(found: NewestRace, measured: Mapping[ModelKind, _Measured]) -> str:
    """Who is ahead at the last point that all have reached, with numbers."""
    race = found.race
    if race is None:
        return (
            "**Nobody has begun.** Below, the three as they are before their first step: each "
            "guesses blindly. The grey lines are what counting alone reaches."
        )
    table = standings(
        race.by,
        {kind: m.estimates for kind, m in measured.items()},
        {kind: m.steps for kind, m in measured.items()},
    )
    if table is None:
        return "Nobody leads before all have been measured once after the start."
    whole = whole_split(found)
    return standings_text(race, whole or table, whole is not None) + how_it_ended(found)


def whole_split(found: NewestRace) -> Standings | None:
    """Of a race by steps that is over, the losses that every page says of its runs; else None."""
    losses = {
        kind: run.val_loss_nats for kind, run in found.runs.items() if run.status == "finished"
    }
    known = [(kind, nats) for kind, nats in losses.items() if nats is not None]
    steps = {run.step for run in found.runs.values()}
    if not found.race or found.race.by != "steps" or len(known) < len(found.runs) or len(steps) > 1:
        return None
    return Standings(float(*steps), tuple(sorted(known, key=lambda item: item[1])))


def standings_text(race: Race, table: Standings, is_whole: bool = False) -> str:
    """Who leads, or who is level with whom: what lies closer than estimates can tell is no lead.

    Args:
        is_whole: whether the losses are over the whole validation split.
    """
    lowest = table.losses[0][1]
    ahead = [(kind, loss) for kind, loss in table.losses if loss - lowest < NOISE_NATS]
    rest = [_with_loss(*each) for each in table.losses[len(ahead) :]]
    where = f"At {table.at:.1f} s of training"
    if race.by == "steps":
        where = f"At step {words.count(table.at)} of {words.count(race.budget)}"
    if len(ahead) > 1:
        who = f"{' and '.join(_with_loss(*each) for each in ahead)} nats are level"
    else:
        best = in_color(table.leader, MODEL_NAMES[table.leader])
        who = f"{best} leads with **{words.loss(lowest)}** nats"
    said = "; ".join([who, *[", ".join(rest)] * bool(rest)])
    how = "interpolated between estimates" if race.by == "seconds" else "estimates"
    how = "over the whole validation split" if is_whole else how
    close = f", less than {NOISE_NATS:g} nats apart" * (len(ahead) > 1)
    return f"{where}, as far as all have come: {said} :gray[({how}{close})]"


def _with_loss(kind: ModelKind, nats: float) -> str:
    return f"{in_color(kind, MODEL_NAMES[kind])} {words.loss(nats)}"


def how_it_ended(found: NewestRace) -> str:
    """That the race is over, and how long the steps of a race by seconds took in the end."""
    race, runs = found.race, found.runs.values()
    if race is None or not all(run.status == "finished" for run in runs):
        return ""
    taken_s = [run.train_s for run in runs]
    if race.by == "steps" or all(abs(s / race.budget - 1) <= ALMOST for s in taken_s):
        return " The race is over."
    *most, last = (f"{s:.1f}" for s in taken_s)
    return (
        f" The race is over: the steps that were timed to take {race.budget} s took "
        f"{' and '.join([*[', '.join(most)] * bool(most), last])} s."
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
    kind: ModelKind, measured: _Measured | None, corpus: Corpus, *, untrained: bool
) -> None:
    run = measured.run if measured else None
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
