"""The lines that a page shows stand in the source, where it says, and are the whole step."""

from __future__ import annotations

import ast

import pytest

from core.interpretability.source_lines import lines_of, steps_of
from core.models import LanguageModel, build_model
from core.settings.presets import resolve
from tests.helpers import ROOT

RECIPES = ("classic", "fast")


def model_of(recipe: str) -> LanguageModel:
    shape = dict(block_size=4, n_layer=1, n_head=1, n_embd=4)
    return build_model(resolve("transformer", 8, None, shape, recipe).model, seed=1)


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_step_s_lines_stand_in_the_file_that_they_name(recipe: str) -> None:
    model = model_of(recipe)
    for step in steps_of(model):
        found = lines_of(step, model)
        assert found
        for each in found:
            lines = (ROOT / each.file).read_text("utf-8").splitlines()
            shown = each.code.splitlines()
            there = lines[each.first_line - 1 :][: len(shown)]
            assert [line.strip() for line in there] == [line.strip() for line in shown]
            assert all(lines.count(line) == 1 for line in (there[0], there[-1]))


@pytest.mark.parametrize("recipe", RECIPES)
def test_they_are_whole_statements(recipe: str) -> None:
    model = model_of(recipe)
    for step in steps_of(model):
        for each in lines_of(step, model):
            ast.parse(f"def step():\n{indented(each.code)}")


def indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines())


def test_only_the_modern_block_turns() -> None:
    classic, modern = (steps_of(model_of(recipe)) for recipe in RECIPES)
    assert classic == ["projected", "score", "mask", "softmax", "output"]
    assert modern == ["projected", "turned", "score", "mask", "softmax", "output"]
