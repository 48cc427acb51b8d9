"""One text on its way through a model: what each part makes of it, in its own numbers.

The model computes as it always does, and its modules are listened to. So what is returned here is
what was added to the residual stream, and the sums hold: what enters a block, plus what its
attention and its MLP add, is what leaves it.

Shapes as in `core.models.base`, without B: one text alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.interpretability.parts import attention_layers, mlp_outputs
from core.models import LanguageModel
from core.models.bigram import BigramModel


@dataclass(frozen=True, eq=False)
class Flow:
    """What the parts of a model make of one text of T characters.

    L is 0 for a bigram table, and for a model of the ladder that has no layers.
    """

    token_vectors: Tensor
    """(T, C), the row of the token embedding of each character; C is 0 for a bigram table."""
    position_vectors: Tensor | None
    """(T, C), what is added for each place; None in a model that learns none."""
    attention: Tensor
    """(L, H, T, T), attention weights; rows sum to 1."""
    added_by_attention: Tensor
    """(L, T, C)."""
    hidden: Tensor
    """(L, T, 4 C), the inside of each MLP after its nonlinearity; empty where there is none."""
    added_by_mlp: Tensor
    """(L, T, C), or empty."""
    stream: Tensor
    """(L + 1, T, C), the residual stream before the first layer and after each; in the model of one
    layer, which has none, what enters that layer and what leaves it."""
    logits: Tensor
    """(T, V)."""

    @property
    def probabilities(self) -> Tensor:
        """(T, V), of what follows each character; rows sum to 1."""
        return self.logits.softmax(dim=-1)


@torch.inference_mode()
def flow_of(model: LanguageModel, tokens: Tensor) -> Flow:
    """What the parts of a model make of a text (T,), T at most block_size. The model is in eval."""
    trace = model.trace(tokens[None])
    attention, T = trace.attention[:, 0], len(tokens)
    nothing = trace.logits.new_zeros(0, T, 0)
    if isinstance(model, BigramModel):
        return Flow(nothing.new_zeros(T, 0), None, attention, nothing, nothing, nothing,
                    nothing.new_zeros(1, T, 0), trace.logits[0])  # fmt: skip
    readers, writers = attention_layers(model), mlp_outputs(model)
    if not readers:  # a model of the ladder without layers: what comes in goes out
        entered, where = _rows(model.token_embedding, tokens), _position_rows(model, T)
        summed = entered if where is None else entered + where
        return Flow(entered, where, attention, nothing, nothing, nothing,
                    summed[None], trace.logits[0])  # fmt: skip
    first = getattr(model, "blocks", readers)[0]
    with _heard([first, *readers, *writers]) as heard:
        model(tokens[None])
    added = [heard[module][1] for module in readers]
    entered = heard[first][0]
    return Flow(
        token_vectors=_rows(model.token_embedding, tokens),
        position_vectors=_position_rows(model, T),
        attention=attention,
        added_by_attention=torch.stack(added),
        hidden=_stacked((heard[module][0] for module in writers), nothing),
        added_by_mlp=_stacked((heard[module][1] for module in writers), nothing),
        stream=torch.cat((entered[None], trace.stream[:, 0])),
        logits=trace.logits[0],
    )


@contextmanager
def _heard(modules: Iterable[nn.Module]) -> Iterator[dict[nn.Module, tuple[Tensor, Tensor]]]:
    """What modules read and return inside, each (T, …), of a batch of one text."""
    heard: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def note(module: nn.Module, read: tuple[Any, ...], returned: Tensor) -> None:
        heard[module] = read[0][0], returned[0]

    handles = [module.register_forward_hook(note) for module in modules]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _rows(embedding: object, tokens: Tensor) -> Tensor:
    assert isinstance(embedding, nn.Embedding)
    return embedding.weight[tokens]


def _position_rows(model: LanguageModel, T: int) -> Tensor | None:
    embedding = getattr(model, "position_embedding", None)
    return embedding.weight[:T].detach() if isinstance(embedding, nn.Embedding) else None


def _stacked(each: Iterable[Tensor], nothing: Tensor) -> Tensor:
    found = list(each)
    return torch.stack(found) if found else nothing
