"""A Plotly figure that is updated in place: zoom and element survive every tick.

`st.plotly_chart` mounts a new element whenever its data change, so a zoom made by hand is lost at
the next tick. Here a components-v2 script keeps one element and calls `Plotly.react` on it.

Owns: getting Plotly's script (megabytes) into the browser once, getting figures (kilobytes) there
at each tick, and getting clicks back. The drawing and the light or dark look are in the script
file beside this one.

Must not know: what the figures show. Their colours come with them; the grid, and whatever else a
builder leaves unset, is taken from the page's theme.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io as pio
import streamlit as st
from plotly.offline import get_plotlyjs

from lab.components.delivery import keep_what_is_unsent
from lab.session.entry import Entry

_WATCHED: Entry[Mapping[str, Any]] = Entry("lab_window_watch", {})
"""What the window has said of itself: whether it has Plotly."""
_READY_EVENT: Final = "lab-plotly-ready"  # live_plot.js waits for it under the same name

# Plotly puts its style sheet into the document's head, where a shadow root would not see it:
# hence no isolation. The scripts are read once, when the module is imported.
_LIVE_PLOT = st.components.v2.component(
    "lab_live_plot",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,
)

# The guard is for a second session in the same window: the server restarted, the page stayed.
_PLOTLY_SOURCE = st.components.v2.component(
    "lab_plotly_source",
    js=f"""
if (!window.Plotly) {{
{get_plotlyjs()}
  window.dispatchEvent(new Event("{_READY_EVENT}"));
}}
export default function () {{}}
""",
    isolate_styles=False,
)

# First, hide the fragment of the component below, or every page would begin with an empty row.
# Then, give selected labels the colour of text. Streamlit gives them its primary colour, which on
# dark ground cannot be both dark enough under white words and light enough for words itself.
# Last, the picture of the model stays in sight of the controls that are further down, where there
# is room for both; the row that it stands in would else be what it is held by.
_WINDOW_CSS: Final = """
:has(> * > .st-key-lab_window_watch) {
  display: none;
}
[role="tab"][aria-selected="true"],
button[data-variant][data-selected="true"][type="button"],
[data-testid="stSliderThumbValue"] {
  color: inherit;
}
@media (min-width: 800px) and (min-height: 700px) {
  [data-testid="stHorizontalBlock"]:has(> * > * > * > .st-key-model_picture) {
    overflow: visible;
  }
  [data-testid="stLayoutWrapper"]:has(> .st-key-model_picture) {
    position: sticky;
    top: 3.75rem;
    z-index: 2;
  }
}
"""

# Tells Python that the window has Plotly, and that the reader changed the theme.
_WINDOW_WATCH = st.components.v2.component(
    "lab_window_watch",
    css=_WINDOW_CSS,
    js=f"""
let knownGround;
export default function ({{ data, parentElement, setStateValue, setTriggerValue }}) {{
  const tell = () => setStateValue("has_plotly", true);
  if (!window.Plotly) window.addEventListener("{_READY_EVENT}", tell, {{ once: true }});
  else if (!data.has_plotly) tell();

  const ground = getComputedStyle(parentElement).getPropertyValue("--st-background-color");
  if (knownGround && knownGround !== ground) setTriggerValue("theme_changed", true);
  knownGround = ground;

  // A slider that was dragged keeps the focus, and with it every key that is a shortcut.
  const letGo = () => {{
    if (document.activeElement?.type === "range") document.activeElement.blur();
  }};
  window.addEventListener("pointerup", letGo);
  return () => {{
    window.removeEventListener("{_READY_EVENT}", tell);
    window.removeEventListener("pointerup", letGo);
  }};
}}
""",
    isolate_styles=False,
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


def mount_plotly() -> None:
    """Bring Plotly's script into the browser. Call once per page run, outside any fragment.

    The script goes over the wire once per browser window: as soon as the window says that it has
    it, runs of the page no longer carry it. It also reruns the page when the reader switches
    between light and dark, since the colours of traces are chosen in Python.
    """
    keep_what_is_unsent()
    _window_fragment()


@st.fragment
def _window_fragment() -> None:
    # A fragment of its own, so that "I have Plotly" does not rerun the page.
    watch = _WATCHED.get()
    seen = _WINDOW_WATCH(
        key=_WATCHED.key,
        data={"has_plotly": bool(watch.get("has_plotly"))},
        on_has_plotly_change=_nothing,
        on_theme_changed_change=_nothing,
    )
    # The place is always taken, so that nothing after it moves when the script is gone from it.
    place = st.empty()
    if not seen.has_plotly:
        with place:
            _PLOTLY_SOURCE(key="lab_plotly_source")
    if seen.theme_changed:
        st.rerun()


def live_plot(
    figure: go.Figure, *, key: str, alt: str, height_px: int = 420, clickable: bool = False
) -> PlotClick | None:
    """Draw `figure` at full width and `height_px`, in the same element at every rerun.

    `key` identifies the plot on the page and names its PNG download. `alt` is what a screen
    reader says in place of the picture. The figure's template and size are ignored. Set
    `layout.uirevision` to reset the reader's zoom when its value changes; left unset, the zoom
    is kept for as long as the plot is on the page.

    With `clickable`, the click since the last run, if any. A click is an event, not a state: it
    reruns the fragment (or page) that holds the plot and is returned in that run only, so acting
    on it twice is impossible and remembering it is up to the caller.
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
    result = _LIVE_PLOT(key=key, data=data, height=height_px, on_clicked_change=_nothing)
    return None if result.clicked is None else _click_from(result.clicked)


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


def _click_from(message: Any) -> PlotClick:
    """Read what the browser sent. It is input from outside, so types are checked, not assumed."""
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


def _nothing() -> None:
    """Streamlit reports a component's value only if a callback is named for it."""
