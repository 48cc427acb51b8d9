"""Fields with units, and rows of them as a table, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.text.characters import quoted_character, sign_of

LABELS = {
    "run": "id", "iter": "step", "n_params": "parameters", "train_loss": "training loss",
    "val_loss": "validation loss", "best_val_loss": "best validation loss",
    "full_val_loss": "validation loss of the whole model",
    "best_iter": "best saved at step", "train_seconds": "training time", "world_size": "processes",
    "tokens_per_s": "characters per second", "n_chars": "characters",
    "vocab_size": "distinct characters", "bytes": "on the disk", "spare_bytes": "can be freed",
    "total_bytes": "all runs", "bin_bytes": "in the bin", "in_bin": "in the bin",
    "freed_bytes": "freed", "resumed_from": "resumed from step", "by": "equal in",
    "flops_per_token": "FLOPs per character", "memory_mib": "memory",
    "disk_mib": "on the disk at most",
    "estimated_train_s": "estimated training time", "estimated_wall_s": "estimated time to wait",
    "wall_seconds": "time waited", "n_cells": "cells", "n_done": "done",
    "n_failed": "failed", "n_rungs": "rungs", "x": "across", "y": "up",
    "delta": "costs", "habit_score": "score",
    "n_head": "heads", "n_layer": "layers", "n_embd": "width",
    "query": "place that looks", "key": "place looked at", "dot": "query times key",
    "is_allowed": "may it be seen?", "context_nats": "told by the context",
    "n_windows": "windows", "n_places": "places",
    "attention_entropy": "attention entropy, of 1 (even spreading)",
    "dead_units": "dead units, of 1",
    "grad_norm": "gradient norm", "clip_factor": "clipped by the factor",
    "n_train": "for training", "n_val": "for validation", "n_words": "words",
    "n_distinct_words": "distinct words", "n_words_once": "words that occur once",
    "context": "characters of context", "train_nats": "training split",
    "val_nats": "validation split", "cross_nats": "from one to the other",
    "n_guesses": "guesses made", "n_right": "of them right",
    "start": "from character", "length": "characters long",
    "n_contexts": "contexts in training", "n_contexts_once": "of them once", "at": "at character",
}  # fmt: skip
"""What a field is called where that is not its name with spaces."""
_UNITS = {
    "_loss": "nats", "_nats": "nats", "_seconds": "s", "_s": "s", "_ms": "ms", "_mib": "MiB",
    "_bits": "bits", "bytes": "MiB", "_pct": "%", "delta": "nats", "habit_score": "of 1",
    "perplexity": "characters", "block_size": "characters", "n_embd": "numbers",
    "batch_size": "windows",
}  # fmt: skip
_IN_NO_TABLE = (
    "config", "train_loss", "best_iter", "tokens_per_s", "world_size", "fingerprint", "bits",
)  # fmt: skip
"""What makes a table too wide to read; `--json` has it."""
_FIRST = ("name", "model", "corpus", "status")
_NOTHING = "–"


def label_of(name: str) -> str:
    """What a field is called in a sentence or above a column, without its unit."""
    if name in LABELS:
        return LABELS[name]
    suffix = _suffix_of(name)
    return name.removesuffix(suffix if suffix.startswith("_") else "").replace("_", " ")


def with_unit(name: str, value: Any) -> str:
    """The value of a field with its unit."""
    unit = _unit_of(name)
    bare = _bare(name, value)
    return bare if bare == _NOTHING or not unit else f"{bare} {unit}"


def table_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line of headings and a line for each row; a column in which nothing stands is left out."""
    names = [n for n in dict.fromkeys(name for row in rows for name in row) if _has_place(n, rows)]
    if {"val_loss", "best_val_loss"} <= {*names}:
        names.remove("val_loss")  # one loss of a run, the one that pages say
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    columns = []
    for name in names:
        unit, values = _unit_of(name), [row.get(name) for row in rows]
        cells = [f"{label_of(name)}, {unit}" if unit else label_of(name)]
        cells += [_bare(name, value) for value in values]
        width = max(map(len, cells))
        are_numbers = all(isinstance(v, (int, float)) or v is None for v in values)
        columns.append([c.rjust(width) if are_numbers else c.ljust(width) for c in cells])
    for line in zip(*columns):
        yield "  ".join(line).rstrip()


def _has_place(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    return name not in _IN_NO_TABLE and any(row.get(name) not in (None, "") for row in rows)


def _suffix_of(name: str) -> str:
    return next((s for s in _UNITS if name.endswith(s) and not name.endswith("_per_s")), "")


def _unit_of(name: str) -> str:
    return _UNITS.get(_suffix_of(name), "")


def _bare(name: str, value: Any) -> str:
    if value is None or value == "":
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("bytes"):
        return f"{value / 2**20:,.1f}"
    if name.endswith("_per_s"):
        return f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if _unit_of(name) in ("s", "ms", "MiB", "%"):
            return f"{value:,.1f}"
        return f"{value:,.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2e}"
    if isinstance(value, Mapping):
        return ", ".join(f"{label_of(k)} {with_unit(k, v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        if all(isinstance(each, str) and len(each) == 1 for each in value):
            return " ".join(map(sign_of, value))
        return ", ".join(_bare("", each) for each in value)
    said = str(value)
    return said if said.strip() else ", ".join(map(quoted_character, said))
