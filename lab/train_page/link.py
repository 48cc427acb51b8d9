"""The address of a view of the Train page: settings, seed, runs and switches, and what is hidden.

One table says what an address may hold, so that what is written can be read back. Pure: addresses
in, plain values out; what is done with them is the page's. An address is input from outside:
everything in it is checked, and what cannot be is left out and said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from core.settings.config import (
    BLOCKS,
    MODEL_KINDS,
    OPTIMIZERS,
    SCHEDULES,
    ModelConfig,
    TrainConfig,
    block_named,
)
from core.settings.presets import PRESETS, RECIPES
from lab.figures.curve_marks import SMOOTHING
from lab.figures.losses import SCALES, X_TITLES
from lab.session import train_choices
from lab.session.state import BEHIND, View
from lab.widgets.controls import HIDEABLE, LEVELS, SETTINGS

_TYPES: dict[str, Callable[[str], Any]] = {"int": int, "float": float}
_CHOICES: dict[str, tuple[str, ...]] = {
    "model": MODEL_KINDS,
    "preset": tuple(PRESETS),
    "recipe": tuple(RECIPES),
    "block": BLOCKS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "view": get_args(View),
    "axis": tuple(X_TITLES),
    "unit": train_choices.UNITS,
    "scale": SCALES,
    "level": LEVELS,
    "smoothing": tuple(SMOOTHING),
    "behind": BEHIND,
}
_FIELD_TYPES = {
    f.name: str(f.type) for config in (ModelConfig, TrainConfig) for f in fields(config)
}
SWITCHES: dict[str, str] = {name: e.default for name, e in train_choices.SWITCHES.items()}
"""Switches of the page, with what they say where an address does not."""
NAMES = ("corpus", "preset", "recipe", "run")
"""Things that are called by a name; an address without one leaves it open."""


LISTS = ("hide", "runs")
"""What may be several, with commas between."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """What an address says."""

    switches: Mapping[str, str] = field(default_factory=lambda: dict(SWITCHES))
    names: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that differ from those of model, preset and recipe."""
    runs: tuple[str, ...] = ()
    """Names of the runs chosen to stand behind."""
    hidden: tuple[str, ...] = ()


def read_link(query: Mapping[str, str]) -> tuple[Link, list[str]]:
    """What an address says, and a sentence about each part of it that cannot be."""
    read: dict[str, Any] = {}
    complaints = []
    for name, text in query.items():
        if name not in (*SWITCHES, *NAMES, *SETTINGS, *LISTS):
            complaints.append(f"this page has no {name} to set")
            continue
        try:
            read[name] = _value(name, text)
        except ValueError as error:
            complaints.append(f"{name} {error}")
    link = Link(
        switches=SWITCHES | {n: read[n] for n in SWITCHES if n in read},
        names={n: read[n] for n in NAMES if n in read},
        settings={n: read[n] for n in SETTINGS if n in read},
        runs=read.get("runs", ()),
        hidden=read.get("hide", ()),
    )
    return link, complaints


def write_link(link: Link) -> dict[str, str]:
    """The shortest query from which `read_link` gives the link again."""
    query = {n: v for n, v in link.switches.items() if v != SWITCHES[n]}
    query |= dict(link.names)
    query |= {n: f"{v:.10g}" if isinstance(v, float) else str(v) for n, v in link.settings.items()}
    query |= {n: ",".join(v) for n, v in zip(LISTS, (link.hidden, link.runs)) if v}
    return query


def _value(name: str, text: str) -> Any:
    """One part of an address. Raises ValueError when it cannot be."""
    if name in LISTS:
        wanted = [part for part in text.split(",") if part]
        if name == "runs":
            return tuple(wanted)
        if unknown := [part for part in wanted if part not in HIDEABLE]:
            raise ValueError(f"cannot hide {unknown[0]!r}")
        return tuple(dict.fromkeys(wanted))
    if name in _CHOICES:
        text = block_named(text) if name == "block" else text
        if text not in _CHOICES[name]:
            raise ValueError(f"is one of {', '.join(_CHOICES[name])}, not {text!r}")
        return text
    read = _TYPES.get(_FIELD_TYPES.get(name, ""))
    if read is None:
        return text
    try:
        return read(text)
    except ValueError:
        what = "a whole number" if read is int else "a number"
        raise ValueError(f"is {what}, not {text!r}") from None
