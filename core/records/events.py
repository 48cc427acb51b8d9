"""What happened to a run: small frozen values, each of a kind and with fields of its own.

They are stored by their kind and their fields. How they are said is `core.records.event_words`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

Fairness = Literal["seconds", "steps"]


@dataclass(frozen=True, slots=True)
class Changed:
    """Other settings hold from the next step on: name to old and new value."""

    settings: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run is computed on from the next step on."""

    device: str
    dtype: str
    n_threads: int | None
    """Of the CPU; None on another device."""
    n_processes: int = 1


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A run goes on with another device, number format, or number of threads or processes."""

    now: Machine
    before: Machine


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run was taken up again, where its newest readable checkpoint left it."""

    n_steps_again: int
    """Steps that had been taken after that checkpoint, and are taken again."""
    elsewhere: Elsewhere | None = None
    from_start: bool = False
    """There was no checkpoint yet."""
    damaged: tuple[str, ...] = ()
    """What is wrong with newer checkpoints, a sentence for each."""


@dataclass(frozen=True, slots=True)
class EndMoved:
    """A run got another `max_iters`."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A run was measured and ended."""


@dataclass(frozen=True, slots=True)
class Diverged:
    """The loss or the gradient of the next step was no finite number."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A run ended without being measured; `message` is why, as its user was told."""

    message: str


@dataclass(frozen=True, slots=True)
class Branched:
    """A run goes its own way from here on."""

    parent: str
    """What the run that it branched off from was called then."""
    without_later_changes: bool
    """The parent's settings were changed later, and that does not happen here."""
    n_steps_again: int = 0
    """Steps up to the branch for which no checkpoint stood in: they are taken again first."""


@dataclass(frozen=True, slots=True)
class Race:
    """Which race a run belongs to, and what each of its models gets."""

    id: str
    by: Fairness
    budget: int
    """Seconds of training or steps."""


@dataclass(frozen=True, slots=True)
class ModelImported:
    """A run was made of a model in a file."""

    file: str
    sha256: str | None = None
    """Of the file, as hexadecimal digits; older labs did not keep it."""


@dataclass(frozen=True, slots=True)
class RunFileOpened:
    """A run was made of a run file, with all that it measured."""

    file: str


@dataclass(frozen=True, slots=True)
class PlainText:
    """An event of which only the kind and the words are known."""

    kind: str
    text: str


Happening = (
    Changed | Machine | Resumed | EndMoved | Finished | Diverged | Failed | Branched | Race
    | ModelImported | RunFileOpened | PlainText
)  # fmt: skip
KINDS: Mapping[str, type] = {
    "changed": Changed, "machine": Machine, "resumed": Resumed, "max_iters": EndMoved,
    "finished": Finished, "diverged": Diverged, "failed": Failed, "branched": Branched,
    "race": Race, "imported": ModelImported, "opened": RunFileOpened,
}  # fmt: skip
"""What each kind is called where events are stored and shown."""
_KIND_OF = {each: kind for kind, each in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a run: after which step, what, and when (seconds since 1970)."""

    step: int
    what: Happening
    at: float

    @property
    def kind(self) -> str:
        return self.what.kind if isinstance(self.what, PlainText) else _KIND_OF[type(self.what)]


def fields_of(what: Happening) -> dict[str, Any]:
    """What is stored of an event beside its kind: values that JSON knows."""
    return {"text": what.text} if isinstance(what, PlainText) else asdict(what)


def happening(kind: str, stored: Mapping[str, Any]) -> Happening:
    """The inverse of `fields_of`. Raises ValueError, KeyError or TypeError where that cannot be."""
    if "text" in stored:
        return PlainText(kind, _value_of(str, stored["text"]))
    what: Happening = _value_of(KINDS[kind], stored)
    return what


_hints_of = cache(get_type_hints)


def _value_of(hint: Any, stored: Any) -> Any:
    """A value of the type that a field says, of what JSON made of it. Raises as `happening`."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return stored
    if isinstance(hint, type) and is_dataclass(hint):
        known = [(name, each) for name, each in _hints_of(hint).items() if name in stored]
        return hint(**{name: _value_of(each, stored[name]) for name, each in known})
    if origin is UnionType:  # something, or None
        return None if stored is None else _value_of(args[0], stored)
    if origin is Mapping:
        return {name: _value_of(args[1], each) for name, each in stored.items()}
    if origin is tuple:
        hints_in_order = [args[0]] * len(stored) if args[1] is ... else args
        return tuple(_value_of(*each) for each in zip(hints_in_order, stored, strict=True))
    if type(stored) is not hint and stored not in (args if origin is Literal else ()):
        raise ValueError(f"expected {hint}, not {stored!r}")
    if isinstance(stored, str):
        stored.encode("utf-8")  # half a character cannot be, and is a ValueError too
    return stored
