"""What is said of a cell is what was computed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from core.interpretability.head_arithmetic import Cell, CellArithmetic, cell_arithmetic
from core.interpretability.source_lines import lines_of, steps_of
from core.models import LanguageModel, build_model
from core.settings.config import ModelKind
from core.settings.presets import resolve
from core.text.corpus import Vocabulary
from lab.attention_page.cell_words import code_text, steps
from lab.figures.cell_arithmetic import number_text

TEXT = "to be o"
VOCABULARY = Vocabulary(" beot")


def model_of(kind: ModelKind, recipe: str = "classic") -> LanguageModel:
    shape: dict[str, Any] = dict(block_size=8, n_head=2, n_embd=8)
    model = build_model(resolve(kind, 5, None, shape, recipe).model, seed=3).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20)
    return model


def worked_out(model: LanguageModel, place: int = 5, key: int = 3) -> CellArithmetic:
    return cell_arithmetic(model, VOCABULARY, TEXT, Cell(1, 2, place, key))


@pytest.mark.parametrize(
    ("kind", "recipe", "says"),
    [
        ("attention", "classic", "where it stands"),
        ("transformer", "classic", "after a LayerNorm"),
        ("transformer", "fast", "token shift"),
    ],
)
def test_the_steps_are_those_of_the_model(kind: ModelKind, recipe: str, says: str) -> None:
    model = model_of(kind, recipe)
    every = steps(worked_out(model), TEXT, model.config)
    assert says in every[0].sentence
    assert [name for step in every for name in step.computed_in] == steps_of(model)
    names = [vector.name for step in every for vector in step.vectors]
    assert ("key, turned" in names) == (recipe == "fast")
    assert any(name == "value of ␣ (3)" for name in names)


def test_formulas_have_the_numbers_of_the_cell() -> None:
    model = model_of("transformer")
    found = worked_out(model)
    _, score, softmax, output = steps(found, TEXT, model.config)
    assert rf"\frac{{{number_text(found.dot)}}}{{\sqrt{{4}}}}" in score.formula
    assert rf"\mathbf{{{number_text(found.score)}}}" in score.formula
    assert f"together that is {number_text(found.dot)}" in score.sentence
    assert rf"\mathbf{{{number_text(found.weight)}}}" in softmax.formula
    (above, below) = re.findall(r"\\frac\{([\d.]+)\}\{([\d.]+)\}", softmax.formula)[0]
    assert float(above) / float(below) == pytest.approx(found.weight, rel=0.02)
    assert "5 characters, up to itself. The score of the 2 after it" in softmax.sentence
    assert number_text(found.weight) in output.formula
    assert "‘␣’ (3) gives" in output.sentence


def test_of_the_last_character_nothing_is_masked() -> None:
    model = model_of("attention")
    every = steps(worked_out(model, place=7, key=7), TEXT, model.config)
    assert "takes nothing from its row" in every[-2].sentence


def test_the_code_says_where_it_stands() -> None:
    text = code_text(lines_of("mask", model_of("attention")))
    assert re.match(r"# core/models/attention\.py, line \d+\nmask = ", text)
