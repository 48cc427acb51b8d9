"""Files of other programs, before they are taken in: whole, of a fair size, and with real weights.

A file is measured before it is read, and its checksum is compared where it carries one: torch's
are zips, which do. What is no plain table of finite numbers is refused by the name of the weight.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import ExchangeError

MAX_MODEL_BYTES = 2 * 2**30
"""Of a file that holds one model."""


def check_file(path: Path) -> None:
    """Raise ExchangeError unless a file is there, is a plain one, and is not too large to read."""
    try:
        if path.is_dir():
            raise ExchangeError(f"{path} is a folder; expected a file.")
        if not path.exists():
            raise ExchangeError(f"There is no file {path}.")
        if not path.is_file():
            raise ExchangeError(f"{path} is no plain file but a device, a pipe or the like.")
        size = path.stat().st_size
    except OSError as error:  # links in a circle, a folder that may not be entered
        raise ExchangeError(f"{path} cannot be read ({error.strerror or error}).") from error
    if size > MAX_MODEL_BYTES:
        raise ExchangeError(
            f"{path.name} has {size / 2**30:.1f} GiB, and a model's file may have "
            f"{MAX_MODEL_BYTES / 2**30:.0f}."
        )
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ExchangeError(f"{path} cannot be read ({error.strerror or error}).") from error


def check_weights(what: str, weights: Mapping[str, Any]) -> None:
    """Raise ExchangeError, naming the weight, unless each is a plain table of finite numbers."""
    for name, weight in weights.items():
        if trouble := _trouble_with(weight):
            raise ExchangeError(
                f"The weight {name} in {what} {trouble}; the lab takes plain tables of finite "
                "numbers. Save the model again from where it was trained."
            )


def _trouble_with(weight: Any) -> str:
    """What is wrong with a weight; empty where nothing is."""
    if not isinstance(weight, Tensor):
        return "is no tensor"
    if weight.is_meta:
        return "is a meta tensor, which has a shape and no numbers"
    if weight.is_quantized:
        return "is quantized"
    if weight.layout != torch.strided:
        return "is sparse"
    if weight.is_complex():
        return "has complex numbers"
    if not weight.is_floating_point():
        return f"has numbers of type {str(weight.dtype).removeprefix('torch.')}, no fractions"
    numbers = weight.float()
    if numbers.isnan().any():
        return "has numbers that are none (NaN)"
    if not numbers.isfinite().all():
        return "has infinite numbers"
    return ""


def checksum_of(weights: Mapping[str, Tensor]) -> str:
    """The sha256 of weights by their names: of the very bits, in order."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        weight = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.view(torch.uint8).numpy().tobytes() if weight.numel() else b"")
    return digest.hexdigest()
