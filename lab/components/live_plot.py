"""A Plotly figure that is updated in place: zoom and element survive every tick.

`st.plotly_chart` mounts a new element whenever its data change, so a zoom made by hand is lost at
the next tick. Here a components-v2 script keeps one element and calls `Plotly.react` on it.

Owns: getting figures (kilobytes) into the browser at each tick, and getting clicks back. The
drawing and the light or dark look are in the script file beside this one, what a reader can
download in `downloads.js` and `csv.js`; Plotly's own script is there already, or comes
(`lab.components.window`).

Must not know: what the figures show. Their colours come with them; the grid, and whatever else a
builder leaves unset, is taken from the page's theme.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
import streamlit as st

from lab.components.triggers import nothing

PLOT_SCRIPT = "\n".join(
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("csv.js", "saving.js", "downloads.js", "live_plot.js")
)
"""One script, since a component has one: it cannot load others."""

_CSS = """
.js-plotly-plot .modebar-container:not(:has(> .vertical)) { inset: auto 0 24px auto !important; }
"""
"""The buttons that come up while one points at a plot lie below its axis, beside the title: at the
top, where Plotly has them, they would cover legends, labels and the ends of bars."""

# Plotly puts its style sheet into the document's head, where a shadow root would not see it:
# hence no isolation.
_LIVE_PLOT = st.components.v2.component(
    "lab_live_plot", js=PLOT_SCRIPT, css=_CSS, isolate_styles=False
)


@dataclass(frozen=True, kw_only=True)
class PlotClick:
    """The point or heat map cell that was clicked, in the units of the figure's axes."""

    x: float | str | None
    y: float | str | None
    z: float | None
    """The cell's value; None for points."""
    curve: int
    """Index of the trace in `figure.data`."""
    customdata: Any
    """What the figure attached to this point; None if nothing."""


def live_plot(
    figure: go.Figure, *, key: str, alt: str, height_px: int = 420, clickable: bool = False
) -> PlotClick | None:
    """Draw `figure` at full width and `height_px`, in the same element at every rerun.

    `key` identifies the plot on the page and, with the run in the page's address, names what is
    downloaded from it: PNG, SVG, and a CSV of its numbers, whose columns are called after the axes
    or as `lab.figures.columns` says. `alt` is what a screen reader says in place of the picture.
    The figure's template and size are ignored. Set `layout.uirevision` to reset the reader's zoom
    when its value changes; left unset, the zoom is kept for as long as the plot is on the page.

    With `clickable`, the click since the last run, if any. A click is an event, not a state: it
    reruns the fragment (or page) that holds the plot and is returned in that run only, so acting
    on it twice is impossible and remembering it is up to the caller. Where it changes what stands
    before the plot, `lab.widgets.clicks` knows it before the plot is drawn.
    """
    data = {
        "figure": _figure_json(figure),
        "key": key,
        "alt": alt,
        "height_px": height_px,
        "clickable": clickable,
    }
    if not clickable:
        _LIVE_PLOT(key=key, data=data, height=height_px)
        return None
    result = _LIVE_PLOT(key=key, data=data, height=height_px, on_clicked_change=nothing)
    return None if result.clicked is None else click_from(result.clicked)


def _figure_json(figure: go.Figure) -> str:
    """The figure as Plotly JSON: numpy arrays as base64 (`bdata`), no template, no size.

    The default template alone is larger than a short loss curve, and the page's theme takes its
    place.
    """
    spec = figure.to_dict()
    layout = {
        name: value
        for name, value in spec.get("layout", {}).items()
        if name not in {"template", "width", "height"}
    }
    return str(pio.to_json({"data": spec.get("data", []), "layout": layout}, validate=False))


def click_from(message: Any) -> PlotClick:
    """Read what a browser sent of a click: input from outside, so that types are checked."""
    return PlotClick(
        x=_coordinate(message.get("x")),
        y=_coordinate(message.get("y")),
        z=_number(message.get("z")),
        curve=int(_number(message.get("curve")) or 0),
        customdata=message.get("customdata"),
    )


def _coordinate(value: object) -> float | str | None:
    return value if isinstance(value, str) else _number(value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value
