"""Events of older versions, of which only a sentence was stored: read once, to be stored anew.

Older registries have them, and run files that were packed by older versions. What is read is said
again and compared; where that gives other words, the event stays the text that it was.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from core.records.door import json_in
from core.records.event_words import FROM_START, RESTORED, detail_of
from core.records.events import (
    Branched,
    Changed,
    Diverged,
    Elsewhere,
    EndMoved,
    Failed,
    Finished,
    Happening,
    Machine,
    ModelImported,
    PlainText,
    Race,
    Resumed,
    RunFileOpened,
)

_LONGEST, _MACHINES_BEFORE = 10_000, 20
"""No sentence was longer than this, and none meant an earlier machine: a file may be made up."""
_N = "[0-9]{1,15}"
_MACHINE = re.compile(rf"(\w+), (\w+)(?:, ({_N}) threads?)?(?:, ({_N}) processes)?")
_COUNTED = re.compile(rf"({_N}) (threads?|processes)")
_END = re.compile(rf"({_N}) -> ({_N})")
_BRANCHED = re.compile(r"from (.*?)(, without what was changed in it later)?", re.DOTALL)
_RACE = re.compile(rf"(\S+): ({_N}) (seconds|steps) for each model")
_FROM = re.compile(r"from (.*)", re.DOTALL)
_RESUMED = re.compile(
    rf"(?:Nothing was lost|([0-9,]{{1,20}}) steps after it are taken again(?:, the same)?)"
    rf": {RESTORED}\.(?: It goes on with (.+) instead of (.+), so its numbers may not be the same"
    r" to the last digit\.)?(?: (.+))?",
    re.DOTALL,
)


def happenings(old: Iterable[tuple[str, str]]) -> Iterator[Happening]:
    """What happened to one run, from kind and sentence of its events in their order."""
    machines: deque[Machine] = deque(maxlen=_MACHINES_BEFORE)
    for kind, detail in old:
        what = _understood(kind, detail, machines)
        if isinstance(what, Machine):
            machines.append(what)
        yield what


def _understood(kind: str, detail: str, machines: Sequence[Machine]) -> Happening:
    candidates: Iterable[Happening] = ()
    if kind == "resumed" and len(detail) <= _LONGEST:
        candidates = _resumed(detail, machines)
    elif kind in _READ:
        candidates = filter(None, [_READ[kind](detail)])
    # JSON may have been written with other spaces, and says the same.
    fits = (c for c in candidates if isinstance(c, Changed) or detail_of(c) == detail)
    return next(fits, PlainText(kind, detail))


def _changed(detail: str) -> Changed | None:
    try:
        pairs = json_in(detail).items()
        return Changed({name: (old, new) for name, (old, new) in pairs})
    except (ValueError, TypeError, AttributeError):
        return None


def _machine(detail: str) -> Machine | None:
    if not (found := _MACHINE.fullmatch(detail)):
        return None
    n_threads = int(found[3]) if found[3] else None
    return Machine(found[1], found[2], n_threads, int(found[4] or 1))


def _end_moved(detail: str) -> EndMoved | None:
    found = _END.fullmatch(detail)
    return EndMoved(int(found[1]), int(found[2])) if found else None


def _branched(detail: str) -> Branched | None:
    found = _BRANCHED.fullmatch(detail)
    return Branched(found[1], found[2] is not None) if found else None


def _race(detail: str) -> Race | None:
    found = _RACE.fullmatch(detail)
    if not found:
        return None
    return Race(found[1], "steps" if found[3] == "steps" else "seconds", int(found[2]))


def _file(detail: str) -> str:
    found = _FROM.fullmatch(detail)
    return found[1] if found else ""


_READ: Mapping[str, Callable[[str], Happening | None]] = {
    "changed": _changed,
    "machine": _machine,
    "max_iters": _end_moved,
    "finished": lambda detail: Finished(),
    "diverged": lambda detail: Diverged(),
    "failed": Failed,
    "branched": _branched,
    "race": _race,
    "imported": lambda detail: ModelImported(_file(detail)),
    "opened": lambda detail: RunFileOpened(_file(detail)),
}


# --- resumes --------------------------------------------------------------------------------------


def _resumed(detail: str, machines: Sequence[Machine]) -> Iterator[Resumed]:
    """What a resume may have been: its sentence names only what is another of a machine."""
    if not (found := _RESUMED.fullmatch(detail)):
        return
    notes = re.split(r"(?<=\.) (?=The |There )", found[4]) if found[4] else []
    plain = Resumed(
        n_steps_again=int((found[1] or "0").replace(",", "") or 0),
        from_start=FROM_START in notes,
        damaged=tuple(note for note in notes if note != FROM_START),
    )
    if not found[2]:
        yield plain
    for before in reversed(machines) if found[2] else ():
        for now in _machines_like(before, found[2].split(", ")):
            yield replace(plain, elsewhere=Elsewhere(now, before))


def _machines_like(before: Machine, parts: Iterable[str]) -> Iterator[Machine]:
    """A machine, but for some of its parts: in as many processes as before, or in one."""
    now = before
    for part in parts:
        if (found := _COUNTED.fullmatch(part)) and found[2] == "processes":
            now = replace(now, n_processes=int(found[1]))
        elif found:
            now = replace(now, n_threads=int(found[1]))
        elif re.fullmatch(r"b?float[0-9]+", part):
            now = replace(now, dtype=part)
        else:
            now = replace(now, device=part, n_threads=now.n_threads if part == "cpu" else None)
    yield from (now, replace(now, n_processes=1))
