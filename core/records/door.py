"""The door: what came from outside, checked before it is a record.

Outside is every file: the registry's rows, run files, a run's journal, checkpoints that somebody
sent. A number there may be anything that bytes can say. Inside, numbers are finite and within what
can be: no page and no command has to ask again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from core.errors import quoted
from core.records.stored import stored_names

MOST_STEPS = 2**53
"""Above this, a whole number is not the same as a fraction any more."""
LONGEST_S, LARGEST = 1e11, 1e39
"""Seconds (3,000 years, which a date can say too), and any other number, above all of float32: the
loss of a run that diverges comes near to that."""
LONGEST_TEXT = 1_000_000
"""Characters in a field."""


def json_in(written: str | bytes) -> Any:
    """What a text from outside says in JSON. Raises ValueError where it is none."""
    try:
        return json.loads(written)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def now_at() -> float:
    """This moment, in seconds since 1970, as a record can hold it.

    A clock that is set beyond that, before 1970 or after the year 5000, is held at the nearest end.
    """
    low, high = bounds_of("at")
    return min(max(time.time(), low), high)


def checked_fields(
    kind: Any, given: Mapping[str, Any], leave_out: Iterable[str] = ()
) -> dict[str, Any]:
    """The fields of a record among what a file gives by its stored names, each of its type.

    Files of older versions lack the fields that have been added since; those have a default.

    Raises ValueError for a value that cannot be, KeyError where a field is missing.
    """
    names = stored_names(kind)
    return {
        f.name: checked(str(f.type), given[names[f.name]], f.name)
        for f in fields(kind)
        if f.name not in leave_out and (names[f.name] in given or f.default is MISSING)
    }


def checked(kind: str, value: Any, name: str = "") -> Any:
    """The value of a field of this type (as it is written in the code); else a ValueError."""
    plain, _, optional = kind.partition(" | ")
    if value is None and optional == "None":
        return None
    if plain == "int":
        fits = type(value) is int and 0 <= value < MOST_STEPS
    elif plain == "float":
        fits = type(value) in (int, float) and is_within(name, value)
    else:  # the other types are texts of a certain kind
        # What cannot be encoded, half a character, raises a ValueError too.
        fits = type(value) is str and len(value.encode("utf-8")) <= LONGEST_TEXT
    if not fits:
        raise ValueError(f"{name or 'a value'}: expected {kind}, not {quoted(value)}")
    return value


def is_within(name: str, value: float) -> bool:
    """Whether a number is finite, and one that a field of this name can hold."""
    low, high = bounds_of(name)
    return low <= value <= high  # which nothing is that is not a number


def bounds_of(name: str) -> tuple[float, float]:
    """Between which numbers those of a field of this name can lie."""
    if name.endswith(("_s", "_at")) or name == "at":
        return 0.0, LONGEST_S
    if name.endswith("_nats"):
        return -1e-3, LARGEST  # a sum of rounded numbers may end just below 0
    return -LARGEST, LARGEST


def is_sound(record: Any) -> bool:
    """Whether all numbers of a record are such as its fields can hold."""
    kind: Any = type(record)
    for name, low, high, may_lack in _number_fields(kind):
        value = getattr(record, name)
        if value is None and may_lack:
            continue
        if not isinstance(value, (int, float)) or not low <= value <= high:
            return False
    return True


@cache
def _number_fields(kind: Any) -> tuple[tuple[str, float, float, bool], ...]:
    """The fields of a record that hold numbers: name, bounds, and whether it may be None."""
    numbers = [f for f in fields(kind) if str(f.type).startswith(("int", "float"))]
    return tuple((f.name, *bounds_of(f.name), "None" in str(f.type)) for f in numbers)
