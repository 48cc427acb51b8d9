"""Which runs a search finds: by words of what they are called, or by their settings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from core.records.records import RunRecord
from core.settings.config import ModelConfig, TrainConfig
from lab.wording import words
from lab.wording.labels import LABELS

PLACEHOLDER = "Search: a name, model, corpus or status, or a setting such as heads 8"
_SETTINGS = ("corpus", "status", *(f.name for c in (ModelConfig, TrainConfig) for f in fields(c)))
"""What can be searched for by name, with a value after it."""


def found(runs: Iterable[RunRecord], query: str) -> list[RunRecord]:
    """The runs that a query finds, in their order; all of them where it is empty.

    Words are looked for in name, model, corpus and status; the name of a setting with a value after
    it, such as "block size 128", finds the runs that have it so. All of it must fit.
    """
    settings, rest = _parse(query)
    return [run for run in runs if _has(run, settings, rest) or _named(run, query)]


def _parse(query: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Names of settings with the values asked for, and the words that are left.

    A setting may be called by its label or as in the code: "heads 8", "n_head 8".
    """
    query = query.casefold()
    settings: list[tuple[str, str]] = []
    called = {name: name for name in _SETTINGS}
    called |= {LABELS[name].casefold(): name for name in _SETTINGS if name in LABELS}
    for said in sorted(called, key=len, reverse=True):  # or "rate" would be found in "base rate"
        name, spelled = called[said], re.escape(said).replace("_", "[_ ]")
        pattern = re.compile(rf"(?<!\S){spelled}\s*[ =:]\s*(\S+)")
        settings += [(name, match[1].rstrip(",;")) for match in pattern.finditer(query)]
        query = pattern.sub(" ", query)
    return settings, query.replace(",", " ").split()


def _has(run: RunRecord, settings: list[tuple[str, str]], rest: list[str]) -> bool:
    said = " ".join((run.name, run.model, run.corpus, words.STATUS[run.status])).casefold()
    values = run.config.flat() | {"corpus": run.corpus, "status": words.STATUS[run.status]}
    return all(word in said for word in rest) and all(
        name in values and _is(values[name], wanted) for name, wanted in settings
    )


def _named(run: RunRecord, query: str) -> bool:
    """A run may be called like a setting."""
    return bool(query.strip()) and query.strip().casefold() in run.name.casefold()


def _is(value: Any, wanted: str) -> bool:
    """Whether a value is what was typed: numbers as numbers, words by their beginning."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value) == float(wanted.replace(",", ""))
        except ValueError:
            return False
    return str(value).casefold().startswith(wanted)
