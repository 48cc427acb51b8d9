"""A CUDA device for tests where there is none: it computes on the CPU, and keeps a GPU's rules.

A `PretendTensor` says that it is on `cuda:0` and holds its numbers in a tensor on the CPU. It is
strict where a program goes wrong on a GPU: it works with tensors of its own kind only, but for the
few others that CUDA takes; it draws random numbers from a generator of its own; and what is saved
of it says so in the file, which therefore opens elsewhere only if it is told where to.

It does not show what only the hardware does: speed, memory, rounding, several devices. Autocast
can be entered and changes nothing.

How: a tensor subclass with `__torch_dispatch__`, as `FakeTensor` in torch is one. To torch's C++
side it is on the device `meta`, since without CUDA autograd has nothing to ask about `cuda`; so
what a kernel makes beside its inputs is asked for on `meta`, and belongs here too.
Source: https://pytorch.org/docs/stable/notes/extending.html#extending-torch-native-api.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

CUDA = torch.device("cuda", 0)
CPU = torch.device("cpu")

_ops = torch.ops.aten
_MOVES = {_ops._to_copy, _ops.to, _ops.copy_}
_INDEXES = {_ops.index, _ops.index_put, _ops.index_put_, _ops._index_put_impl_}


class PretendTensor(Tensor):
    """A tensor on the pretend device; `numbers` is a plain one that has them."""

    numbers: Tensor

    @staticmethod
    def __new__(cls, numbers: Tensor) -> PretendTensor:
        with torch.inference_mode(False):  # a view of what is no inference tensor must be none
            if numbers.layout == torch.strided:
                shape, strides = numbers.shape, numbers.stride()
                shell = torch.empty_strided(shape, strides, dtype=numbers.dtype, device="meta")
            else:
                shell = torch.empty_like(numbers, device="meta")
            made: PretendTensor = Tensor._make_subclass(
                cls, shell, False, device_for_backend_keys=CUDA
            )
        made.numbers = numbers
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(op, args, kwargs or {})

    device = property(lambda self: CUDA)
    is_cuda = property(lambda self: True)
    is_meta = property(lambda self: False)

    def tolist(self) -> Any:
        return self.numbers.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.numbers.untyped_storage().on_cuda = True  # type: ignore[attr-defined]
        return self.numbers.__reduce_ex__(protocol)


class PretendGenerator:
    """Random numbers of the device. Its state is a seed and a place, 16 bytes, as a GPU's is."""

    def __init__(self) -> None:
        self.set_state(torch.zeros(16, dtype=torch.uint8))

    def manual_seed(self, seed: int) -> PretendGenerator:
        self.set_state(torch.tensor([seed, 0]).view(torch.uint8))
        return self

    def get_state(self) -> Tensor:
        return self._state.clone()

    def set_state(self, state: Tensor) -> None:
        if type(state) is not Tensor or (state.dtype, state.shape) != (torch.uint8, (16,)):
            raise TypeError(f"the state of a CUDA generator is 16 bytes on the CPU, not {state}")
        self._state = state.clone()

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Inside, torch's generator on the CPU gives this one's next numbers."""
        seed, place = self._state.view(torch.int64).tolist()
        others = torch.get_rng_state()
        torch.default_generator.manual_seed(1_000_003 * seed + place)
        try:
            yield
        finally:
            torch.set_rng_state(others)
        self.set_state(torch.tensor([seed, place + 1]).view(torch.uint8))


class _Device(TorchDispatchMode):
    """Sees all calls, and so those that make the first tensor on the device."""

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(op, args, kwargs or {})


_generators: dict[int, PretendGenerator] = {}
"""One for each device, by its number."""


def _call(op: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do on the CPU what the device is asked for, or say that a GPU would not."""
    tensors: list[Tensor] = []

    def plain(x: Any) -> Any:
        if isinstance(x, Tensor):
            tensors.append(x)
        return x.numbers if isinstance(x, PretendTensor) else x

    plain_args, plain_kwargs = _each(plain, args), _each(plain, kwargs)
    ours = {id(x.numbers): x for x in tensors if isinstance(x, PretendTensor)}
    asked = kwargs.get("device")
    for_us = asked is not None and (asked.type == "cuda" or (asked.type == "meta" and _in_kernel()))
    if not ours and not for_us:
        return op(*args, **kwargs)
    kind = op.overloadpacket
    if kind not in _MOVES:
        _check_places(op, args, tensors)
    if asked is not None:
        plain_kwargs |= {"device": CPU} | ({"copy": True} if kind is _ops.to else {})
    with _randomness(op, kwargs):
        made = op(*plain_args, **plain_kwargs)
    if kind is _ops.copy_:
        return args[0]
    if asked is not None and not for_us:
        return made  # a copy on the CPU

    def pretend(x: Any) -> Any:
        if isinstance(x, Tensor):
            return ours[id(x)] if id(x) in ours else PretendTensor(x)
        return x

    return _each(pretend, made)


def _each(change: Callable[[Any], Any], x: Any) -> Any:
    """The same lists, tuples and dicts, with what is in them changed."""
    if isinstance(x, (list, tuple)):
        return type(x)([_each(change, y) for y in x])
    if isinstance(x, dict):
        return {name: _each(change, y) for name, y in x.items()}
    return change(x)


def _in_kernel() -> bool:
    """Whether `meta` is asked for by a kernel, and not by a program that wants that device."""
    wanted = torch.utils._device.CURRENT_DEVICE
    return wanted is None or wanted.type != "meta"


def _check_places(op: Any, args: Any, tensors: list[Tensor]) -> None:
    """Raise RuntimeError for tensors elsewhere that CUDA would not take.

    It takes single numbers to compute with, though not to write to, and what a tensor of its own is
    indexed by.
    """
    elsewhere = [x for x in tensors if not isinstance(x, PretendTensor)]
    if torch.Tag.pointwise in op.tags or op.overloadpacket in _INDEXES:
        written_to = args[0] if op._schema.is_mutable else None
        elsewhere = [x for x in elsewhere if x.dim() or x is written_to]
    if op.overloadpacket in _INDEXES and isinstance(args[0], PretendTensor):
        elsewhere = [x for x in elsewhere if all(x is not index for index in args[1])]
    if elsewhere:
        raise RuntimeError(f"Expected all tensors to be on the same device: {op} of cuda:0 and cpu")


@contextmanager
def _randomness(op: Any, kwargs: dict[str, Any]) -> Iterator[None]:
    if torch.Tag.nondeterministic_seeded not in op.tags:
        yield
        return
    if kwargs.get("generator") is not None:
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
    with _generators[0].drawing():
        yield


@contextmanager
def pretend_cuda(n_devices: int = 1) -> Iterator[None]:
    """Inside, this machine has a GPU. More than one have random numbers, and nothing else."""
    _generators.clear()
    _generators.update({n: PretendGenerator() for n in range(n_devices)})
    generator, location_tag, move = torch.Generator, torch.serialization.location_tag, Tensor.to

    def names_cuda(x: Any) -> bool:
        return isinstance(x, (str, torch.device)) and torch.device(x).type == "cuda"

    class Generator:
        """A class, since annotations in torch name it."""

        def __new__(cls, device: Any = "cpu") -> Any:
            return PretendGenerator() if names_cuda(device) else generator(device)

    def to(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Without a driver torch cannot tell which GPU is the current one."""
        which = [CUDA if names_cuda(x) else x for x in args]
        return move(tensor, *which, **kwargs)

    def generator_of(device: Any) -> PretendGenerator:
        return _generators[device if isinstance(device, int) else torch.device(device).index or 0]

    def tag(storage: Any) -> str:
        return "cuda:0" if getattr(storage, "on_cuda", False) else location_tag(storage)

    with pytest.MonkeyPatch.context() as patch, _Device():
        for name, value in {
            "is_available": lambda: True,
            "is_bf16_supported": lambda *args, **kwargs: True,
            "device_count": lambda: n_devices,
            "mem_get_info": lambda device=None: (2**34, 2**34),
            "get_rng_state": lambda device="cuda": generator_of(device).get_state(),
            "set_rng_state": lambda state, device="cuda": generator_of(device).set_state(state),
            "is_current_stream_capturing": lambda: False,
            "_lazy_init": lambda: None,
        }.items():
            patch.setattr(torch.cuda, name, value)
        patch.setattr(Tensor, "to", to)
        patch.setattr(torch, "Generator", Generator)
        patch.setattr(torch.serialization, "location_tag", tag)
        # A parameter that moves is made anew: its data can be replaced by its own kind only.
        patch.setattr(torch.__future__, "_overwrite_module_params_on_conversion", True)
        yield
