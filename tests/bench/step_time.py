"""How long a step of our transformer takes, against a plain-torch twin of the same arithmetic.

    python tests/bench/step_time.py [--blocks 40] [--steps 10] [--warm_up 3] [--threads N]

The twin is what one would write without thinking of speed: `nn.Linear`, `nn.LayerNorm`,
`F.scaled_dot_product_attention`, a tied head, torch's AdamW as it comes, and batches gathered one
window at a time, as nanoGPT does. Both start from the same weights and see the same windows, so
their losses must agree; they then take turns in small blocks of steps in this one process, so that
whatever else the machine does hits both alike. Shapes and schedule are those of `nanogpt-cpu`, the
text is the shipped one. Prints one line of JSON after a table.

Source of the twin: https://github.com/karpathy/nanoGPT (`model.py`, `train.py`).
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core  # noqa: F401  (before torch: it says how torch's threads are to wait)

# isort: split
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import ModelConfig, RunConfig
from core.corpus import Corpus
from core.home import PROJECT_DATA
from core.presets import resolve
from core.trainer import Trainer

N_CHECKED = 20
"""Steps over which the losses of the two are compared before anything is timed."""
TOLERANCE_NATS = 1e-4
"""Sums in another order differ in the last digits, and by less than this after those steps."""


# --- the twin -------------------------------------------------------------------------------------


class TwinBlock(nn.Module):
    """Attention and MLP, each read through a LayerNorm and added to the stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        C, bias = config.n_embd, config.bias
        self.n_head = config.n_head
        self.ln_1 = nn.LayerNorm(C, bias=bias)
        self.c_attn = nn.Linear(C, 3 * C, bias=bias)
        self.attn_proj = nn.Linear(C, C, bias=bias)
        self.ln_2 = nn.LayerNorm(C, bias=bias)
        self.c_fc = nn.Linear(C, 4 * C, bias=bias)
        self.gelu = nn.GELU()
        self.mlp_proj = nn.Linear(4 * C, C, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).split(C, dim=2)
        q, k, v = (y.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for y in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # B, H, T, D
        x = x + self.attn_proj(y.transpose(1, 2).contiguous().view(B, T, C))
        out: Tensor = x + self.mlp_proj(self.gelu(self.c_fc(self.ln_2(x))))
        return out


class Twin(nn.Module):
    """nanoGPT's model, in plain torch."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(TwinBlock(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, idx: Tensor, targets: Tensor) -> Tensor:
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


OUR_NAMES = {
    "wte": "token_embedding", "wpe": "position_embedding", "ln_1": "norm_1", "ln_2": "norm_2",
    "c_attn": "attention.query_key_value", "attn_proj": "attention.output", "c_fc": "mlp.widen",
    "mlp_proj": "mlp.output", "ln_f": "norm", "lm_head": "token_embedding",
}  # fmt: skip


def twin_of(trainer: Trainer) -> Twin:
    """A twin with the trainer's weights."""
    ours = trainer.model.state_dict()
    twin = Twin(trainer.config.model)
    weights = {}
    for name in twin.state_dict():
        parts = [OUR_NAMES.get(part, part) for part in name.split(".")]
        weights[name] = ours[".".join(parts)].clone()
    twin.load_state_dict(weights)
    return twin


class TwinTrainer:
    """nanoGPT's training loop, one step at a time."""

    def __init__(self, twin: Twin, config: RunConfig, corpus: Corpus) -> None:
        self.model, self.config, self.iter = twin, config, 0
        params = [p for p in twin.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in params if p.dim() >= 2]},
            {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0},
        ]
        train = config.train
        self.optimizer = torch.optim.AdamW(
            groups,
            lr=train.learning_rate,
            betas=(train.beta1, train.beta2),
            weight_decay=train.weight_decay,
        )
        self._data = corpus.train
        self._generator = torch.Generator().manual_seed(train.seed)

    def step(self) -> float:
        """Learn from one batch; returns its loss in nats."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        x, y = self._batch()
        loss = self.model(x, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.grad_clip)
        self.optimizer.step()
        self.iter += 1
        return float(loss.detach())

    def _batch(self) -> tuple[Tensor, Tensor]:
        T, B = self.config.model.block_size, self.config.train.batch_size
        starts = torch.randint(len(self._data) - T, (B,), generator=self._generator)
        x = torch.stack([self._data[i : i + T] for i in starts])
        y = torch.stack([self._data[i + 1 : i + 1 + T] for i in starts])
        return x, y

    def _rate(self) -> float:
        train = self.config.train
        if self.iter < train.warmup_iters:
            return train.learning_rate * (self.iter + 1) / (train.warmup_iters + 1)
        if self.iter > train.lr_decay_iters:
            return train.min_lr
        done = (self.iter - train.warmup_iters) / (train.lr_decay_iters - train.warmup_iters)
        share = 0.5 * (1.0 + math.cos(math.pi * done))
        return train.min_lr + share * (train.learning_rate - train.min_lr)


# --- measuring ------------------------------------------------------------------------------------


def main() -> int:
    """Compare, time, print; 1 when the two do not compute the same."""
    args = _arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    corpus = Corpus("shakespeare", (PROJECT_DATA / "shakespeare.txt").read_text("utf-8"))
    config = resolve("transformer", len(corpus.vocabulary), "nanogpt-cpu", {"device": "cpu"})
    ours = Trainer(config, corpus)
    twin = TwinTrainer(twin_of(ours), config, corpus)

    def our_step() -> float:
        return ours.step().loss_nats

    pairs = [(our_step(), twin.step()) for _ in range(N_CHECKED)]
    apart = max(abs(a - b) for a, b in pairs)
    print(f"largest difference of the losses in {N_CHECKED} steps: {apart:.2e} nats")
    if apart > TOLERANCE_NATS:
        print(f"the two do not compute the same: {pairs}", file=sys.stderr)
        return 1

    our_times: list[float] = []
    twin_times: list[float] = []
    for block in range(-args.warm_up, args.blocks):
        turns = [(our_step, our_times), (twin.step, twin_times)]
        for step, times in turns if block % 2 else reversed(turns):
            measured = [_timed_ms(step) for _ in range(args.steps)]
            if block >= 0:
                times += measured
    _report(config, our_times, twin_times, losses=(our_step(), twin.step()), n_steps=ours.iter)
    return 0


def _timed_ms(step: Callable[[], float]) -> float:
    started = time.perf_counter()
    step()
    return 1e3 * (time.perf_counter() - started)


def _report(
    config: RunConfig,
    our_times: list[float],
    twin_times: list[float],
    losses: tuple[float, float],
    n_steps: int,
) -> None:
    n_tokens = config.train.batch_size * config.model.block_size
    ours_ms, twin_ms = statistics.median(our_times), statistics.median(twin_times)
    for name, median_ms, loss in (("ours", ours_ms, losses[0]), ("twin", twin_ms, losses[1])):
        rate = 1e3 * n_tokens / median_ms
        print(
            f"{name}: {median_ms:7.2f} ms per step (median of {len(our_times)}), "
            f"{rate:8,.0f} tokens/s, loss {loss:.4f} nats at step {n_steps:,}"
        )
    ratio = ours_ms / twin_ms
    print(f"ours / twin: {ratio:.3f} of the time, on {torch.get_num_threads()} threads")
    fields = {
        "ours_ms": ours_ms,
        "twin_ms": twin_ms,
        "ratio": ratio,
        "ours_tokens_per_s": 1e3 * n_tokens / ours_ms,
        "twin_tokens_per_s": 1e3 * n_tokens / twin_ms,
        "ours_loss_nats": losses[0],
        "twin_loss_nats": losses[1],
        "n_threads": torch.get_num_threads(),
    }
    print(json.dumps(fields))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time a step against a plain-torch twin.")
    parser.add_argument("--blocks", type=int, default=40, help="timed blocks of each")
    parser.add_argument("--steps", type=int, default=10, help="steps in a block")
    parser.add_argument("--warm_up", type=int, default=3, help="blocks before the timed ones")
    parser.add_argument("--threads", type=int, default=0, help="torch's threads; 0: its own choice")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
