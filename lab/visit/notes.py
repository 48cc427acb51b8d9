"""What the lab home keeps of the guided visit: whether it is on, and what was looked at.

It outlives a reload, a tab and the server. Whether models are trained is not kept: the runs say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from core.records.door import json_in
from core.runs.lab import Lab
from core.storage.files import write_atomically
from lab.visit.tasks import Sight

State = Literal["on", "off", "done"]
"""`off`: skipped, or never begun, since there were runs already."""


@dataclass(frozen=True)
class VisitNotes:
    """How the visit stands."""

    state: State
    seen: frozenset[Sight] = frozenset()

    @property
    def is_on(self) -> bool:
        return self.state == "on"


def notes_of(lab: Lab) -> VisitNotes:
    """How the visit stands in a lab. In one without any run it begins by itself.

    Nothing is written where none begins: a page that is looked at leaves a lab as it was.
    """
    kept = _read(lab)
    if kept is None and not lab.store.names():
        kept = VisitNotes("on")
        keep_notes(lab, kept)
    return kept or VisitNotes("off")


def keep_notes(lab: Lab, notes: VisitNotes) -> None:
    """Keep how the visit stands."""
    content = json.dumps({"state": notes.state, "seen": sorted(notes.seen)})
    with suppress(OSError):  # a full disk, say: then a reload asks again
        write_atomically(lab.home.visit, content.encode(), durable=False)


def note_seen(lab: Lab, sights: Iterable[Sight]) -> VisitNotes:
    """Keep that these were looked at, where the visit is on; returns how it stands then."""
    notes = notes_of(lab)
    seen = notes.seen.union(sights)
    if notes.is_on and seen != notes.seen:
        notes = replace(notes, seen=seen)
        keep_notes(lab, notes)
    return notes


def _read(lab: Lab) -> VisitNotes | None:
    """What is kept; None where nothing is. What cannot be read is a visit that is off."""
    try:
        kept: Any = json_in(lab.home.visit.read_bytes())
        state, seen = kept["state"], kept["seen"]
        if state in get_args(State):
            return VisitNotes(state, frozenset(s for s in seen if s in get_args(Sight)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        pass
    return VisitNotes("off")
