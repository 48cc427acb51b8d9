"""A stand-in for a browser: what each widget shows after a run of the page.

`AppTest` reads a widget's value from the session, so it cannot see that a browser still shows
another. A browser knows a choice by its label: it takes one from the server only where a widget is
new or the server says so (`set_value`), and otherwise keeps the one that it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from streamlit.runtime.state.common import TESTING_KEY
from streamlit.testing.v1 import AppTest


class _Label(str):
    """A label that is chosen as it stands."""


@dataclass
class Screen:
    """What a reader sees of the widgets with choices, by their keys."""

    app: AppTest
    _labels: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.look()

    def look(self) -> None:
        """Take over what the last run of the page sent."""
        assert not self.app.exception
        widgets = {widget.proto.id: widget for widget in self._widgets()}
        for identity, widget in widgets.items():
            if identity not in self._labels or widget.proto.set_value:
                self._labels[identity] = _sent(widget.proto)
        # What is gone from the page is forgotten.
        self._labels = {i: labels for i, labels in self._labels.items() if i in widgets}

    def choose(self, key: str, value: Any) -> None:
        """Pick a value as a reader does, and run the page; then all must still agree."""
        widget = self._widget(key)
        widget.set_value(value)
        self._labels[widget.proto.id] = _held(widget)
        self.app.run()
        self.look()
        self.check()

    def choose_place(self, key: str, place: int) -> None:
        """As `choose`, by the place of the choice in a row or in a box."""
        widget = self._widget(key)
        label = _Label(_options(widget.proto)[place])
        say = widget.format_func
        # What goes over the wire is the label, so that is all that one has to know.
        says = self.app.session_state[TESTING_KEY]
        says[widget.proto.id] = lambda v: str(v) if isinstance(v, _Label) else say(v)
        widget.set_value(label)
        self._labels[widget.proto.id] = [str(label)]
        self.app.run()
        self.look()
        self.check()

    def shown(self, key: str) -> list[str]:
        """The labels that the widget under this key shows."""
        widget = self._widget(key)
        return self._labels[widget.proto.id]

    def options(self, key: str) -> list[str]:
        """The labels to choose from."""
        return _options(self._widget(key).proto)

    def check(self) -> None:
        """Each widget shows what the page holds, and that is one of its choices."""
        for widget in self._widgets():
            shown = self._labels[widget.proto.id]
            assert set(shown) <= set(_options(widget.proto)), widget.key
            held = _held(widget)
            assert shown == held, f"{widget.key} shows {shown} and holds {held}"

    def with_choices(self) -> list[str]:
        """The keys of all widgets with choices that the page has now."""
        return [widget.key for widget in self._widgets()]

    def _widget(self, key: str) -> Any:
        (widget,) = [w for w in self._widgets() if w.key == key]
        return widget

    def _widgets(self) -> Iterator[Any]:
        app = self.app
        yield from (*app.selectbox, *app.select_slider, *app.multiselect, *app.segmented_control)


def _options(proto: Any) -> list[str]:
    return [getattr(option, "content", option) for option in proto.options]


def _sent(proto: Any) -> list[str]:
    """The labels that a server sends along: the value where it sets one, else the default."""
    if proto.set_value:
        raw = proto.raw_value if hasattr(proto, "raw_value") else proto.raw_values
        return [raw] if isinstance(raw, str) else list(raw)
    options, default = _options(proto), proto.default
    if isinstance(default, int):
        return [options[default]] if proto.HasField("default") else []
    return [options[int(place)] for place in default]


def _held(widget: Any) -> list[str]:
    """The labels of what the page's session holds."""
    value = widget.value
    values = value if isinstance(value, list | tuple) else [value]
    return [widget.format_func(v) for v in values if v is not None]
