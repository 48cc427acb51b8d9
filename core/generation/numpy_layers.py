"""The layers of the models in numpy, a stretch of text at a time, with their key-value cache.

They are what `core.generation.decoding` is made of, and compute the forward pass of the modules of
`core.models`, in float32. Weights are shared with the modules, not copied, where these live on the
CPU. Shapes as in `core.models.base`, with B for texts side by side, T for the tokens that are read
at once, and `n_read` for those that were read before; `n_read + T` is at most block_size. Nothing
here checks shapes: what does not fit raises numpy's ValueError.
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
from core.models.modern import ModernBlock, rotation
from core.models.transformer import Block, Transformer

Array = npt.NDArray[Any]

_ZERO = np.float32(0)
_STEPS_PER_ONE, _LAST_STEP = np.float32(100_000), np.float32(600_000)
"""GELU's table: beyond its end, at 6, the bump is less than 1e-8."""


class Embedding:
    """What a character is, and where it stands: tokens (B, T) to vectors (B, T, C)."""

    def __init__(self, model: AttentionModel | Transformer) -> None:
        self.token = to_array(model.token_embedding.weight)
        self.position = to_array(model.position_embedding.weight)

    def __call__(self, tokens: Array, n_read: int) -> Array:
        x: Array = self.token[tokens] + self.position[n_read : n_read + tokens.shape[1]]
        return x


class Linear:
    """y = x Wᵀ + b, with a bias or without: (…, n_in) to (…, n_out)."""

    def __init__(self, linear: nn.Linear) -> None:
        self._weight = to_array(linear.weight).T
        self._bias = None if linear.bias is None else to_array(linear.bias)

    def __call__(self, x: Array) -> Array:
        y: Array = x @ self._weight
        return y if self._bias is None else y + self._bias


class Norm:
    """LayerNorm over the last dimension, with a bias or without: (…, C) to (…, C)."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        self._weight = to_array(norm.weight)
        self._bias = None if norm.bias is None else to_array(norm.bias)
        self._epsilon = np.float32(norm.eps)
        self._averaging = _averaging(len(self._weight))

    def __call__(self, x: Array) -> Array:
        centred = x - x @ self._averaging
        variance = (centred * centred) @ self._averaging + self._epsilon
        y: Array = centred * self._weight / np.sqrt(variance)
        return y if self._bias is None else y + self._bias


class Cache:
    """The key-value cache of one layer, for all characters read so far.

    Keys and values are (B, H, block_size, D) each, filled up to `n_read + T`.
    """

    def __init__(self, model: LanguageModel, n_texts: int) -> None:
        config = model.config
        shape = (n_texts, config.n_head, config.block_size, config.head_size)
        self._n_head = config.n_head
        self._scale = np.float32(1 / math.sqrt(config.head_size))
        self._keys = np.empty(shape, dtype=np.float32)
        self._values = np.empty(shape, dtype=np.float32)

    def heads(self, qkv: Array) -> Array:
        """(B, T, 3C) to queries, keys and values: 3, B, H, T, D."""
        B, T, width = qkv.shape
        split = qkv.reshape(B, T, 3, self._n_head, width // (3 * self._n_head))
        return split.transpose(2, 0, 3, 1, 4)

    def attend(self, q: Array, k: Array, v: Array, n_read: int) -> Array:
        """Store the new keys and values, and mix for each new query: q, k, v (B, H, T, D) each, to
        (B, T, C)."""
        B, H, T, D = q.shape
        end = n_read + T
        self._keys[:, :, n_read:end] = k
        self._values[:, :, n_read:end] = v
        scores = q @ self._keys[:, :, :end].transpose(0, 1, 3, 2) * self._scale  # B, H, T, end
        if T > 1:
            future = np.arange(end) > np.arange(n_read, end)[:, None]
            scores[:, :, future] = -np.inf
        weights = np.exp(scores - np.maximum.reduce(scores, axis=-1, keepdims=True))
        weights /= np.add.reduce(weights, axis=-1, keepdims=True)
        mixed: Array = weights @ self._values[:, :, :end]  # B, H, T, D
        return mixed.transpose(0, 2, 1, 3).reshape(B, T, H * D)


class Attention:
    """The layer of `core.models.attention`, a stretch of text at a time: (B, T, C) to (B, T, C)."""

    def __init__(self, layer: CausalSelfAttention, model: LanguageModel, n_texts: int) -> None:
        self._query_key_value = Linear(layer.query_key_value)
        self._output = Linear(layer.output)
        self._cache = Cache(model, n_texts)

    def __call__(self, x: Array, n_read: int) -> Array:
        q, k, v = self._cache.heads(self._query_key_value(x))
        return self._output(self._cache.attend(q, k, v, n_read))


class NumpyBlock:
    """The block of `core.models.transformer`: the residual stream (B, T, C) after it."""

    def __init__(self, block: Block, model: LanguageModel, n_texts: int) -> None:
        self._norm_1, self._norm_2 = Norm(block.norm_1), Norm(block.norm_2)
        self._attention = Attention(block.attention, model, n_texts)
        self._widen, self._output = Linear(block.mlp.widen), Linear(block.mlp.output)

    def __call__(self, x: Array, n_read: int) -> Array:
        x = x + self._attention(self._norm_1(x), n_read)
        return x + self._output(_gelu(self._widen(self._norm_2(x))))


class NumpyModernBlock:
    """The block of `core.models.modern`: the residual stream (B, T, C) after it."""

    def __init__(self, block: ModernBlock, model: LanguageModel, n_texts: int) -> None:
        self._shift_1, self._shift_2 = Shift(model, n_texts), Shift(model, n_texts)
        self._query_key_value = Linear(block.attention.query_key_value)
        self._mix = Linear(block.attention.output)
        self._cache = Cache(model, n_texts)
        self._widen, self._output = Linear(block.widen), Linear(block.output)
        by = rotation(model.config.block_size, model.config.head_size, torch.device("cpu"))
        self._cos, self._sin = (to_array(part) for part in by)  # block_size, D / 2

    def __call__(self, x: Array, n_read: int) -> Array:
        q, k, v = self._cache.heads(self._query_key_value(self._shift_1(rms_norm(x))))
        q, k = self._rotate(rms_norm(q), n_read), self._rotate(rms_norm(k), n_read)
        x = x + self._mix(self._cache.attend(q, k, v, n_read))
        thought = np.maximum(self._widen(self._shift_2(rms_norm(x))), _ZERO)
        return x + self._output(thought * thought)

    def _rotate(self, x: Array, n_read: int) -> Array:
        """Turn the pairs of x (B, H, T, D) by the angles of positions from `n_read` on."""
        half = x.shape[-1] // 2
        here = slice(n_read, n_read + x.shape[2])
        cos, sin, first, second = self._cos[here], self._sin[here], x[..., :half], x[..., half:]
        return np.concatenate((first * cos - second * sin, second * cos + first * sin), axis=-1)


class Shift:
    """Token shift: the second half of each vector comes from the character before.

    (B, T, C) to (B, T, C); the last character's half waits for the next call.
    """

    def __init__(self, model: LanguageModel, n_texts: int) -> None:
        self._half = model.config.n_embd // 2
        self._last = np.zeros((n_texts, 1, model.config.n_embd - self._half), dtype=np.float32)

    def __call__(self, x: Array) -> Array:
        shifted = x.copy()
        shifted[:, :1, self._half :] = self._last
        shifted[:, 1:, self._half :] = x[:, :-1, self._half :]
        self._last = x[:, -1:, self._half :]
        return shifted


@functools.cache
def _averaging(size: int) -> Array:
    """The matrix (size, 1) that takes a mean: a product costs half as much as numpy's sum."""
    return np.full((size, 1), 1 / size, dtype=np.float32)


def rms_norm(x: Array) -> Array:
    """Vectors of the last dimension at length sqrt(their size)."""
    mean_square = (x * x) @ _averaging(x.shape[-1]) + np.finfo(np.float32).eps
    y: Array = x / np.sqrt(mean_square)
    return y


def _gelu(x: Array) -> Array:
    """max(x, 0) less a bump around 0, which is read off a table.

    numpy has no error function, and torch's would wake its other threads up for some hundred
    numbers. The steps of the table are so fine that the nearest entry errs by 2.5e-6 at most.
    """
    steps = np.minimum(np.abs(x) * _STEPS_PER_ONE, _LAST_STEP).astype(np.intp)
    y: Array = np.maximum(x, _ZERO) - _gelu_bumps().take(steps)
    return y


@functools.cache
def _gelu_bumps() -> Array:
    """max(x, 0) - GELU(x) in the middle of each step from 0 on; it is the same on both sides."""
    x = (torch.arange(int(_LAST_STEP) + 1, dtype=torch.float64) + 0.5) / float(_STEPS_PER_ONE)
    return to_array((x - F.gelu(x)).float())


def to_array(tensor: torch.Tensor) -> Array:
    """The numbers of a tensor, shared where it lives on the CPU."""
    array: Array = tensor.detach().cpu().numpy()
    return array
