"""The sweep: a grid of small runs over two settings, started by one button, as one heat map.

Which sweeps there are stands in the registry, and whether one is being trained the service knows;
the session only remembers which one is on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from core.errors import ConfigError
from core.experiments.grid import (
    Axis,
    Planned,
    cell_config,
    characters_per_step,
    pairs_for,
    plan_sweep,
    small,
)
from core.experiments.sweep import (
    Cell,
    Sweep,
    delete_sweep,
    enter_sweep,
    load_sweeps,
    unreadable_sweeps,
)
from core.records.records import RunRecord
from core.settings.config import RunConfig
from core.text.corpus import Corpus
from lab.figures.sweeps import MEASURES, SweepMeasure
from lab.session.entry import Entry, draw_page_again
from lab.session.pace import paced
from lab.session.state import the_calibration, the_lab, the_service
from lab.train_page.sweep.base import sweep_base
from lab.train_page.sweep.heat_map import (
    TITLES,
    how_it_stands,
    render_heat_map,
    render_standing,
    sweep_label,
)
from lab.widgets.action_buttons import deed_button
from lab.widgets.controls import SLIDERS
from lab.widgets.expected_time import expected_time
from lab.widgets.in_background import SeriesStanding, render_series_buttons
from lab.wording import words
from lab.wording.labels import gloss, in_labels, label_with_unit
from lab.wording.plain import plain, plain_but_code

DEFAULT_STEPS, MAX_STEPS = 300, 10_000
GOOD: dict[str, tuple[float, ...]] = {
    "block_size": (8, 32, 128),
    "n_head": (1, 2, 4, 8),
    "n_layer": (1, 2, 4),
    "n_embd": (32, 64, 128),
    "batch_size": (4, 16, 64),
}
"""Values that show something in a minute or two."""
_SHOWN: Entry[str | None] = Entry("sweep_shown", None)


@dataclass(frozen=True)
class Plan:
    """The sweep that the controls ask for, or why it cannot be."""

    x: Axis
    y: Axis
    base: RunConfig
    cells: tuple[Planned, ...] = ()
    trouble: str = ""

    @property
    def configs(self) -> list[RunConfig]:
        return [cell.config for cell in self.cells if cell.config]


def render_sweep_view(corpus: Corpus, config: RunConfig, run: RunRecord | None = None) -> None:
    """The whole view; what the grid does not change comes from `config`, the controls' settings.

    The exception is a learning rate at which `run`, the one on the bench, diverged.
    """
    with st.container(gap="small", key="sweep_view"):
        config, said = sweep_base(config, run)
        plan = _choose_plan(corpus, config)
        if said:
            st.caption(said)
        buttons = st.container(horizontal=True, vertical_alignment="center", gap="small")
        for sentence in unreadable_sweeps(the_lab()):
            st.warning(plain(sentence))
        sweeps = {sweep.id: sweep for sweep in load_sweeps(the_lab())}
        shown = _shown(list(sweeps))
        standing = how_it_stands(sweeps[shown]) if shown else None
        with buttons:
            _render_buttons(plan, corpus, standing)
        if not shown:
            cells = [Cell(cell.x, cell.y, None, cell.why_not) for cell in plan.cells]
            render_heat_map(cells, (plan.x.name, plan.y.name), "loss", config.model.model)
            st.caption(
                "Each cell will be one small run with the same seed and all else as on the left. "
                "Press Start, and the grid fills in with what each of them reaches."
            )
            return
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            st.selectbox(
                "Sweep on the screen", list(sweeps), key=_SHOWN.key, width=380,
                persist_state="session", format_func=lambda sweep_id: sweep_label(sweeps[sweep_id]),
            )  # fmt: skip
            measure: SweepMeasure = st.segmented_control(
                "Shown in each cell", MEASURES, default="loss", required=True, key="sweep_measure",
                persist_state="session",
            ) or "loss"  # fmt: skip
            assert standing is not None
            if not standing.ticks:
                _render_deleting(sweeps[shown])
        ticks = 1.0 if standing.ticks else None
        st.fragment(render_standing, run_every=paced(ticks))(sweeps[shown], measure, standing)


def _shown(ids: list[str]) -> str | None:
    """The sweep that the session looks at: the one it chose, else the newest."""
    if not ids:
        return None
    if _SHOWN.get() not in ids:
        _SHOWN.set(ids[0])
    return _SHOWN.get()


# --- what to sweep over ---------------------------------------------------------------------------


def _choose_plan(corpus: Corpus, config: RunConfig) -> Plan:
    """Two settings, their values, and how long each run is."""
    pairs = pairs_for(config.model.model)
    columns = st.columns([5, 6, 6, 3], vertical_alignment="top")
    x_name, y_name = columns[0].selectbox(
        "Settings to sweep over", pairs, key=f"sweep_pair_{config.model.model}",
        format_func=lambda pair: f"{TITLES[pair[0]]} and {TITLES[pair[1]]}",
        persist_state="session", help="The first goes across, the second up.",
    )  # fmt: skip
    with columns[1]:
        xs = _choose_values("x", x_name, corpus, config)
    with columns[2]:
        ys = _choose_values("y", y_name, corpus, config)
    usual = min(DEFAULT_STEPS, config.train.max_iters)
    n_steps = columns[3].number_input(
        "Steps of each", 1, MAX_STEPS, usual, 50, key=f"sweep_steps_{usual}",
        persist_state="session", help="Warm-up and schedule are made for that many.",
    )  # fmt: skip
    held = _choose_held(x_name, y_name, config)
    empty = Plan(Axis(x_name, tuple(xs)), Axis(y_name, tuple(ys)), config)
    try:
        plan = replace(
            empty, x=_axis(x_name, xs, held), y=_axis(y_name, ys, held),
            base=small(config, int(n_steps)),
        )  # fmt: skip
        cells = tuple(plan_sweep(plan.base, corpus, plan.x, plan.y))
    except ConfigError as error:
        return replace(empty, trouble=str(error))
    return replace(plan, cells=cells)


def _choose_held(x_name: str, y_name: str, config: RunConfig) -> bool:
    """Whether a step is to read as many characters in every cell, where that can be chosen."""
    if "block_size" not in (x_name, y_name) or "batch_size" in (x_name, y_name):
        return False
    n_sequences, n_characters = config.train.batch_size, characters_per_step(config)
    return st.toggle(
        "Same characters per step", key="sweep_hold", persist_state="session",
        help=f"Off: each step reads {n_sequences:,} sequences, so a longer block also sees more "
        f"text. On: each step reads {n_characters:,} characters, in fewer sequences where blocks "
        "are longer; what is left of the difference comes from how far back a guess may look.",
    )  # fmt: skip


def _axis(name: str, values: list[float], held: bool) -> Axis:
    return Axis.of(name, values, hold_characters=held and name == "block_size")


def _choose_values(side: str, name: str, corpus: Corpus, config: RunConfig) -> list[float]:
    offered = _offered(name, corpus, config)
    usual = _usual(name, offered, config)
    version = "-".join(f"{value:g}" for value in offered)  # other values, another widget
    chosen: list[float] = st.multiselect(
        label_with_unit(name), offered, default=usual, help=gloss(name),
        key=f"sweep_{side}_{config.model.model}_{name}_{version}", persist_state="session",
        format_func=lambda value: f"{value:,g}",
    )  # fmt: skip
    return chosen


def _offered(name: str, corpus: Corpus, config: RunConfig) -> list[float]:
    """The values of a setting that fit the text and all else on the controls."""
    own = config.flat()[name]
    values: list[float] = sorted({*next(s.values for s in SLIDERS if s.name == name), own})
    return [value for value in values if value == own or _fits(name, value, corpus, config)]


def _fits(name: str, value: float, corpus: Corpus, config: RunConfig) -> bool:
    try:
        corpus.check_long_enough(cell_config(config, {name: value}).model.block_size)
    except ConfigError:
        return False
    return True


def _usual(name: str, offered: list[float], config: RunConfig) -> list[float]:
    """Values to begin with: those that are known to be good, else the controls' and both beside."""
    good = [value for value in GOOD.get(name, ()) if value in offered]
    if len(good) > 1:
        return good
    own = offered.index(config.flat()[name])
    return offered[max(0, own - 1) : own + 2]


# --- buttons --------------------------------------------------------------------------------------


def _render_buttons(plan: Plan, corpus: Corpus, standing: SeriesStanding | None) -> None:
    """Pause, resume or start, and what it will cost."""
    render_series_buttons(
        "sweep", "grid_on", partial(_start, plan, corpus), standing, can_start=bool(plan.configs)
    )
    if plan.trouble:
        st.caption(plain_but_code(in_labels(plan.trouble)))
    else:
        waits = the_calibration() is None
        st.fragment(_render_cost, run_every=0.5 if waits else None)(plan, corpus, waits)


def _start(plan: Plan, corpus: Corpus) -> None:
    sweep = enter_sweep(the_lab(), plan.base, corpus, plan.x, plan.y)
    the_service().start_sweep(sweep.id)
    _SHOWN.set(sweep.id)


def _render_deleting(sweep: Sweep) -> None:
    """Away with a sweep, behind a second click that says what will be gone."""
    with st.popover("Delete …", icon=":material/delete:", key="sweep_deleting"):
        st.write(
            f"This deletes the sweep {plain(sweep.name)}. Its runs go into the bin, from where "
            "each can come back by itself; the grid cannot."
        )
        deed_button("Delete the sweep", "delete", partial(delete_sweep, the_lab(), sweep),
                    key="sweep_delete", primary=False)  # fmt: skip


def _render_cost(plan: Plan, corpus: Corpus, waited: bool) -> None:
    """How many runs it will be and how long they will take; drawn again until that is known."""
    time = expected_time(plan.configs, corpus)
    if waited and time:
        draw_page_again()
    n, n_not = len(plan.configs), len(plan.cells) - len(plan.configs)
    said = f"{n} runs of {words.count(plan.base.train.max_iters)} steps"
    if time:
        said += f", {time}"
    elif the_calibration() is None:
        said += "; timing this machine"
    said += _what_steps_read(plan.configs)
    if n_not:
        said += f". {n_not} of the grid cannot be; the pointer finds the reason"
    st.caption(said + ".")


def _what_steps_read(configs: Sequence[RunConfig]) -> str:
    """How many characters a step reads, as the end of a sentence: the same in all cells or not."""
    read = sorted({characters_per_step(config) for config in configs})
    if len(read) > 1:
        return f"; a step reads {words.count(read[0])} to {words.count(read[-1])} characters"
    return f"; every step reads {words.count(read[0])} characters" if read else ""
