"""What the lab computes on: the device and the dtype.

Knows settings, and nothing of models or runs.
"""

from __future__ import annotations

import torch

from core.errors import ConfigError
from core.settings.config import RunConfig

HALF_PAYS_FROM = 128
"""n_embd from which products in bfloat16 save more on a CPU than it costs to convert the numbers:
at 32 a step takes 1.1 times as long, at 128 half, at 256 a third as long (AVX-512, two cores)."""


def pick_device(wanted: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one, else the CPU.

    Raises ConfigError when this machine or this build of torch does not have it.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("There is no CUDA device for torch here. Use device auto or cpu.")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("There is no MPS device for torch here. Use device auto or cpu.")
    return torch.device(wanted)


def pick_dtype(wanted: str, device: torch.device, n_embd: int) -> torch.dtype:
    """The dtype of matrix products on a device; bfloat16 here means mixed precision.

    Weights, gradients, optimiser state and losses stay in float32 whatever it is. `auto` is
    bfloat16 where it helps: on a CUDA device that computes in it, and on a CPU that does if the
    model is at least `HALF_PAYS_FROM` wide. Elsewhere it is float32. Raises ConfigError for
    bfloat16 on MPS.
    """
    if wanted == "auto":
        return torch.bfloat16 if _bfloat16_helps(device, n_embd) else torch.float32
    if wanted == "bfloat16" and device.type == "mps":
        raise ConfigError("On mps the lab computes in float32 only. Use dtype auto or float32.")
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


def _bfloat16_helps(device: torch.device, n_embd: int) -> bool:
    if device.type == "cpu":
        return n_embd >= HALF_PAYS_FROM and _cpu_has_bfloat16()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def _cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 numbers by instructions of its own.

    Without them it is several times as slow as float32. ARM CPUs that have them are left out:
    nobody has timed the lab on one.
    """
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def dtype_of(config: RunConfig) -> torch.dtype:
    """The dtype of a run's matrix products here. Raises ConfigError where its device is missing."""
    device = pick_device(config.train.device)
    return pick_dtype(config.train.dtype, device, config.model.n_embd)
