"""How near the estimated time of a training step comes to the measured one.

    python tests/bench/estimate_quality.py [--steps 12]

Prints estimate, measurement and their ratio for models of many shapes, and one line of JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core  # noqa: F401  (before torch: it says how torch's threads are to wait)

# isort: split
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.storage.home import PROJECT_DATA
from core.text.corpus import Corpus
from core.training.preflight import calibrate
from core.training.trainer import Trainer

CASES: tuple[tuple[ModelKind, str | None, str, dict[str, Any]], ...] = (
    ("bigram", "quick", "classic", {}),
    ("bigram", "nanogpt-cpu", "classic", {}),
    ("attention", "quick", "classic", {}),
    ("attention", "nanogpt-cpu", "classic", {}),
    ("transformer", "quick", "classic", {}),
    ("transformer", "nanogpt-cpu", "classic", {}),
    ("transformer", "nanogpt-cpu", "fast", {}),
    ("transformer", "nanogpt-cpu", "fastest", {}),
    ("transformer", None, "classic", dict(n_layer=1, n_embd=16, block_size=8, batch_size=2)),
    ("transformer", None, "classic", dict(n_layer=8, n_embd=64, block_size=32, batch_size=4)),
    ("transformer", None, "classic", dict(n_layer=2, n_embd=256, block_size=128, batch_size=16)),
    ("transformer", None, "fast", dict(n_layer=4, n_embd=192, block_size=128, batch_size=16)),
)


def main() -> int:
    """Estimate, time, print."""
    parser = argparse.ArgumentParser(description="Estimated against measured time of a step.")
    parser.add_argument("--steps", type=int, default=12)
    args = parser.parse_args()
    corpus = Corpus("shakespeare", (PROJECT_DATA / "shakespeare.txt").read_text("utf-8"))
    started = time.perf_counter()
    calibration = calibrate("cpu")
    print(f"calibrated in {time.perf_counter() - started:.1f} s: {calibration}")
    rows = []
    for kind, preset, recipe, flags in CASES:
        settings = flags | {"device": "cpu"}
        config = resolve(kind, len(corpus.vocabulary), preset, settings, recipe)
        trainer = Trainer(config, corpus)
        ends = [trainer.take_step().elapsed_s for _ in range(args.steps + 3)][2:]
        measured_ms = 1e3 * statistics.median(b - a for a, b in itertools.pairwise(ends))
        estimated_ms = 1e3 * calibration.step_s(config)
        rows.append(
            {
                "what": f"{kind} {preset or ''} {recipe} {flags or ''}",
                "measured_ms": measured_ms,
                "estimated_ms": estimated_ms,
                "ratio": estimated_ms / measured_ms,
            }
        )
        print(f"{estimated_ms:8.2f} ms estimated, {measured_ms:8.2f} ms measured, "
              f"{rows[-1]['ratio']:5.2f}: {rows[-1]['what']}")  # fmt: skip
    print(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
