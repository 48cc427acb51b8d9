"""What a session has chosen on the Train page: what its address says, and other pages change.

Each is the value of a widget there, which is kept while other pages are on the screen.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from core.settings.config import ModelKind
from lab.figures.losses import Scale, XAxis
from lab.session.entry import Entry
from lab.session.state import Behind, View

Unit = Literal["nats", "bits"]
UNITS: tuple[Unit, ...] = get_args(Unit)
"""Per character."""

VIEW: Entry[View] = Entry("train_view", "run")
MODEL: Entry[ModelKind] = Entry("train_model", "transformer")
LEVEL: Entry[Literal["simple", "all"]] = Entry("train_level", "simple")
"""How many controls there are."""
AXIS: Entry[XAxis] = Entry("train_axis", "steps")
UNIT: Entry[Unit] = Entry("train_unit", "nats")
SCALE: Entry[Scale] = Entry("train_scale", "linear")
SMOOTHING: Entry[str] = Entry("train_smoothing", "off")
BEHIND: Entry[Behind] = Entry("train_behind", "newest")
"""Which runs stand behind the one on the bench."""
RUNS_BEHIND: Entry[tuple[str, ...] | list[str]] = Entry("train_runs", ())
"""Ids of the runs that were chosen to stand there, at most `MAX_BEHIND`."""
MAX_BEHIND = 6
CORPUS: Entry[str | None] = Entry("train_corpus", None)
"""Name of the text; None is the lab's default."""
RECIPE: Entry[str] = Entry("train_recipe", "classic")
THREADS: Entry[int | None] = Entry("train_threads", None)
"""How many CPU threads were chosen; None before the control was ever drawn."""

SWITCHES: dict[str, Entry[Any]] = {
    "model": MODEL, "view": VIEW, "axis": AXIS, "unit": UNIT, "scale": SCALE, "level": LEVEL,
    "smoothing": SMOOTHING, "behind": BEHIND,
}  # fmt: skip
"""Those that an address says by themselves, under these names."""


def preset_of(model: ModelKind) -> Entry[str]:
    """The preset that the controls of a model began with, as its box calls it."""
    return Entry(f"train_preset_{model}", "")
