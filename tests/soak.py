"""How often a test that tries its luck does so: a few times always, many times with `--soak`."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak", action="store_true",
        help="kills, flipped bits and made-up values many times over; takes some minutes",
    )  # fmt: skip


def n_rounds(config: pytest.Config, *, ci: int, soak: int) -> int:
    return soak if config.getoption("--soak") else ci


def some_of(config: pytest.Config, things: Sequence[str], n: int) -> Sequence[str]:
    """All of them with `--soak`, else `n`, the same ones each time."""
    return things if config.getoption("--soak") else random.Random(5).sample(things, n)


def only_with_soak(config: pytest.Config) -> None:
    """Leave the test out of the usual run, which has to stay short."""
    if not config.getoption("--soak"):
        pytest.skip("takes half a minute: only with --soak")
