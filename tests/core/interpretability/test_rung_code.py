"""The lines of code of the rungs: every rung has some, and they are in the file that is named."""

from __future__ import annotations

import pytest

from core.experiments.ladder import plan_ladder
from core.interpretability.rung_code import leaves_out, lines_of_rung
from core.runs.lab import Lab
from core.text.corpus import Corpus
from tests.helpers import ROOT


@pytest.fixture
def keys(lab: Lab, corpus: Corpus) -> list[str]:
    return [rung.key for rung in plan_ladder(lab.configure, corpus, "steps", 6)]


def test_every_rung_has_lines_that_are_in_their_file(keys: list[str]) -> None:
    for key in keys:
        cuts = lines_of_rung(key)
        assert cuts, key
        for cut in cuts:
            lines = (ROOT / cut.file).read_text("utf-8").splitlines()
            there = lines[cut.first_line - 1 :]
            for line, real in zip(cut.code.splitlines(), there):
                assert line.strip() == real.strip() and line.strip()
        assert sum(len(cut.code.splitlines()) for cut in cuts) <= 8, key


def test_what_is_left_out_shows_the_lines_of_the_rung_that_brought_it(keys: list[str]) -> None:
    assert lines_of_rung("no MLP") == lines_of_rung("MLP")
    assert leaves_out("no MLP") and not leaves_out("MLP") and not leaves_out("no causal mask")
    with pytest.raises(KeyError):
        lines_of_rung("magic")


@pytest.mark.parametrize(
    ("key", "holds"),
    [
        ("residual stream", "x + found"), ("tied head", "self.token_embedding.weight"),
        ("one head", "mask"), ("positions", "position_embedding.weight[:T]"), ("MLP", "F.gelu"),
        ("no 1/√D", "math.sqrt"), ("blocks", "x = block(x)"), ("average of the past", "tril()"),
    ],
)  # fmt: skip
def test_the_lines_hold_the_idea(key: str, holds: str) -> None:
    assert holds in "\n".join(cut.code for cut in lines_of_rung(key))
