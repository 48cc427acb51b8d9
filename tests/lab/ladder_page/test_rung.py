"""One rung in detail: what sets it apart is named."""

from __future__ import annotations

from core.experiments.ladder import RungStanding
from lab.ladder_page.rung import _differences
from tests.lab.figures.test_ladder import planned

__all__ = ["planned"]


def test_a_rung_is_told_from_its_base_by_ideas_layers_and_heads(
    planned: list[RungStanding],
) -> None:
    models = {rung.name: rung.config.model for rung in planned if rung.config}
    for base, name, expected in (
        ("MLP", "residual stream", "+ residual"),
        ("2 blocks", "3 blocks", "n_layer 2 → 3"),
        ("3 blocks", "no attention", "− attention, − mask, − scale"),
        ("3 blocks", "one head a layer", "n_head 4 → 1"),
        ("embeddings", "average of the past", "+ average, n_layer 0 → 1"),
    ):
        assert _differences(models[base], models[name]) == expected
