"""A lab with something of everything on its pages: each kind of run, a race, a sweep, a ladder."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from core.experiments.grid import Axis
from core.experiments.ladder import enter_ladder, plan_ladder
from core.experiments.sweep import SweepCells, enter_sweep
from core.records.events import Race
from core.runs.lab import Lab
from core.settings.config import MODEL_KINDS
from tests.helpers import add_corpus, play, small_config, small_run, train, trained

MARKUP = (
    "![x](http://example.invalid/x.png)",
    "[l](https://example.invalid) $x^2$",
    "<b>y</b> :red[x] :material/home: **z**",
    "<a href='https://example.invalid'>q</a>",
    "https://example.invalid/and www.example.invalid",
    "e@example.invalid <img src=//example.invalid>",
    "# h %{y} <script>window.planted = 1</script>",
)
"""What would be a picture, a link, a formula, a colour, an icon or a script if it were read so."""
EVERYTHING = " ".join(MARKUP)


def populated(lab: Lab) -> None:
    """Fill an empty lab, in a second or two."""
    corpus = add_corpus(lab, "rhymes", play(3_000))
    sides = Axis.of("block_size", [4, 8]), Axis.of("n_head", [1, 2])
    base = small_config("transformer", len(corpus.vocabulary), max_iters=6, eval_interval=3)
    sweep = enter_sweep(lab, base, corpus, *sides, "owl")
    first, *others = lab.runs_of(sweep.id)
    for run in others:
        train(lab, run.id)
    SweepCells(lab, sweep.id).fail_run(first.id, "The disk is full.")
    rungs = plan_ladder(
        lab.configure, corpus, "steps", 6, block_size=8, n_layer=1, n_head=2, n_embd=8,
        batch_size=4, device="cpu",
    )  # fmt: skip
    ladder = enter_ladder(lab, rungs, corpus, "steps", 6, "fox")
    for run in lab.runs_of(ladder.id):
        train(lab, run.id)
    trained(lab, add_corpus(lab, "songs", play(3_000, seed=2)), "bigram", name="elsewhere")
    lab.bin_run(trained(lab, corpus, "bigram", name="gone"))
    lab.library.add("other", play(500).encode("utf-8"), "other")
    lab.bin_corpus("other")
    train(lab, small_run(lab, corpus, "transformer", name="half"), until=10)
    racers = [small_run(lab, corpus, kind, name=f"race {kind}") for kind in MODEL_KINDS]
    for run_id in racers:
        lab.store.add_event(run_id, 0, Race("abc", "steps", 40))
        train(lab, run_id)


def plant_markup(lab: Lab) -> None:
    """Let everything that a file or a person can have written into a lab read as markup."""
    with closing(sqlite3.connect(lab.home.database)) as registry, registry:
        for i, (run_id,) in enumerate(registry.execute("SELECT id FROM runs").fetchall()):
            name = f"{MARKUP[i % len(MARKUP)]} {i}"
            registry.execute("UPDATE runs SET name = ?, message = ? WHERE id = ?",
                             (name, EVERYTHING, run_id))  # fmt: skip
        registry.execute("UPDATE runs SET corpus = ? WHERE corpus = 'songs'", (EVERYTHING,))
        registry.execute("UPDATE estimates SET sample = ?", (EVERYTHING,))
        registry.execute("UPDATE sweeps SET name = name || ?", (EVERYTHING,))
