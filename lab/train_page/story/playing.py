"""Where the telling of a step stands: which step, which scene, and whether it goes on by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from lab.session.entry import Entry
from lab.train_page.story.words import SCENES

MAX_AHEAD = 50
"""So many steps are told one after the other; then playing stops."""
SPEEDS: dict[str, float] = {"slow": 8.0, "normal": 4.0, "fast": 2.0}
"""Seconds that a scene is shown while it plays."""


@dataclass(frozen=True)
class Stand:
    """Where the telling stands."""

    source: str
    """Name of what is told from; see `lab.session.told_steps`."""
    n_ahead: int = 0
    """Steps that were told before this one."""
    scene: int = 0

    @property
    def is_first(self) -> bool:
        return not (self.n_ahead or self.scene)

    @property
    def is_last(self) -> bool:
        return self.n_ahead == MAX_AHEAD and self.scene == len(SCENES) - 1

    def forward(self) -> Stand:
        """One scene on; after the last comes the first of the next step."""
        if self.scene < len(SCENES) - 1:
            return replace(self, scene=self.scene + 1)
        return self if self.is_last else self.next_step()

    def back(self) -> Stand:
        """One scene back; before the first comes the last of the step before."""
        if self.scene or not self.n_ahead:
            return replace(self, scene=max(0, self.scene - 1))
        return replace(self, n_ahead=self.n_ahead - 1, scene=len(SCENES) - 1)

    def at_scene(self, scene: int) -> Stand:
        """Another scene of the same step."""
        return replace(self, scene=scene)

    def next_step(self) -> Stand:
        """The same scene of the next step, but from the last scene the first of it."""
        scene = 0 if self.scene == len(SCENES) - 1 else self.scene
        return replace(self, n_ahead=min(self.n_ahead + 1, MAX_AHEAD), scene=scene)


_STAND: Entry[Stand | None] = Entry("train_story_stand", None)
_SHOWN_AT = Entry("train_story_shown_at", 0.0)
_PLAYS = Entry("train_story_plays", False)


def stand_at(source: str) -> Stand:
    """Where the telling from a source stands; at the beginning where another was told before."""
    held = _STAND.get()
    return held if held and held.source == source else Stand(source)


def show(stand: Stand) -> None:
    """Let the telling stand there from now on."""
    _STAND.set(stand)
    _SHOWN_AT.set(time.monotonic())


def plays() -> bool:
    """Whether it goes on by itself."""
    return _PLAYS.get()


def play(on: bool) -> None:
    """Let it go on by itself, or hold it."""
    _PLAYS.set(on)
    _SHOWN_AT.set(time.monotonic())


def go_on_if_due(source: str, every_s: float) -> Stand:
    """Where it stands now; one scene on where it plays and a tick of every `every_s` has come.

    One at a time, however late a tick comes: no scene is left out. What is drawn between two ticks,
    because somebody pressed something, does not count.
    """
    stand = stand_at(source)
    if plays() and time.monotonic() - _SHOWN_AT.get() >= 0.5 * every_s:
        stand = stand.forward()
        show(stand)
    return stand
