"""What the controls of each model say, kept while other models and pages are on the screen.

A draft is a base, from which everything comes that no control shows, and the values that the
controls were given since. The base is a preset with a recipe, or the settings of a run. A new
version of a draft gets new widgets, which then take their values from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import LabError
from core.records.course import Course
from core.records.events import EndMoved
from core.records.records import RunRecord
from core.settings.config import ModelKind, RunConfig
from core.settings.presets import adapt, resolve
from core.text.corpus import Corpus
from lab.session.entry import Entry
from lab.session.state import the_lab


@dataclass
class Draft:
    """The settings of the next run of one model."""

    base: RunConfig
    start: tuple[str | None, str]
    """Preset and recipe that were last picked."""
    values: dict[str, Any] = field(default_factory=dict)
    version: int = 1

    def wanted(self, name: str) -> Any:
        """The value of a setting as it stands."""
        return self.values.get(name, self.base.flat().get(name))

    def config(self) -> RunConfig:
        """The settings as they stand. Raises ConfigError when they cannot be."""
        return adapt(self.base, self.values)


def draft_of(model: ModelKind) -> Draft | None:
    """The draft of a model, if its controls were ever on the screen."""
    return _entry_of(model).get()


def _entry_of(model: ModelKind) -> Entry[Draft | None]:
    return Entry(f"train_draft_{model}", None)


def draft_for(model: ModelKind, corpus: Corpus, start: tuple[str | None, str]) -> Draft:
    """The draft of a model; begun anew when another preset or recipe was picked."""
    draft = draft_of(model)
    if draft is None or draft.start != start:
        version = draft.version + 1 if draft else 1
        preset, recipe = start
        # Not yet whether the text is long enough: the controls offer what fits.
        base = resolve(model, len(corpus.vocabulary), preset, None, recipe)
        draft = Draft(base, start, version=version)
        _entry_of(model).set(draft)
    if draft.base.model.vocab_size != len(corpus.vocabulary):
        flat = draft.base.flat() | {"vocab_size": len(corpus.vocabulary)}
        draft.base = RunConfig.from_flat(flat)
    return draft


def begin_draft(
    config: RunConfig, start: tuple[str | None, str], values: Mapping[str, Any] | None = None
) -> None:
    """Let the controls of a model say these settings, for instance those of a run."""
    model = config.model.model
    before = draft_of(model)
    version = before.version + 1 if before else 1
    _entry_of(model).set(Draft(config, start, dict(values or {}), version))


def settings_of(run: RunRecord) -> RunConfig:
    """The settings that another run like this one begins with; see `core.records.course`.

    The schedule of a run that was trained longer ended where the run was to end at first: that of
    another run ends where it does.
    """
    config = Course(run.config, the_lab().store.changes(run.id)).for_another_run()
    train = config.train
    if train.lr_decay_iters < train.max_iters and train.lr_decay_iters == _first_end(run):
        config = adapt(config, {"lr_decay_iters": train.max_iters})
    return config


def _first_end(run: RunRecord) -> int:
    """The `max_iters` that a run began with; a branch, that its parent has."""
    moved = (e.what for e in the_lab().store.events(run.id) if isinstance(e.what, EndMoved))
    if first := next(moved, None):
        return first.before
    try:
        return the_lab().run(run.parent).max_iters if run.parent else run.max_iters
    except LabError:  # the parent was deleted
        return run.max_iters


def new_seed(model: ModelKind) -> None:
    """Move the draft's seed on by one, so that the next run starts from other random numbers."""
    draft = draft_of(model)
    if draft:
        draft.values["seed"] = (draft.wanted("seed") + 1) % 2**31
        draft.version += 1
