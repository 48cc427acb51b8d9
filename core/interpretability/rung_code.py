"""The lines of `core.models` that each rung of the ladder of ideas adds.

They are cut out of the source as it is, so they cannot say anything else than what runs.
"""

from __future__ import annotations

import inspect
from types import MappingProxyType, ModuleType

from core.interpretability.source_lines import SourceLines, lines_between
from core.models import attention, bigram, ladder, transformer

_Cut = tuple[ModuleType, str, str]
"""A module, what its first line holds that no other of its lines does, and what its last does."""


def _line(module: ModuleType, mark: str) -> _Cut:
    return module, mark, mark


_FIXED: _Cut = (ladder, "mixed = self.value(x)", "mixed = self._shares(x) @ mixed")
_CUTS: MappingProxyType[str, tuple[_Cut, ...]] = MappingProxyType(
    {
        "bigram table": (
            _line(bigram, "self.table = nn.Embedding("),
            _line(bigram, "logits: Tensor = self.table(idx)"),
        ),
        "embeddings": (
            _line(ladder, "self.token_embedding = nn.Embedding("),
            _line(ladder, "self.head = nn.Linear("),
            _line(ladder, "x = self.token_embedding(idx)"),
            _line(ladder, "return F.linear(self.norm(x), weight)"),
        ),
        "one head": (
            _line(attention, "qkv = self.query_key_value(x)"),
            _line(attention, "return (q / math.sqrt(D)) @ k.mT"),
            (attention, "mask = scores.new_full", "return (scores + mask)"),
            _line(attention, "return weights @ v"),
        ),
        "heads": (
            _line(attention, "qkv = self.query_key_value(x)"),
            _line(attention, "q, k, v = qkv.permute("),
            _line(attention, "return heads.transpose(1, 2)"),
        ),
        "positions": (
            _line(attention, "self.position_embedding = nn.Embedding("),
            _line(attention, "self.token_embedding(idx) + self.position_embedding"),
        ),
        "MLP": (
            (transformer, "self.widen = nn.Linear(", "self.output = nn.Linear("),
            _line(transformer, "self.output(F.gelu(self.widen(x)))"),
        ),
        "residual stream": (_line(ladder, "return x + found if self.adds else found"),),
        "LayerNorm": (
            _line(ladder, "return nn.LayerNorm(config.n_embd"),
            _line(ladder, "self._joined(x, self.attention(self.norm_1(x)))"),
            _line(ladder, "self._joined(x, self.mlp(self.norm_2(x)))"),
        ),
        "tied head": (
            _line(transformer, "F.linear(self.norm(x), self.token_embedding.weight)"),
        ),
        "blocks": ((transformer, "for block in self.blocks:", "x = block(x)"),),
        "no attention": (_FIXED,),
        "average of the past": (
            _FIXED,
            (ladder, "up_to_itself = torch.ones(", "return up_to_itself /"),
        ),
        "no 1/√D": ((ladder, "if not self.is_scaled:", "q = q * math.sqrt("),),
        "no causal mask": (
            _line(ladder, "return ((q / math.sqrt(q.shape[-1])) @ k.mT).softmax("),
        ),
    }
)  # fmt: skip
"""By the keys of the rungs, so that 2 heads or 4 are one. What leaves something out and needs no
line for it has the lines that are left out: those of the rung that brought them."""
_LEFT_OUT: MappingProxyType[str, str] = MappingProxyType(
    {
        "one head a layer": "heads", "no positions": "positions", "no MLP": "MLP",
        "no residual stream": "residual stream", "no LayerNorm": "LayerNorm",
        "untied head": "tied head",
    }
)  # fmt: skip


def lines_of_rung(key: str) -> list[SourceLines]:
    """The lines that a rung adds, or that do what it leaves out, in the order in which they run.

    Raises KeyError for what is no rung.
    """
    return [_cut(*cut) for cut in _CUTS[_LEFT_OUT.get(key, key)]]


def leaves_out(key: str) -> bool:
    """Whether the lines of this rung are those that do what it leaves out."""
    return key in _LEFT_OUT


def _cut(module: ModuleType, first: str, last: str) -> SourceLines:
    lines = inspect.getsource(module).splitlines()
    begin = _first_with(first, lines)
    end = begin + _first_with(last, lines[begin:])
    return lines_between(module, begin, end)


def _first_with(mark: str, lines: list[str]) -> int:
    return next(i for i, line in enumerate(lines) if mark in line)
