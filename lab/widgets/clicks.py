"""What the reader has just clicked, asked for before anything is drawn.

A component returns its click where it is drawn. Whoever acts on it there has drawn half of a page
with what held before, and has to begin anew; so the page asks here first.
"""

from __future__ import annotations

from typing import Any

from lab.components.live_plot import PlotClick, click_from
from lab.session.entry import Entry


def click_on(key: str) -> PlotClick | None:
    """The click on the plot of this key since the last run, if any. Before it is drawn."""
    message = event_of(key, "clicked")
    return click_from(message) if isinstance(message, dict) else None


def cell_clicked(key: str) -> tuple[int, int] | None:
    """Row and column, from 0, of the cell of a map that was clicked: which may be outside of it."""
    click = click_on(key)
    if click and isinstance(click.x, int | float) and isinstance(click.y, int | float):
        return round(click.y), round(click.x)
    return None


def event_of(key: str, name: str) -> Any:
    """What a component sent since the last run; None for nothing. It is input from outside."""
    return getattr(Entry[Any](key, None).get(), name, None)
