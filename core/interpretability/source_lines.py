"""The very lines of `core.models` that compute a step of a head's arithmetic.

They are cut out of the source as it is, so they cannot say anything else than what runs.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from textwrap import dedent
from types import MappingProxyType, ModuleType
from typing import Literal

from core.models import LanguageModel, attention, fused, modern

StepName = Literal["projected", "turned", "score", "mask", "softmax", "output"]


@dataclass(frozen=True)
class SourceLines:
    """Some lines of a file, without their common indentation."""

    file: str
    """Below the project's folder: "core/models/attention.py"."""
    first_line: int
    code: str


_Cut = tuple[ModuleType, str, str]
"""A module, and what its first and last lines hold that no other line of it does."""
_SCORE: _Cut = (attention, "return (q / math.sqrt(D)) @ k.mT", "return (q / math.sqrt(D)) @ k.mT")
_MASK: _Cut = (attention, "mask = scores.new_full", "mask = scores.new_full")
_SOFTMAX: _Cut = (attention, "return (scores + mask).softmax", "return (scores + mask).softmax")
_OUTPUT: _Cut = (attention, "if is_written_out(", "return fused_attention(")
_CUTS: MappingProxyType[str, dict[StepName, list[_Cut]]] = MappingProxyType(
    {
        "classic": {
            "projected": [(attention, "qkv = self.query_key_value(x)", "q, k, v = qkv.permute")],
            "score": [_SCORE], "mask": [_MASK], "softmax": [_SOFTMAX], "output": [_OUTPUT],
        },
        "modern": {
            "projected": [(modern, "qkv = self.query_key_value(x)", "heads = qkv.permute")],
            "turned": [
                (modern, "q, k = rotated_norm(", "q, k = rotated_norm("),
                (fused, "y = _rotated(x, cos, sin)", "y = _rotated(x, cos, sin)"),
                (fused, "torch.mul(first, cos", "torch.mul(second, cos"),
            ],
            "score": [_SCORE], "mask": [_MASK], "softmax": [_SOFTMAX], "output": [_OUTPUT],
        },
    }
)  # fmt: skip


def steps_of(model: LanguageModel) -> list[StepName]:
    """The steps from a query and a key to a head's output, in the order of the model's block."""
    return list(_cuts_of(model))


def lines_of(step: StepName, model: LanguageModel) -> list[SourceLines]:
    """The lines that compute a step in this model, in the order in which they run."""
    return [_cut(*cut) for cut in _cuts_of(model)[step]]


def _cuts_of(model: LanguageModel) -> dict[StepName, list[_Cut]]:
    """The models of the ladder attend as the classic block does."""
    return _CUTS["modern" if model.config.block == "modern" else "classic"]


def _cut(module: ModuleType, first: str, last: str) -> SourceLines:
    lines = inspect.getsource(module).splitlines()
    begin, end = (_only_line_with(mark, lines) for mark in (first, last))
    return lines_between(module, begin, end)


def lines_between(module: ModuleType, begin: int, end: int) -> SourceLines:
    """The lines of a module from one to another, that one too; both count from 0."""
    lines = inspect.getsource(module).splitlines()
    code = dedent("\n".join(lines[begin : end + 1]))
    return SourceLines(f"{module.__name__.replace('.', '/')}.py", begin + 1, code)


def _only_line_with(mark: str, lines: list[str]) -> int:
    (number,) = (i for i, line in enumerate(lines) if mark in line)
    return number
