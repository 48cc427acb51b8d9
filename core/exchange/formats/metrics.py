"""What a run measured, as CSV: every step, every estimate, and every sign of health.

Losses in nats per character and times in seconds, at full precision.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.records.records import Estimate, Sample, StepRecord
from core.records.stored import stored, stored_names
from core.storage.files import write_atomically


def export_csv(
    steps: Sequence[StepRecord],
    estimates: Sequence[Estimate],
    samples: Sequence[Sample],
    health: Mapping[str, Sequence[tuple[int, float]]],
    folder: Path,
) -> list[Path]:
    """Write `steps.csv`, `estimates.csv` and `health.csv`; returns their paths."""
    texts = {sample.step: sample.text for sample in samples}
    step_rows = (list(stored(step).values()) for step in steps)
    estimate_rows = ([*stored(e).values(), texts.get(e.step, "")] for e in estimates)
    health_rows = ([name, *row] for name, rows in health.items() for row in rows)
    contents = {
        "steps.csv": _table(list(stored_names(StepRecord).values()), step_rows),
        "estimates.csv": _table([*stored_names(Estimate).values(), "sample"], estimate_rows),
        "health.csv": _table(["name", "iter", "value"], health_rows),
    }
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def _table(head: list[str], rows: Iterable[list[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")
