"""torch's optimisers, without loading torch's compiler.

torch wraps some methods of its optimisers, so that `torch.compile` knows what to do with them. At
its first call such a wrapper loads the whole compiler and a library for symbolic mathematics, which
takes seconds; nothing is compiled here. What is wrapped is used as it is.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.optim import Optimizer


class Uncompiled(Optimizer):
    """An optimiser whose parameters and state are reached without the compiler."""

    add_param_group: Any = inspect.unwrap(Optimizer.add_param_group)
    state_dict: Any = inspect.unwrap(Optimizer.state_dict)
    load_state_dict: Any = inspect.unwrap(Optimizer.load_state_dict)


class AdamW(Uncompiled, torch.optim.AdamW):
    """AdamW as torch has it."""

    step: Any = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))
