"""What one run may take on the disk: a cap for its checkpoints, and one for its snapshots."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from core.errors import ConfigError

MOST_MIB = 1e6


@dataclass(frozen=True, kw_only=True)
class DiskBudget:
    """The two caps. What a run needs to go on is kept even where it takes more."""

    checkpoint_mib: float = 128.0
    """Of checkpoints; the last and the best stay in any case, the others are where a branch can
    start without a long replay."""
    snapshot_mib: float = 256.0
    """Of snapshots; the first and the last stay in any case."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and 0.0 <= value <= MOST_MIB):
                raise ConfigError(
                    f"{field.name} is a number from 0 to {MOST_MIB:,.0f}, not {value!r}."
                )


USUAL = DiskBudget()
"""What a run may take, unless the user says otherwise."""
