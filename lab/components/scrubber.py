"""Moving through the training of a run: its loss curve, a slider over the steps kept, and play.

Owns: getting the curve into the browser, and each move back. While it plays, the script file beside
this one moves on whenever the page that shows the last step is drawn to its end.

Must not know: what is drawn at each step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st

HEIGHT_PX: Final = 74
N_TICKS: Final = 9
NAMES: Final = ("best", "newest")
_CSS: Final = """
.scrubber {
  display: grid;
  grid-template-columns: auto 1fr auto;
  align-items: center;
  gap: 0.75rem;
  font-family: var(--st-font);
  font-size: 0.8125rem;
  color: var(--st-gray-text-color);
}
button {
  font: inherit;
  color: var(--st-text-color);
  background: var(--st-background-color);
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius, var(--st-base-radius));
  cursor: pointer;
}
button:focus-visible, .slider:focus-visible {
  outline: 2px solid var(--st-primary-color);
  outline-offset: 2px;
}
button:disabled { cursor: default; opacity: 0.4; }
button[aria-pressed=true] {
  background: var(--st-secondary-background-color);
  border-color: var(--st-text-color);
}
.play { width: 2.5rem; height: 2.5rem; padding: 0; }
.play svg { width: 1rem; height: 1rem; fill: currentColor; vertical-align: middle; }
.track { min-width: 0; }
.picture { position: relative; height: 34px; margin: 0 8px; }
.picture svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.curve, .cursor { fill: none; vector-effect: non-scaling-stroke; }
.curve { stroke: var(--run-color); stroke-width: 2; }
.cursor { stroke: var(--st-text-color); stroke-width: 1; }
.best {
  position: absolute;
  width: 8px;
  height: 8px;
  margin: -4px;
  border-radius: 50%;
  background: var(--run-color);
}
.slider {
  display: block;
  width: 100%;
  height: 16px;
  margin: 0;
  appearance: none;
  background: linear-gradient(var(--st-border-color) 0 0) center / 100% 4px no-repeat;
}
.slider::-webkit-slider-thumb {
  appearance: none;
  width: 16px;
  height: 16px;
  border-radius: 50%;
  background: var(--st-primary-color);
}
.slider::-moz-range-thumb {
  width: 16px;
  height: 16px;
  border: none;
  border-radius: 50%;
  background: var(--st-primary-color);
}
.ticks { position: relative; height: 1rem; margin: 0 8px; font-size: 0.75rem; }
.ticks span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.side { display: flex; flex-direction: column; gap: 0.375rem; width: 15rem; }
.readout { margin: 0; color: var(--st-text-color); white-space: nowrap; }
.moments { display: flex; gap: 0.375rem; }
.moment { padding: 0.0625rem 0.625rem; }
"""

_SCRUBBER = st.components.v2.component(
    "lab_scrubber", css=_CSS, js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


@dataclass(frozen=True, kw_only=True)
class Course:
    """What a reader moves through: the steps of a run at which its model was kept."""

    run_id: str
    steps: Sequence[int]
    """Ascending, one at least."""
    shown: int
    """One of them."""
    best: int | None
    """The step with the lowest loss, if it is one of them."""
    losses: Sequence[tuple[int, float]]
    """Validation losses in nats by step, for the curve."""
    moment: str | int
    """What the reader asked for: a step, or one of the names "best" and "newest"."""
    is_live: bool
    readout: str


@dataclass(frozen=True, kw_only=True)
class Move:
    """Where a reader moved to."""

    moment: str | int
    """One of the steps, or one of the names."""
    number: int
    """It is the reader's so-and-so-manieth since the page was opened."""


def scrubber(
    course: Course, color: str, *, key: str, echo: int, on_move: Callable[[], None]
) -> None:
    """Draw it. At a move `on_move` is called before the page is, and `move_of` says where to.

    The steps stand at equal distances, since the early ones, which are close together, are those
    in which most happens. `echo` is the number of the last move that the page is drawn with.
    """
    _SCRUBBER(key=key, data=_data(course, color, echo), height=HEIGHT_PX, on_moved_change=on_move)


def move_of(state: Any, steps: Sequence[int]) -> Move | None:
    """What a browser says of a move, if it can be one: it is input from outside."""
    message = getattr(state, "moved", None)
    if not isinstance(message, dict):
        return None
    moment, number = message.get("moment"), message.get("number")
    if not isinstance(number, int) or isinstance(moment, bool):
        return None
    if isinstance(moment, str) and moment in NAMES:
        return Move(moment=moment, number=number)
    if isinstance(moment, int) and moment in steps:
        return Move(moment=moment, number=number)
    return None


def _data(course: Course, color: str, echo: int) -> dict[str, Any]:
    steps = list(course.steps)
    curve = _curve(steps, course.losses)
    place = steps.index(course.shown)
    newest = ("Live", "Follow the training") if course.is_live else ("Last", "The last step kept")
    return {
        "run": course.run_id,
        "steps": steps,
        "place": place,
        "curve": curve,
        "best": _on_curve(steps, course.best, curve),
        "moment": course.moment,
        "names": [("best", "Best", "The step with the lowest loss"), ("newest", *newest)],
        "labels": _ticks(steps),
        "readout": course.readout,
        "color": color,
        "alt": "Step of the training at which the model is shown",
        "echo": echo,
    }


def _curve(steps: list[int], losses: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """Points (x, y): x counts kept steps from 0, y goes from 0 at the top to 1."""
    if not losses:
        return []
    at, nats = np.array(losses, dtype=float).T
    within = (at >= steps[0]) & (at <= steps[-1])
    x = np.interp(at[within], steps, np.arange(len(steps)))
    low, high = nats.min(), nats.max()
    y = 1 - (nats[within] - low) / max(high - low, 1e-9)
    return [(round(float(a), 3), round(float(b), 3)) for a, b in zip(x, y)]


def _on_curve(
    steps: list[int], step: int | None, curve: list[tuple[float, float]]
) -> tuple[float, float] | None:
    if step not in steps or not curve:
        return None
    place = float(steps.index(step))
    x, y = zip(*curve)
    return place, round(float(np.interp(place, x, y)), 3)


def _ticks(steps: list[int]) -> list[tuple[int, str]]:
    """Places of some of the steps, evenly chosen, and how they are written."""
    places = np.unique(np.linspace(0, len(steps) - 1, min(N_TICKS, len(steps))).round().astype(int))
    return [(int(place), f"{steps[place]:,}") for place in places]
