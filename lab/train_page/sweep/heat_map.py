"""One sweep on the screen: how far it is, its heat map, and what that shows in words."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.experiments.sweep import Cell, Sweep, sweep_cells, sweep_progress
from core.settings.config import ModelKind
from lab.components.live_plot import live_plot
from lab.figures.sweeps import SweepMeasure, sweep_figure
from lab.session.entry import draw_page_again
from lab.session.state import open_run, palette, the_lab
from lab.train_page.sweep.words import base_text, best_text, caution_text, effects_text
from lab.widgets.controls import SLIDERS
from lab.widgets.in_background import SeriesStanding, progress_text, series_standing
from lab.wording.labels import in_a_sentence, with_unit
from lab.wording.plain import plain, unmarked

TITLES = {slider.name: in_a_sentence(slider.name) for slider in SLIDERS}
ROW_PX, AXES_PX, LEAST_PX, MOST_PX = 66, 84, 250, 440


def sweep_label(sweep: Sweep) -> str:
    """A sweep in one line. Only what stays the same: the browser keeps the label that it has."""
    over = f"{TITLES[sweep.x.name]} and {TITLES[sweep.y.name]}"
    return f"{sweep.name} · {sweep.base.model.model} · {over}"


def how_it_stands(sweep: Sweep) -> SeriesStanding:
    """Whether the sweep goes on, could go on, or is over."""
    return series_standing(sweep.id, sweep_cells(the_lab(), sweep))


def render_standing(sweep: Sweep, measure: SweepMeasure, shown: SeriesStanding) -> None:
    """Everything that changes while a sweep is trained; drawn again at every tick."""
    cells = sweep_cells(the_lab(), sweep)
    standing = series_standing(sweep.id, cells)
    if standing != shown:
        draw_page_again()
    progress = sweep_progress(cells)
    said = progress_text(progress, cells, standing)
    if not progress.done:
        st.progress(progress.n_steps_done / max(1, progress.n_steps), said)
    render_heat_map(cells, (sweep.x.name, sweep.y.name), measure, sweep.base.model.model)
    titles = TITLES[sweep.x.name], TITLES[sweep.y.name]
    if best := best_text(cells, *titles):
        st.markdown(f"{best} {effects_text(cells, *titles)}")
        st.caption(
            f"{said}. A click on a cell opens its run. "
            f"{caution_text(_swept(sweep), sweep.held_characters)} "
            f"{base_text(sweep)} Corpus: {plain(sweep.corpus)}."
        )
    else:
        st.caption("A number comes when its run is over. A click on a cell opens its run.")


def _swept(sweep: Sweep) -> list[str]:
    """The settings that have another value in some cell than in others."""
    return [axis.name for axis in (sweep.x, sweep.y) if len(axis.values) > 1]


def render_heat_map(
    cells: Sequence[Cell], names: tuple[str, str], measure: SweepMeasure, kind: ModelKind
) -> None:
    """The heat map; a click on a cell opens its run."""
    x_name, y_name = names
    colors = palette()
    figure = sweep_figure(
        cells, TITLES[x_name], TITLES[y_name], measure, colors, colors.model(kind)
    )
    if cells:
        figure.update_xaxes(title=with_unit(x_name))
        figure.update_yaxes(title=with_unit(y_name))
    n_rows = len({cell.y for cell in cells})
    click = live_plot(
        figure, key="sweep_grid", clickable=True,
        height_px=min(MOST_PX, max(LEAST_PX, n_rows * ROW_PX + AXES_PX)),
        alt=f"A sweep over {TITLES[x_name]} and {TITLES[y_name]}, {measure} of each run. "
        + (unmarked(best_text(cells, TITLES[x_name], TITLES[y_name])) or "No run is over yet."),
    )  # fmt: skip
    if click and click.customdata in {cell.run.id for cell in cells if cell.run}:
        open_run(click.customdata)
        st.rerun(scope="app")
