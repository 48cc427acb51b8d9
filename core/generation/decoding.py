"""The models once more, for writing: each new character costs one column of work, not the window.

A model that continues a text is asked for the next character again and again, and the keys and
values of the characters before stay what they were. A decoder keeps them (the key-value cache) and
computes the new character alone. It does so in numpy: at one character a time the matrices are so
small that torch's dispatch would cost more than the arithmetic (`core.generation.numpy_layers`).

Past the window there is nothing to keep. When the oldest character leaves, every other one moves a
place and loses a part of what it had seen, so all keys and values change, and the window is
computed anew by the model itself, at the speed of a plain forward pass. Who is in a hurry lets more
characters leave at once (`n_kept`): then there is room for as many before it happens again.

Knows nothing of characters, of sampling or of runs. Shapes as in `core.models.base`, with B for
texts that are written side by side and T for tokens that are read at once.

Source of the cache: Shazeer 2019, https://arxiv.org/abs/1911.02150, section 2.
"""

from __future__ import annotations

import numpy as np
import torch

from core.generation.numpy_layers import (
    Array,
    Embedding,
    Linear,
    Normal,
    NumpyBlock,
    NumpyModernBlock,
    attention,
    linear,
    reading,
    rms_norm,
    to_array,
    without_mean,
)
from core.models import LanguageModel
from core.models.attention import AttentionModel
from core.models.bigram import BigramModel
from core.models.modern import ModernBlock, ModernTransformer, pair_rows
from core.models.ngrams import rows_of
from core.models.transformer import Block, Transformer


class Decoder:
    """Reads texts and says what comes next; this one asks the model about the whole window."""

    def __init__(self, model: LanguageModel, n_texts: int = 1) -> None:
        """`model` must be in eval mode, and must not change while it is read."""
        self._model = model
        self._window = np.empty((n_texts, 0), dtype=np.int64)
        self.n_kept = model.config.block_size
        """How many characters a window that has become too long is cut back to."""

    def read(self, tokens: Array) -> Array:
        """Go on with tokens (B, T), at least one each; returns the logits (B, V) of what follows.

        Of a text that is longer than block_size the end counts.
        """
        block_size = self._model.config.block_size
        n_read = self._window.shape[1]
        self._window = np.concatenate((self._window, tokens), axis=1)
        if self._window.shape[1] <= block_size:
            return self._advance(tokens, n_read)
        self._window = self._window[:, -self.n_kept :]
        if self.n_kept < block_size:
            return self._advance(self._window, 0)
        return self._plain()

    def _advance(self, tokens: Array, n_read: int) -> Array:
        """Logits after `tokens`, the newest in the window, with `n_read` before them."""
        return self._plain()

    def _plain(self) -> Array:
        device = next(self._model.parameters()).device
        with torch.inference_mode():
            logits = self._model(torch.from_numpy(self._window).to(device))[:, -1]
        return to_array(logits.float())


def decoder_of(model: LanguageModel, n_texts: int = 1) -> Decoder:
    """The fastest decoder that there is for a model."""
    decoders: dict[type[LanguageModel], type[Decoder]] = {
        BigramModel: BigramDecoder,
        AttentionModel: AttentionDecoder,
        Transformer: TransformerDecoder,
        ModernTransformer: ModernDecoder,
    }
    return decoders.get(type(model), Decoder)(model, n_texts)


class BigramDecoder(Decoder):
    """One look into the table."""

    def __init__(self, model: BigramModel, n_texts: int = 1) -> None:
        super().__init__(model, n_texts)
        self._table = to_array(model.table.weight)

    def read(self, tokens: Array) -> Array:
        rows: Array = self._table[tokens[:, -1]]
        return rows


class AttentionDecoder(Decoder):
    """Embeddings, one layer of attention, head."""

    def __init__(self, model: AttentionModel, n_texts: int = 1) -> None:
        super().__init__(model, n_texts)
        self._embedding = Embedding(model)
        self._attention = attention(model.attention, model, n_texts)
        self._head = linear(model.head)

    def _advance(self, tokens: Array, n_read: int) -> Array:
        x = self._embedding(tokens, n_read)  # B, T, C
        return self._head(self._attention(x, n_read)[:, -1])


class TransformerDecoder(Decoder):
    """Embeddings, blocks, a last LayerNorm, the tied head."""

    def __init__(self, model: Transformer, n_texts: int = 1) -> None:
        super().__init__(model, n_texts)
        self._embedding = Embedding(model)
        tied = Linear(self._embedding.token.T)
        self._head = reading(tied, model.norm)
        self._embedding.token = without_mean(self._embedding.token)
        self._embedding.position = without_mean(self._embedding.position)
        self._blocks = [
            NumpyBlock(block, model, n_texts) for block in model.blocks if isinstance(block, Block)
        ]
        self._normal = Normal(model.config.n_embd, model.norm.eps)

    def _advance(self, tokens: Array, n_read: int) -> Array:
        x = self._embedding(tokens, n_read)  # B, T, C
        for block in self._blocks:
            x = block(x, n_read)
        return self._head(self._normal(x[:, -1]))


class ModernDecoder(Decoder):
    """The modern block, and n-gram tables where there are any."""

    def __init__(self, model: ModernTransformer, n_texts: int = 1) -> None:
        super().__init__(model, n_texts)
        self._token = rms_norm(to_array(model.token_embedding.weight))
        pairs = model.pair_embedding
        self._pair = None if pairs is None else to_array(pairs.weight)
        self._blocks = [
            NumpyModernBlock(b, model, n_texts) for b in model.blocks if isinstance(b, ModernBlock)
        ]
        self._head = reading(linear(model.head))
        self._normal = Normal(model.config.n_embd)
        self._tables: list[Array] = []
        if model.tables:
            self._tables = [to_array(weight) for weight in model.tables.parameters()]

    def _advance(self, tokens: Array, n_read: int) -> Array:
        x = self._token[tokens]  # B, T, C
        if self._pair is not None:
            x = x + self._pair[self._pair_rows(tokens)]
        for block in self._blocks:
            x = block(x, n_read)
        logits = self._head(self._normal(x[:, -1]))
        if self._tables:
            logits = logits + self._ngrams()
        cap = np.float32(self._model.config.logit_cap)
        return cap * np.tanh(logits / cap) if cap else logits

    def _pair_rows(self, tokens: Array) -> Array:
        """The rows of the newest characters in the window with those before them, (B, T)."""
        T = tokens.shape[1]
        before = np.pad(self._window, ((0, 0), (1, 0)))[:, -T - 1 : -1]
        return pair_rows(tokens, before, self._model.config)

    def _ngrams(self) -> Array:
        """What the tables add after the last characters, (B, V)."""
        n = len(self._tables) + 1
        recent = self._window[:, : -n - 1 : -1].T  # the newest first; n, B
        earlier = np.pad(recent, ((0, n - len(recent)), (0, 0)))
        n_rows = [len(table) for table in self._tables]
        rows = rows_of(list(earlier), n_rows, self._model.config.vocab_size)
        total: Array = sum(table[row] for table, row in zip(self._tables, rows))
        return total
