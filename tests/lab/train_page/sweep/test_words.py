"""What all runs of a sweep have in common is said beside its grid."""

from __future__ import annotations

from core.experiments.grid import Axis
from core.experiments.sweep import Sweep
from core.settings.presets import resolve
from lab.train_page.sweep.words import base_text


def test_the_shape_and_the_length_of_all_cells_are_said_but_not_what_is_swept() -> None:
    base = resolve("transformer", 65, "nanogpt-cpu", {"max_iters": 300})
    blocks, heads = Axis.of("block_size", [16, 32]), Axis.of("n_head", [1, 2])
    sweep = Sweep(id="1", name="owl", x=blocks, y=heads, base=base, corpus="tiny", places=())
    assert base_text(sweep) == (
        "In every cell: layers 4, width 128 numbers, batch size 12 windows, learning rate "
        "0.001, steps 300."
    )
