"""A stand-in for the live plot: keeps the figures that a page draws, and clicks on them."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import plotly.graph_objects as go
import pytest

import lab
from lab.components import live_plot as live_plot_module
from lab.components.live_plot import PlotClick
from lab.widgets import clicks


@dataclass
class Plots:
    """What a page drew in its last run, by the key of the plot."""

    figures: dict[str, go.Figure] = field(default_factory=dict)
    alts: dict[str, str] = field(default_factory=dict)
    _clicks: dict[str, PlotClick] = field(default_factory=dict)

    def click(self, key: str, x: float, y: float, customdata: object = None) -> None:
        """Let the page find a click at the next run; like a real one, it is found once."""
        self._clicks[key] = PlotClick(x=x, y=y, z=None, curve=0, customdata=customdata)

    def live_plot(
        self,
        figure: go.Figure,
        *,
        key: str,
        alt: str,
        height_px: int = 420,
        clickable: bool = False,
    ) -> PlotClick | None:
        """As `live_plot`, less the screen."""
        assert alt and height_px > 0
        self.figures[key], self.alts[key] = figure, alt
        return self.click_on(key) if clickable else None

    def click_on(self, key: str) -> PlotClick | None:
        """As `click_on`: asked for first, it is not found where the plot is drawn."""
        return self._clicks.pop(key, None)


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plots]:
    """Import this fixture into a test module; pages then draw here."""
    drawn = Plots()
    stand_ins = {
        "live_plot": (live_plot_module.live_plot, drawn.live_plot),
        "click_on": (clicks.click_on, drawn.click_on),
    }
    for module in pkgutil.walk_packages(lab.__path__, "lab."):
        if "_page." in module.name:  # the parts of the pages: now, not only once it is patched
            importlib.import_module(module.name)
    for name, module in list(sys.modules.items()):  # pages are run anew, their rooms are not
        for function, (real, stand_in) in stand_ins.items():
            if name.startswith("lab.") and getattr(module, function, None) is real:
                monkeypatch.setattr(module, function, stand_in)
    yield drawn
