"""What half precision does to a snapshot: to the validation loss, to logits, and to its size.

    python tests/bench/half_precision.py [--max_iters 300]

Trains each model and recipe for a while on the shipped text, takes its weights through a snapshot's
file, and compares. Prints one line of JSON after a table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core  # noqa: F401  (before torch: it says how torch's threads are to wait)

# isort: split
import torch

from core.models import model_from_weights
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.storage.checkpoint import Snapshot
from core.storage.home import PROJECT_DATA
from core.storage.snapshots import SnapshotFolder
from core.text.corpus import Corpus
from core.training.evaluation import split_loss
from core.training.trainer import Trainer

KINDS: tuple[tuple[ModelKind, str], ...] = (
    ("bigram", "classic"),
    ("attention", "classic"),
    ("transformer", "classic"),
    ("transformer", "fast"),
    ("transformer", "fastest"),
)


def main() -> int:
    """Train, halve, compare, print."""
    parser = argparse.ArgumentParser(description="What half precision does to a snapshot.")
    parser.add_argument("--max_iters", type=int, default=300)
    args = parser.parse_args()
    corpus = Corpus("shakespeare", (PROJECT_DATA / "shakespeare.txt").read_text("utf-8"))
    rows = []
    for kind, recipe in KINDS:
        flags = {"device": "cpu", "max_iters": args.max_iters}
        config = resolve(kind, len(corpus.vocabulary), "nanogpt-cpu", flags, recipe)
        trainer = Trainer(config, corpus)
        for _ in range(args.max_iters):
            trainer.take_step()
        rows.append({"model": kind, "recipe": recipe} | _compare(trainer, corpus))
        print("  ".join(f"{name} {_shown(value)}" for name, value in rows[-1].items()))
    print(json.dumps(rows))
    return 0


def _compare(trainer: Trainer, corpus: Corpus) -> dict[str, Any]:
    model = trainer.model.eval()
    with tempfile.TemporaryDirectory() as name:
        folder = SnapshotFolder(Path(name))
        snapshot = Snapshot(
            config=trainer.config.flat(),
            vocabulary=corpus.vocabulary.characters,
            step=trainer.step,
            weights=model.state_dict(),
        )
        save_ms = _median_ms(lambda: folder.save(snapshot))
        load_ms = _median_ms(
            lambda: model_from_weights(model.config, folder.load(trainer.step).weights)
        )
        size_mib = folder.path(trainer.step).stat().st_size / 2**20
        halved = model_from_weights(model.config, folder.load(trainer.step).weights)
    window = corpus.val[: 16 * model.config.block_size].view(16, -1)
    with torch.no_grad():
        apart = float((model(window) - halved(window)).abs().max())
    loss, halved_loss = split_loss(model, corpus.val), split_loss(halved, corpus.val)
    return {
        "loss_nats": loss,
        "loss_apart_nats": abs(halved_loss - loss),
        "logits_apart": apart,
        "size_mib": size_mib,
        "save_ms": save_ms,
        "load_ms": load_ms,
    }


def _median_ms(action: Any, n: int = 7) -> float:
    times = []
    for _ in range(n):
        started = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - started))
    return statistics.median(times)


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
