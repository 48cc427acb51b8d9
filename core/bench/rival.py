"""Whom we race: nanoGPT itself where its folder is at hand, else a plain-torch twin of it.

The twin is what one would write without thinking of speed, with nanoGPT's names and interface:
`nn.Linear`, `nn.LayerNorm`, a fused attention kernel, torch's AdamW as it comes, batches gathered
one window at a time, and a generation that computes the whole window for every character.

Source: https://github.com/karpathy/nanoGPT (`model.py`, `train.py`).
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import LabError
from core.exchange.formats.nanogpt import nanogpt_weights
from core.models import LanguageModel
from core.settings.config import RunConfig
from core.text.corpus import Corpus
from core.training.optim import learning_rate_at


@dataclass
class GPTConfig:
    """Sizes, with nanoGPT's names."""

    block_size: int
    vocab_size: int
    n_layer: int
    n_head: int
    n_embd: int
    dropout: float = 0.0
    bias: bool = False


class _Attention(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = self.c_attn(x).split(C, dim=2)
        q, k, v = (y.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for y in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # B, H, T, D
        mixed: Tensor = self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))
        return mixed


class _MLP(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.c_proj(self.gelu(self.c_fc(x)))
        return y


class _Block(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.attn = _Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.mlp = _MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class GPT(nn.Module):
    """The twin, called as nanoGPT's class of that name is."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        parts = {
            "wte": nn.Embedding(config.vocab_size, config.n_embd),
            "wpe": nn.Embedding(config.block_size, config.n_embd),
            "h": nn.ModuleList(_Block(config) for _ in range(config.n_layer)),
            "ln_f": nn.LayerNorm(config.n_embd, bias=config.bias),
        }
        self.transformer = nn.ModuleDict(parts)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.lm_head.weight = parts["wte"].weight  # type: ignore[assignment]

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        where = torch.arange(idx.shape[1])
        x = self.transformer["wte"](idx) + self.transformer["wpe"](where)
        for block in self.transformer["h"]:  # type: ignore[attr-defined]
            x = block(x)
        x = self.transformer["ln_f"](x)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None
        logits: Tensor = self.lm_head(x)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def configure_optimizers(
        self, weight_decay: float, learning_rate: float, betas: tuple[float, float], device: str
    ) -> torch.optim.Optimizer:
        """AdamW; matrices decay, and nothing else does."""
        params = list(self.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in params if p.dim() >= 2], "weight_decay": weight_decay},
            {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=learning_rate, betas=betas)

    @torch.no_grad()
    def generate(self, idx: Tensor, max_new_tokens: int, temperature: float = 1.0) -> Tensor:
        """The tokens (B, T) and as many new ones, each drawn after a pass over the whole window."""
        for _ in range(max_new_tokens):
            logits, _ = self(idx[:, -self.config.block_size :])
            probabilities = F.softmax(logits[:, -1, :] / temperature, dim=-1)
            idx = torch.cat((idx, torch.multinomial(probabilities, num_samples=1)), dim=1)
        return idx


class Rival:
    """nanoGPT's training loop, one step at a time, from the same weights and on the same windows.

    `name` says who it is. Dropout must be 0, so that both do the same arithmetic.
    """

    def __init__(
        self, config: RunConfig, corpus: Corpus, ours: LanguageModel, folder: Path | None
    ) -> None:
        """`folder` is a checkout of nanoGPT; None takes the twin. Raises LabError for another."""
        module = sys.modules[__name__] if folder is None else _import_nanogpt(folder)
        self.name = "twin" if folder is None else "nanoGPT"
        sizes = {
            name: getattr(config.model, name)
            for name in ("block_size", "vocab_size", "n_layer", "n_head", "n_embd", "bias")
        }
        with contextlib.redirect_stdout(sys.stderr):  # nanoGPT says what it does
            self.model: Any = module.GPT(module.GPTConfig(**sizes, dropout=0.0))
            self.model.load_state_dict(nanogpt_weights(ours))
            train = config.train
            self._optimizer = self.model.configure_optimizers(
                train.weight_decay, train.learning_rate, (train.beta1, train.beta2), "cpu"
            )
        self._train, self._block_size, self._data = train, config.model.block_size, corpus.train
        self._generator = torch.Generator().manual_seed(train.seed)
        self._n_steps = 0

    def step(self) -> float:
        """Learn from one batch; returns its loss in nats."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate_at(self._n_steps, self._train)
        n_starts = len(self._data) - self._block_size
        starts = torch.randint(n_starts, (self._train.batch_size,), generator=self._generator)
        x = torch.stack([self._data[i : i + self._block_size] for i in starts])
        y = torch.stack([self._data[i + 1 : i + 1 + self._block_size] for i in starts])
        _, loss = self.model(x, y)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._train.grad_clip)
        self._optimizer.step()
        self._n_steps += 1
        return float(loss.detach())

    def write(self, n_tokens: int) -> None:
        """Write so many characters after a single one."""
        self.model.eval()
        self.model.generate(torch.zeros(1, 1, dtype=torch.int64), n_tokens, temperature=0.8)
        self.model.train()


def _import_nanogpt(folder: Path) -> Any:
    """The module `model.py` in a checkout of nanoGPT."""
    path = folder / "model.py"
    spec = importlib.util.spec_from_file_location("nanogpt_model", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise LabError(
            f"--nanogpt is the folder of a nanoGPT checkout, and there is no model.py in {folder}. "
            "Leave it out to race a plain-torch twin instead."
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    if not hasattr(module, "GPT") or not hasattr(module, "GPTConfig"):
        raise LabError(f"{path} has no GPT and GPTConfig; is it nanoGPT's model.py?")
    return module
