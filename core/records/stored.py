"""What the fields of records are called where they are kept: in tables, run files and checkpoints.

Those names are older than the rule that a field says its unit, and files of older versions have
them. In the code a step is `step`, and a loss in nats is `..._nats`; only here the two meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

_NAME = "stored_as"


def stored_as(name: str) -> Mapping[str, str]:
    """The metadata of a dataclass's field that is kept under another name."""
    return {_NAME: name}


@cache
def stored_names(kind: type) -> Mapping[str, str]:
    """The fields of a dataclass, in order, each with the name that it is kept under."""
    return {f.name: f.metadata.get(_NAME, f.name) for f in fields(kind)}


def stored(record: Any) -> dict[str, Any]:
    """What a dataclass holds, under the names that it is kept under; values are not copied."""
    kind: type = type(record)
    return {name: getattr(record, own) for own, name in stored_names(kind).items()}


def from_stored(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass, from what was kept; what it has no field for stays as it is."""
    own = {name: field_name for field_name, name in stored_names(kind).items()}
    return {own.get(name, name): value for name, value in values.items()}
