"""The models once more, for writing: each new character costs one column of work, not the window.

A model that continues a text is asked for the next character again and again, and the keys and
values of the characters before stay what they were. A decoder keeps them (the key-value cache) and
computes the new character alone. It does so in numpy: at one character a time the matrices are so
small that torch's dispatch would cost more than the arithmetic. Weights are shared with the model,
not copied, where it lives on the CPU.

Past the window there is nothing to keep. When the oldest character leaves, every other one moves a
place and loses a part of what it had seen, so all keys and values change, and the window is
computed anew by the model itself, at the speed of a plain forward.

Knows nothing of characters, of sampling or of runs. Shapes as in `core.models.base`, with B for
texts that are written side by side and T for tokens that are read at once.

Source of the cache: Shazeer 2019, https://arxiv.org/abs/1911.02150, section 2.
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
from core.models.bigram import BigramModel
from core.models.fast import FastBlock, FastTransformer, rotation
from core.models.ngrams import rows_of
from core.models.transformer import Block, Transformer

Array = npt.NDArray[Any]

_ZERO = np.float32(0)
_STEPS_PER_ONE, _LAST_STEP = np.float32(100_000), np.float32(600_000)
"""GELU's table: beyond its end, at 6, the bump is less than 1e-8."""


class Decoder:
    """Reads texts and says what comes next; this one asks the model about the whole window."""

    def __init__(self, model: LanguageModel, n_texts: int = 1) -> None:
        """`model` must be in eval mode, and must not change while it is read."""
        self._model = model
        self._window = np.empty((n_texts, 0), dtype=np.int64)

    def read(self, tokens: Array) -> Array:
        """Go on with tokens (B, T), at least one each; returns the logits (B, V) of what follows.

        Of a text that is longer than block_size the end counts.
        """
        block_size = self._model.config.block_size
        n_read = self._window.shape[1]
        self._window = np.concatenate((self._window, tokens), axis=1)
        if self._window.shape[1] <= block_size:
            return self._advance(tokens, n_read)
        self._window = self._window[:, -block_size:]
        return self._plain()

    def _advance(self, tokens: Array, n_read: int) -> Array:
        """Logits after `tokens`, the newest in the window, with `n_read` before them."""
        return self._plain()

    def _plain(self) -> Array:
        device = next(self._model.parameters()).device
        with torch.inference_mode():
            logits = self._model(torch.from_numpy(self._window).to(device))[:, -1]
        return _array(logits.float())


def decoder_of(model: LanguageModel, n_texts: int = 1) -> Decoder:
    """The fastest decoder that there is for a model."""
    decoders: dict[type[LanguageModel], type[Decoder]] = {
        BigramModel: BigramDecoder,
        AttentionModel: AttentionDecoder,
        Transformer: TransformerDecoder,
        FastTransformer: FastDecoder,
    }
    return decoders.get(type(model), Decoder)(model, n_texts)


class BigramDecoder(Decoder):
    """One look into the table."""

    def __init__(self, model: BigramModel, n_texts: int = 1) -> None:
        super().__init__(model, n_texts)
        self._table = _array(model.table.weight)

    def read(self, tokens: Array) -> Array:
        rows: Array = self._table[tokens[:, -1]]
        return rows


class AttentionDecoder(Decoder):
    """Embeddings, one layer of attention, head."""

    def __init__(self, model: AttentionModel, n_texts: int = 1) -> None:
        super().__init__(model, n_texts)
        self._embedding = _Embedding(model)
        self._attention = _Attention(model.attention, model, n_texts)
        self._head = _Linear(model.head)

    def _advance(self, tokens: Array, n_read: int) -> Array:
        x = self._embedding(tokens, n_read)  # B, T, C
        return self._head(self._attention(x, n_read)[:, -1])


class TransformerDecoder(Decoder):
    """Embeddings, blocks, a last LayerNorm, the tied head."""

    def __init__(self, model: Transformer, n_texts: int = 1) -> None:
        super().__init__(model, n_texts)
        self._embedding = _Embedding(model)
        self._blocks = [
            _Block(block, model, n_texts) for block in model.blocks if isinstance(block, Block)
        ]
        self._norm = _Norm(model.norm)

    def _advance(self, tokens: Array, n_read: int) -> Array:
        x = self._embedding(tokens, n_read)  # B, T, C
        for block in self._blocks:
            x = block(x, n_read)
        logits: Array = self._norm(x[:, -1]) @ self._embedding.token.T
        return logits


class FastDecoder(Decoder):
    """The newer block, and n-gram tables where there are any."""

    def __init__(self, model: FastTransformer, n_texts: int = 1) -> None:
        super().__init__(model, n_texts)
        self._token = _array(model.token_embedding.weight)
        self._blocks = [
            _FastBlock(b, model, n_texts) for b in model.blocks if isinstance(b, FastBlock)
        ]
        self._head = _Linear(model.head)
        self._tables: list[Array] = []
        if model.tables:
            self._tables = [_array(weight) for weight in model.tables.parameters()]

    def _advance(self, tokens: Array, n_read: int) -> Array:
        x = _rms_norm(self._token[tokens])  # B, T, C
        for block in self._blocks:
            x = block(x, n_read)
        logits = self._head(_rms_norm(x[:, -1]))
        return logits + self._ngrams() if self._tables else logits

    def _ngrams(self) -> Array:
        """What the tables add after the last characters, (B, V)."""
        n = len(self._tables) + 1
        recent = self._window[:, : -n - 1 : -1].T  # the newest first; n, B
        earlier = np.pad(recent, ((0, n - len(recent)), (0, 0)))
        n_rows = [len(table) for table in self._tables]
        rows = rows_of(list(earlier), n_rows, self._model.config.vocab_size)
        total: Array = sum(table[row] for table, row in zip(self._tables, rows))
        return total


# --- parts ----------------------------------------------------------------------------------------


class _Embedding:
    """What a character is, and where it stands."""

    def __init__(self, model: AttentionModel | Transformer) -> None:
        self.token = _array(model.token_embedding.weight)
        self.position = _array(model.position_embedding.weight)

    def __call__(self, tokens: Array, n_read: int) -> Array:
        x: Array = self.token[tokens] + self.position[n_read : n_read + tokens.shape[1]]
        return x


class _Linear:
    def __init__(self, linear: nn.Linear) -> None:
        self._weight = _array(linear.weight).T
        self._bias = None if linear.bias is None else _array(linear.bias)

    def __call__(self, x: Array) -> Array:
        y: Array = x @ self._weight
        return y if self._bias is None else y + self._bias


class _Norm:
    """LayerNorm, with a bias or without."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        self._weight = _array(norm.weight)
        self._bias = None if norm.bias is None else _array(norm.bias)
        self._epsilon = np.float32(norm.eps)
        self._averaging = _averaging(len(self._weight))

    def __call__(self, x: Array) -> Array:
        centred = x - x @ self._averaging
        variance = (centred * centred) @ self._averaging + self._epsilon
        y: Array = centred * self._weight / np.sqrt(variance)
        return y if self._bias is None else y + self._bias


class _Cache:
    """Keys and values of one layer for all characters read so far: (B, H, block_size, D) each."""

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
        """Remember the new keys and values, and mix for each new query: (B, T, C)."""
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


class _Attention:
    """The layer of `core.models.attention`, one stretch of text at a time."""

    def __init__(self, layer: CausalSelfAttention, model: LanguageModel, n_texts: int) -> None:
        self._query_key_value = _Linear(layer.query_key_value)
        self._output = _Linear(layer.output)
        self._cache = _Cache(model, n_texts)

    def __call__(self, x: Array, n_read: int) -> Array:
        q, k, v = self._cache.heads(self._query_key_value(x))
        return self._output(self._cache.attend(q, k, v, n_read))


class _Block:
    """The block of `core.models.transformer`."""

    def __init__(self, block: Block, model: LanguageModel, n_texts: int) -> None:
        self._norm_1, self._norm_2 = _Norm(block.norm_1), _Norm(block.norm_2)
        self._attention = _Attention(block.attention, model, n_texts)
        self._widen, self._output = _Linear(block.mlp.widen), _Linear(block.mlp.output)

    def __call__(self, x: Array, n_read: int) -> Array:
        x = x + self._attention(self._norm_1(x), n_read)
        return x + self._output(_gelu(self._widen(self._norm_2(x))))


class _FastBlock:
    """The block of `core.models.fast`."""

    def __init__(self, block: FastBlock, model: LanguageModel, n_texts: int) -> None:
        self._shift_1, self._shift_2 = _Shift(model, n_texts), _Shift(model, n_texts)
        self._query_key_value = _Linear(block.attention.query_key_value)
        self._mix = _Linear(block.attention.output)
        self._cache = _Cache(model, n_texts)
        self._widen, self._output = _Linear(block.widen), _Linear(block.output)
        by = rotation(model.config.block_size, model.config.head_size, torch.device("cpu"))
        self._cos, self._sin = (_array(part) for part in by)  # block_size, D / 2

    def __call__(self, x: Array, n_read: int) -> Array:
        q, k, v = self._cache.heads(self._query_key_value(self._shift_1(_rms_norm(x))))
        q, k = self._rotate(_rms_norm(q), n_read), self._rotate(_rms_norm(k), n_read)
        x = x + self._mix(self._cache.attend(q, k, v, n_read))
        thought = np.maximum(self._widen(self._shift_2(_rms_norm(x))), _ZERO)
        return x + self._output(thought * thought)

    def _rotate(self, x: Array, n_read: int) -> Array:
        """Turn the pairs of x (B, H, T, D) by the angles of positions from `n_read` on."""
        half = x.shape[-1] // 2
        here = slice(n_read, n_read + x.shape[2])
        cos, sin, first, second = self._cos[here], self._sin[here], x[..., :half], x[..., half:]
        return np.concatenate((first * cos - second * sin, second * cos + first * sin), axis=-1)


class _Shift:
    """Token shift: the second half of each vector comes from the character before."""

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


def _rms_norm(x: Array) -> Array:
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
    return _array((x - F.gelu(x)).float())


def _array(tensor: torch.Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy()
    return array
