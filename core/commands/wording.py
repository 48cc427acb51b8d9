"""How a command's fields are said to a person; with `--json` they are printed as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_ROWS = ("runs", "corpora", "in_bin", "sweeps", "cells", "notes", "events", "samples")
_LEFT_OUT = ("config", "rule", "numbers_nats")
"""Long, and for machines."""


def lines_of(fields: Mapping[str, Any]) -> Iterator[str]:
    """A line for each field; a table, rows, and fields within fields get lines of their own."""
    for name, value in fields.items():
        if name in _LEFT_OUT:
            continue
        if name == "table":
            yield f"\n{value}"
        elif name in _ROWS:
            yield from (_row(row) for row in value)
        elif isinstance(value, Mapping):
            yield from (f"{name:>15}  {inner}: {_said(v)}" for inner, v in value.items())
        else:
            yield f"{name:>15}  {_said(value)}"


def _row(row: Mapping[str, Any]) -> str:
    return "  ".join(f"{k}={_said(v)}" for k, v in row.items() if k not in _LEFT_OUT)


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value["text"]) if "text" in value else ", ".join(map(str, value.items()))
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2e}"
