"""The layers of the models in numpy, a stretch of text at a time, with their key-value cache.

They are what `core.generation.decoding` is made of, and compute the forward pass of the modules of
`core.models`, in float32. At one character a time an operation costs what it takes to call it, so
there are as few as can be. What does not depend on the text is multiplied into the matrices
beforehand:

* A norm's scale goes into the matrix that reads it, and so does the 1 / sqrt(D) of the scores.
* LayerNorm takes a vector's mean away. Only what is added to the residual stream gives it one. With
  the means taken out of all that (embeddings, output matrices), the stream has none, and what is
  left of the norm is to divide by a length, as in RMS norm. Source: `fold_ln` and
  `center_writing_weights` of https://github.com/TransformerLensOrg/TransformerLens.

Shapes as in `core.models.base`, with B for texts side by side, T for the tokens that are read at
once, and `n_read` for those that were read before; `n_read + T` is at most block_size. Nothing here
checks shapes: what does not fit raises numpy's ValueError.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from core.models import LanguageModel
from core.models.attention import AttentionModel, CausalSelfAttention
from core.models.modern import ModernBlock, ModernTransformer
from core.models.transformer import Block, Transformer

Array = npt.NDArray[Any]

_ZERO = np.float32(0)
_RMS_EPSILON = float(np.finfo(np.float32).eps)
_STEPS_PER_ONE, _END = np.float32(512), np.float32(8)
"""GELU's table: at 8 and beyond it is x to the last digit, and at -8 and beyond 0."""


class Linear:
    """y = x W + b, with a bias or without: (…, n_in) to (…, n_out)."""

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        """weight (n_in, n_out), bias (n_out,)."""
        self.weight, self.bias = weight, bias

    def __call__(self, x: Array) -> Array:
        y: Array = x @ self.weight
        return y if self.bias is None else y + self.bias


def linear(module: nn.Linear) -> Linear:
    """The module as it is."""
    bias = None if module.bias is None else to_array(module.bias)
    return Linear(to_array(module.weight).T, bias)


def reading(layer: Linear, norm: nn.LayerNorm | None = None) -> Linear:
    """The layer behind a norm, to be given vectors that `Normal` has brought to length 1.

    The norm is a LayerNorm before which no vector has a mean, or an RMS norm that learns nothing.
    """
    n_in = len(layer.weight)
    scale, bias = np.full(n_in, math.sqrt(n_in), dtype=np.float32), layer.bias
    if norm is not None:
        scale *= to_array(norm.weight)
        if norm.bias is not None:
            shift = to_array(norm.bias) @ layer.weight
            bias = shift if bias is None else bias + shift
    return Linear(layer.weight * scale[:, None], bias)


def writing(layer: Linear) -> Linear:
    """The layer before a residual stream whose vectors have no mean."""
    bias = None if layer.bias is None else without_mean(layer.bias)
    return Linear(without_mean(layer.weight), bias)


class Normal:
    """Vectors of the last dimension at length 1, but for the norm's epsilon."""

    def __init__(self, size: int, epsilon: float = _RMS_EPSILON) -> None:
        self._epsilon = np.float32(size * epsilon)

    def __call__(self, x: Array) -> Array:
        squares = np.vecdot(x, x) + self._epsilon
        y: Array = x / np.sqrt(squares)[..., None]
        return y


class Embedding:
    """What a character is, and where it stands: tokens (B, T) to vectors (B, T, C)."""

    def __init__(self, model: AttentionModel | Transformer) -> None:
        self.token = to_array(model.token_embedding.weight)
        self.position = to_array(model.position_embedding.weight)

    def __call__(self, tokens: Array, n_read: int) -> Array:
        x: Array = self.token[tokens] + self.position[n_read : n_read + tokens.shape[1]]
        return x


class Cache:
    """The key-value cache of one layer, for all characters read so far.

    Keys (B, H, D, block_size) and values (B, H, block_size, D) are filled up to `n_read + T`: each
    lies as the product with it reads it.
    """

    def __init__(self, model: LanguageModel, n_texts: int) -> None:
        config = model.config
        self._n_head = config.n_head
        heads, T, D = (n_texts, config.n_head), config.block_size, config.head_size
        self._keys = np.empty((*heads, D, T), dtype=np.float32)
        self._values = np.empty((*heads, T, D), dtype=np.float32)

    def heads(self, qkv: Array) -> Array:
        """(B, T, 3C) to queries, keys and values: 3, B, H, T, D."""
        B, T, width = qkv.shape
        split = qkv.reshape(B, T, 3, self._n_head, width // (3 * self._n_head))
        return split.transpose(2, 0, 3, 1, 4)

    def attend(self, q: Array, k: Array, v: Array, n_read: int) -> Array:
        """Store the new keys and values, and mix for each new query: q, k, v (B, H, T, D) each, to
        (B, T, C). A score is q k as it is."""
        B, H, T, D = q.shape
        end = n_read + T
        self._keys[..., n_read:end] = k.swapaxes(2, 3)
        self._values[:, :, n_read:end] = v
        weights = q @ self._keys[..., :end]  # B, H, T, end; scores at first
        if T > 1:
            future = np.arange(end) > np.arange(n_read, end)[:, None]
            weights[:, :, future] = -np.inf
        weights -= np.maximum.reduce(weights, axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= np.add.reduce(weights, axis=-1, keepdims=True)
        mixed: Array = weights @ self._values[:, :, :end]  # B, H, T, D
        return mixed.transpose(0, 2, 1, 3).reshape(B, T, H * D)


class Attention:
    """The layer of `core.models.attention`, a stretch of text at a time: (B, T, C) to (B, T, C)."""

    def __init__(
        self, query_key_value: Linear, output: Linear, model: LanguageModel, n_texts: int
    ) -> None:
        """Scores are over sqrt(D), which goes into the queries."""
        self._query_key_value, self._output = _with_scaled_queries(query_key_value, model), output
        self._cache = Cache(model, n_texts)

    def __call__(self, x: Array, n_read: int) -> Array:
        q, k, v = self._cache.heads(self._query_key_value(x))
        return self._output(self._cache.attend(q, k, v, n_read))


def attention(layer: CausalSelfAttention, model: LanguageModel, n_texts: int) -> Attention:
    """The layer by itself, with no norm before it and no residual stream after it."""
    return Attention(linear(layer.query_key_value), linear(layer.output), model, n_texts)


class NumpyBlock:
    """The block of `core.models.transformer`: the residual stream (B, T, C), without means, after
    it."""

    def __init__(self, block: Block, model: LanguageModel, n_texts: int) -> None:
        layer, mlp = block.attention, block.mlp
        query_key_value = reading(linear(layer.query_key_value), block.norm_1)
        self._attention = Attention(query_key_value, writing(linear(layer.output)), model, n_texts)
        self._widen = reading(linear(mlp.widen), block.norm_2)
        self._output = writing(linear(mlp.output))
        self._normal = Normal(model.config.n_embd, block.norm_1.eps)

    def __call__(self, x: Array, n_read: int) -> Array:
        x = x + self._attention(self._normal(x), n_read)
        return x + self._output(_gelu(self._widen(self._normal(x))))


class NumpyModernBlock:
    """The block of `core.models.modern`: the residual stream (B, T, C) after it."""

    def __init__(self, block: ModernBlock, model: ModernTransformer, n_texts: int) -> None:
        config = model.config
        self._shift_1, self._shift_2 = Shift(model, n_texts), Shift(model, n_texts)
        self._query_key_value = reading(linear(block.attention.query_key_value))
        self._mix = linear(block.attention.output)
        self._cache = Cache(model, n_texts)
        gate = block.attention.gate
        self._gate = None if gate is None else linear(gate)
        # A gate reads what the layer reads, which has length sqrt(C) there and 1 here.
        self._gate_scale = np.float32(math.sqrt(config.n_embd))
        self._widen, self._output = reading(linear(block.widen)), linear(block.output)
        self._normal, self._head_normal = Normal(config.n_embd), Normal(config.head_size)
        by = model.rotation(config.block_size, torch.device("cpu"))
        # Queries and keys have length sqrt(D) there and 1 here, and scores are over sqrt(D) there.
        scale = np.float32(config.head_size**0.25)
        self._cos, self._sin = (to_array(part) * scale for part in by)  # block_size, D / 2

    def __call__(self, x: Array, n_read: int) -> Array:
        read = self._shift_1(self._normal(x))
        heads = self._cache.heads(self._query_key_value(read))
        q, k = self._rotate(self._head_normal(heads[:2]), n_read)
        mixed = self._cache.attend(q, k, heads[2], n_read)  # B, T, C
        x = x + self._mix(mixed if self._gate is None else self._let_through(mixed, read))
        thought = np.maximum(self._widen(self._shift_2(self._normal(x))), _ZERO)
        return x + self._output(thought * thought)

    def _let_through(self, mixed: Array, read: Array) -> Array:
        """What the gates let through of what the heads have mixed, (B, T, C)."""
        assert self._gate is not None
        width, n_head = self._gate.weight.shape
        asked = self._gate(read[..., :width] * self._gate_scale)  # B, T, H
        openings = np.float32(2) / (np.float32(1) + np.exp(-asked))
        let_through: Array = mixed * openings.repeat(mixed.shape[-1] // n_head, axis=-1)
        return let_through

    def _rotate(self, x: Array, n_read: int) -> Array:
        """Turn the pairs of x (…, T, D) by the angles of positions from `n_read` on."""
        half = x.shape[-1] // 2
        here = slice(n_read, n_read + x.shape[-2])
        cos, sin, first, second = self._cos[here], self._sin[here], x[..., :half], x[..., half:]
        turned = np.empty_like(x)
        np.subtract(first * cos, second * sin, out=turned[..., :half])
        np.add(second * cos, first * sin, out=turned[..., half:])
        return turned


class Shift:
    """Token shift: the second half of each vector comes from the character before.

    (B, T, C) to (B, T, C), in place; the last character's half waits for the next call.
    """

    def __init__(self, model: LanguageModel, n_texts: int) -> None:
        self._half = model.config.n_embd // 2
        self._last = np.zeros((n_texts, 1, model.config.n_embd - self._half), dtype=np.float32)

    def __call__(self, x: Array) -> Array:
        halves = x[..., self._half :]
        last = halves[:, -1:].copy()
        halves[:, 1:] = halves[:, :-1]
        halves[:, :1] = self._last
        self._last = last
        return x


def without_mean(vectors: Array) -> Array:
    """Vectors of the last dimension less their mean."""
    centred: Array = vectors - vectors.mean(axis=-1, keepdims=True)
    return centred


def _with_scaled_queries(query_key_value: Linear, model: LanguageModel) -> Linear:
    """With 1 / sqrt(D) in the columns (n_in, 3C) that make queries, so that it is in the scores."""
    config = model.config
    scale = np.ones(3 * config.n_embd, dtype=np.float32)
    scale[: config.n_embd] = 1 / math.sqrt(config.head_size)
    bias = query_key_value.bias
    return Linear(query_key_value.weight * scale, None if bias is None else bias * scale)


def rms_norm(x: Array) -> Array:
    """Vectors of the last dimension at length sqrt(their size)."""
    size = x.shape[-1]
    return Normal(size)(x) * np.float32(math.sqrt(size))


def _gelu(x: Array) -> Array:
    """GELU by straight lines between the points of a table; it errs by 4e-7 at most.

    numpy has no error function, and torch's would wake its other threads up for some hundred
    numbers.
    """
    slopes, offsets = _gelu_lines()
    steps = ((x + _END) * _STEPS_PER_ONE).astype(np.intp)
    y: Array = slopes.take(steps, mode="clip")
    y *= x
    y += offsets.take(steps, mode="clip")
    return y


@functools.cache
def _gelu_lines() -> tuple[Array, Array]:
    """Slope and offset of each line from -8 to 8; what is beyond has the first or the last."""
    n_lines = int(2 * _END * _STEPS_PER_ONE)
    x = torch.linspace(-float(_END), float(_END), n_lines + 1, dtype=torch.float64)
    y = F.gelu(x)
    slopes = y.diff() / x.diff()
    offsets = y[:-1] - slopes * x[:-1]
    slopes[0], slopes[-1] = 0.0, 1.0
    offsets[0] = offsets[-1] = 0.0
    return to_array(slopes.float()), to_array(offsets.float())


def to_array(tensor: torch.Tensor) -> Array:
    """The numbers of a tensor, shared where it lives on the CPU."""
    array: Array = tensor.detach().cpu().numpy()
    return array
