"""What a run will cost, said before it starts: parameters, arithmetic, memory and time.

Parameters and arithmetic are exact counts, memory is what the formulas below add up to, and time
comes from a short calibration: a few real steps of small models, timed once per process.

Knows configs, and trainers to time; no runs, no disk, no screen.

Sources: arithmetic per token, Chowdhery et al. 2022 (PaLM), https://arxiv.org/abs/2204.02311,
appendix B, as in nanoGPT's `estimate_mfu`; activations kept for the backward pass, counted as in
Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, section 4, for our own blocks.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import psutil
import torch

from core.errors import ConfigError
from core.models import count_params
from core.models.kernels import is_written_out
from core.models.ngrams import table_sizes
from core.settings.config import (
    MAX_VOCABULARY,
    MODEL_KINDS,
    SAMPLE_LENGTH,
    ModelConfig,
    RunConfig,
)
from core.settings.presets import resolve
from core.text.corpus import Corpus
from core.training.devices import dtype_of, pick_device
from core.training.parts import flops_by_part, step_flops_by_part
from core.training.threads import n_threads
from core.training.trainer import Trainer

_FLOAT_BYTES = 4
_KEPT_WIDTHS = {"classic": 16, "modern": 20, "ladder": 16}
"""Activations of width n_embd that a block keeps for the backward pass, for each character. The
ladder's keeps as many at most."""
_KEPT_WIDTHS_ATTENTION = 6
_HALF_KEEPS = 0.66
"""What is kept in bfloat16 takes this share of the bytes; norms keep float32."""
_COPIES = 2
"""Of the state, in the host's memory: the best so far, and the one that is being written."""
_READING_SHARE = 0.25
"""A forward pass without a backward pass takes this share of a step."""
_BUSY_SHARE = 0.9
"""A run may take this share of the memory that is free."""


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What a run will cost."""

    n_params: int
    flops_per_token: int
    """Additions and multiplications of a training step for one character, forward and backward."""
    memory_mib: float
    device: str
    dtype: str


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How fast this machine is, in the things that a step consists of."""

    s_per_flop: float
    """Matrix products in float32."""
    s_per_bfloat16_flop: float
    """Matrix products in bfloat16."""
    s_per_number: float
    """Everything that goes over numbers one by one."""
    s_per_layer: float
    """Starting operations, however small they are."""

    def step_s(self, config: RunConfig) -> float:
        """Estimated time of one training step."""
        rates = (self.s_per_flop, self.s_per_bfloat16_flop, self.s_per_number, self.s_per_layer)
        return sum(part * rate for part, rate in zip(_work(config), rates, strict=True))

    def train_s(self, config: RunConfig) -> float:
        """Estimated time of all steps, without evaluation."""
        return config.train.max_iters * self.step_s(config)

    def wall_s(self, config: RunConfig, n_val_tokens: int = 0) -> float:
        """Estimated time from the first step to the end of a run, with all that is measured.

        Reading without learning takes `_READING_SHARE` of a step; a character that is written, the
        same of a step on one character.

        Args:
            n_val_tokens: the characters of the validation split, which is measured at the end.
        """
        train = config.train
        one = RunConfig.from_flat(config.flat() | {"batch_size": 1, "block_size": 1})
        n_batches = 2 * train.n_estimates * train.eval_iters + n_val_tokens / _n_tokens(config)
        n_characters = train.n_samples * SAMPLE_LENGTH
        reading_s = n_batches * self.step_s(config) + n_characters * self.step_s(one)
        return self.train_s(config) + _READING_SHARE * reading_s


def preflight(config: RunConfig) -> Preflight:
    """What a run will cost, without its time. Raises ConfigError for a device that is not there."""
    device = pick_device(config.train.device)
    return Preflight(
        n_params=count_params(config.model),
        flops_per_token=flops_per_token(config.model),
        memory_mib=memory_mib(config),
        device=device.type,
        dtype=str(dtype_of(config)).removeprefix("torch."),
    )


def check_fits(config: RunConfig) -> None:
    """Raise ConfigError when a run needs more memory than is free."""
    device = pick_device(config.train.device)
    needed = memory_mib(config)
    free = _free_mib(device)
    if needed > _BUSY_SHARE * free:
        held_mib = _held_bytes(config) / 2**20
        knob = "n_embd or n_layer" if held_mib > needed / 2 else "batch_size or block_size"
        raise ConfigError(
            f"This run needs about {needed:,.0f} MiB of memory, and {free:,.0f} MiB are free on "
            f"{device.type}. A smaller {knob} saves most."
        )


def largest_vocabulary() -> int:
    """How many distinct characters all three models of their own sizes have the memory for."""
    free_mib = _BUSY_SHARE * _free_mib(pick_device("auto"))

    def takes_too_much(vocab_size: int) -> bool:  # which grows with it
        return any(memory_mib(resolve(kind, vocab_size)) > free_mib for kind in MODEL_KINDS)

    first_too_large = bisect_left(range(MAX_VOCABULARY), True, lo=3, key=takes_too_much)
    return first_too_large - 1


def flops_per_token(config: ModelConfig) -> int:
    """6 for every weight in a matrix product, 12 L C T for attention; look-ups cost none."""
    return sum(flops_by_part(config).values())


def memory_mib(config: RunConfig) -> float:
    """Weights, gradients, optimiser state, and the activations kept for the backward pass.

    Where they lie in the same memory, the copy of the best state and a checkpoint that is being
    written count too.
    """
    return (_held_bytes(config) + activation_bytes(config)) / 2**20


def activation_bytes(config: RunConfig) -> int:
    """Activations that a step keeps from its forward pass for its backward pass, in bytes."""
    model = config.model
    C, L, V = model.n_embd, model.n_layer, model.vocab_size
    if model.model == "bigram":
        return _FLOAT_BYTES * _n_tokens(config) * V
    dtype = dtype_of(config)
    in_half = dtype == torch.bfloat16
    if model.model == "attention":
        numbers = _KEPT_WIDTHS_ATTENTION * C + V
    else:
        numbers = L * (_KEPT_WIDTHS[model.block] * C + model.n_head) + 2 * C + V
    kept = _FLOAT_BYTES * numbers * (_HALF_KEEPS if in_half else 1.0)
    if is_written_out(pick_device(config.train.device), dtype, model.dropout):
        # Attention's weights, and what dropout leaves of them, and the masks.
        weights = model.block_size * model.n_head * (3 if model.dropout else 1)
        masks = 2 * C if model.dropout else 0
        kept += _FLOAT_BYTES * L * (weights + masks) * (0.5 if in_half else 1.0)
    return int(_n_tokens(config) * kept)


def _held_bytes(config: RunConfig) -> int:
    """Everything that stays from step to step, with its copies, and the gradients."""
    model = config.model
    tables = sum(table_sizes(model)) * model.vocab_size
    n_rows = sum(table_sizes(model))
    dense = count_params(model) - tables
    in_blocks = 12 * model.n_layer * model.n_embd**2 if config.train.optimizer == "muon" else 0
    state = 3 * dense - in_blocks + tables + n_rows  # weight, two moments; Muon keeps one
    touched = len(table_sizes(model)) * _n_tokens(config) * model.vocab_size
    n_copies = 0 if pick_device(config.train.device).type == "cuda" else _COPIES
    return _FLOAT_BYTES * ((1 + n_copies) * state + dense + 2 * touched)


def _n_tokens(config: RunConfig) -> int:
    return config.train.batch_size * config.model.block_size


def _free_mib(device: torch.device) -> float:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return (free + kept) / 2**20  # what torch holds back for itself is free to a run
    return float(psutil.virtual_memory().available / 2**20)


# --- time -----------------------------------------------------------------------------------------

_ODD = dict(block_size=32, n_layer=2, n_head=2, n_embd=32, batch_size=4)
_WIDE = dict(block_size=64, n_layer=1, n_head=4, n_embd=256, batch_size=8)
_DEEP = dict(block_size=64, n_layer=4, n_head=4, n_embd=96, batch_size=12)
_CALIBRATED = (
    ("bigram", "classic", dict(block_size=32, batch_size=16)),
    ("transformer", "classic", _ODD),
    ("transformer", "classic", _WIDE),
    ("transformer", "classic", _DEEP),
    ("transformer", "fast", _ODD),
    ("transformer", "fast", _DEEP),
)
_N_TIMED = 3


def calibrate(device: str = "auto") -> Calibration:
    """Time a few real steps of small models, a second or so in all, on made-up text.

    Once in a process for each device and number of threads. `core.runs.timing` remembers it longer.
    """
    return _calibrate(device, n_threads())


@functools.cache
def _calibrate(device: str, n_threads: int) -> Calibration:
    text = "".join(chr(32 + (7 * i * i + i // 5) % 65) for i in range(4_000))
    corpus = Corpus("calibration", text)
    rows: list[Work] = []
    times: list[float] = []
    for kind, recipe, flags in _CALIBRATED:
        settings = flags | {"device": device}
        config = resolve(kind, len(corpus.vocabulary), None, settings, recipe)  # type: ignore[arg-type]
        trainer = Trainer(config, corpus)
        before = [trainer.take_step().elapsed_s for _ in range(2)][-1]
        taken = [before, *(trainer.take_step().elapsed_s for _ in range(_N_TIMED))]
        rows.append(_work(config))
        times.append(min(np.diff(taken).tolist()))  # whatever else the machine did in between
    return fit(rows, times)


def fit(rows: list[Work], times: list[float]) -> Calibration:
    """The rates, none below zero, that come nearest to the times, by their ratio.

    Least squares over (predicted / measured - 1); a rate that would come out negative is 0.

    Args:
        rows: the work of one step in each of n settings, as `_work` counts it.
        times: the measured seconds of such a step, n of them, all above 0.
    """
    work, measured = np.array(rows), np.array(times)
    relative = work / measured[:, None]  # so that each time counts alike
    scale = relative.max(axis=0)
    used = np.flatnonzero(scale).tolist()
    while True:  # leave out what would come out negative, the worst first
        found, *_ = np.linalg.lstsq(relative[:, used] / scale[used], np.ones(len(times)))
        if found.min() >= 0:
            break
        used.pop(int(found.argmin()))
    rates = np.zeros(len(scale))
    rates[used] = found / scale[used]
    flop, half_flop, number, layer = rates.tolist()
    if not scale[0] or not scale[1]:  # only one of the formats is ever chosen here
        flop = half_flop = max(flop, half_flop)
    return Calibration(
        s_per_flop=flop, s_per_bfloat16_flop=half_flop, s_per_number=number, s_per_layer=layer
    )


Work = tuple[float, float, float, float]
"""What a step consists of: products in float32 and in bfloat16, numbers gone over one by one, and
layers to start."""


def _work(config: RunConfig) -> Work:
    model, n_tokens = config.model, _n_tokens(config)
    L, V = model.n_layer, model.vocab_size
    flops = float(sum(step_flops_by_part(config).values()))
    newer = 2.0 if model.block == "modern" else 1.0
    kept = activation_bytes(config) / _FLOAT_BYTES
    looked_up = 4 * len(table_sizes(model)) * n_tokens * V
    dense = count_params(model) - sum(table_sizes(model)) * V
    numbers = newer * kept + looked_up + dense
    layers = newer * L + len(table_sizes(model)) + 1.0
    if dtype_of(config) == torch.bfloat16:
        return 0.0, flops, numbers, layers
    return flops, 0.0, numbers, layers
