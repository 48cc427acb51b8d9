"""What is said of a run before it starts is what it then needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.errors import ConfigError
from core.models import LanguageModel, build_model
from core.runs.lab import Lab
from core.settings.config import RunConfig
from core.settings.presets import resolve
from core.text.corpus import Corpus
from core.training.preflight import (
    Calibration,
    activation_bytes,
    calibrate,
    check_fits,
    fit,
    flops_per_token,
    memory_mib,
    preflight,
)
from core.training.trainer import Trainer
from tests.helpers import CommandLine, small_config
from tests.recipes import RUNS, config_of

LARGE = dict(n_layer=48, n_embd=4096, n_head=64, block_size=4096, batch_size=4096)


def nanogpt(preset: str) -> RunConfig:
    return resolve("transformer", 65, preset, {"device": "cpu"})


# --- arithmetic -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_six_for_each_weight_in_a_product_and_attention_beside(name: str) -> None:
    config = config_of(name, 65).model
    model = build_model(config, 1)
    products = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))
    if config.model == "transformer" and config.block == "classic":
        products += config.vocab_size * config.n_embd  # the tied head
    attention = 12 * config.n_layer * config.n_embd * config.block_size
    assert flops_per_token(config) == 6 * products + attention


def test_nanogpts_own_count() -> None:
    # nanoGPT's estimate_mfu: 6 N + 12 L H Q T, with N all parameters but the positions.
    model = nanogpt("nanogpt-cpu").model
    n = 804_096 - 64 * 128 - 9 * 128  # nor the norms, which are no products
    assert flops_per_token(model) == 6 * n + 12 * 4 * 4 * 32 * 64


# --- memory ---------------------------------------------------------------------------------------


@contextmanager
def kept_bytes(model: LanguageModel) -> Iterator[list[int]]:
    """What autograd keeps for the way back, each storage once, the weights aside."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    total: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield total
    total.append(sum(t.untyped_storage().nbytes() for at, t in kept.items() if at not in own))


SHAPES: list[tuple[Any, str, dict[str, Any]]] = [
    ("bigram", "classic", {}),
    ("attention", "classic", {}),
    ("transformer", "classic", {}),
    ("transformer", "classic", dict(n_layer=2, n_embd=48, block_size=128, batch_size=3)),
    ("transformer", "fast", {}),
    ("transformer", "fast", dict(n_layer=1, n_embd=96, block_size=32)),
    ("transformer", "classic", dict(dropout=0.2)),
    ("transformer", "fast", dict(dropout=0.2)),
]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("kind", "recipe", "flags"), SHAPES, ids=str)
def test_what_a_step_keeps_is_near_to_the_formula(
    kind: Any, recipe: str, flags: dict[str, Any], dtype: str
) -> None:
    flags = flags | {"device": "cpu", "dtype": dtype}
    config = resolve(kind, 65, "nanogpt-cpu", flags, recipe)
    model = build_model(config.model, 1)
    idx = torch.zeros(config.train.batch_size, config.model.block_size, dtype=torch.int64)
    halved = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")
    with kept_bytes(model) as kept, halved:
        F.cross_entropy(model(idx).float().flatten(0, 1), idx.flatten())
    assert activation_bytes(config) == pytest.approx(kept[0], rel=0.15)


@pytest.mark.parametrize("name", RUNS)
def test_memory_covers_what_a_trainer_holds(name: str, tiny_corpus: Corpus) -> None:
    config = config_of(name, len(tiny_corpus.vocabulary))
    trainer = Trainer(config, tiny_corpus)
    trainer.take_step()
    state = sum(p.nbytes for p in trainer.model.parameters())
    for part in trainer.optimizer.parts.values():
        for memory in part.state.values():
            state += sum(t.nbytes for t in memory.values() if isinstance(t, torch.Tensor))
    gradients = [p.grad for p in trainer.model.parameters() if p.grad is not None]
    held = 3 * state + sum(g.nbytes for g in gradients if not g.is_sparse)  # with both copies
    without_batch = memory_mib(config) * 2**20 - activation_bytes(config)
    assert held <= 1.02 * without_batch < 2 * held + 200_000


def test_copies_count_where_they_lie_in_the_same_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    on_cpu = resolve("transformer", 65, "nanogpt-cpu", {"device": "cpu", "dtype": "float32"})
    on_gpu = RunConfig.from_flat(on_cpu.flat() | {"device": "cuda"})
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    state_mib = 3 * 4 * preflight(on_cpu).n_params / 2**20
    assert memory_mib(on_cpu) - memory_mib(on_gpu) == pytest.approx(2 * state_mib)


def test_a_run_that_cannot_fit_is_refused_and_the_largest_knob_is_named() -> None:
    wide = resolve("transformer", 65, None, LARGE | {"batch_size": 1, "block_size": 8})
    with pytest.raises(ConfigError, match=r"needs about [\d,]+ MiB .* n_embd or n_layer saves"):
        check_fits(wide)
    long = resolve("transformer", 65, None, dict(batch_size=4096, block_size=4096, n_embd=512))
    with pytest.raises(ConfigError, match="batch_size or block_size saves"):
        check_fits(long)
    check_fits(nanogpt("nanogpt-cpu"))


def test_what_is_refused_leaves_no_run(lab: Lab, corpus: Corpus) -> None:
    flags = dict(n_layer=48, n_embd=4096, n_head=64, block_size=8, device="cpu")
    config = resolve("transformer", len(corpus.vocabulary), None, flags)
    with pytest.raises(ConfigError, match="MiB are free on cpu"):
        lab.create_run(config, corpus)
    assert lab.runs() == []


# --- time -----------------------------------------------------------------------------------------


ROWS = [
    (1e6, 0.0, 1e4, 1.0), (1e7, 0.0, 2e4, 2.0), (0.0, 3e7, 5e5, 4.0), (0.0, 0.0, 1e4, 1.0),
    (0.0, 1e8, 3e5, 2.0),
]  # fmt: skip


def rates_of(machine: Calibration) -> tuple[float, ...]:
    return (
        machine.s_per_flop, machine.s_per_bfloat16_flop, machine.s_per_number, machine.s_per_layer
    )  # fmt: skip


def test_rates_are_found_again() -> None:
    rates = (2e-11, 7e-12, 3e-9, 4e-4)
    times = [sum(a * b for a, b in zip(row, rates)) for row in ROWS]
    assert rates_of(fit(ROWS, times)) == pytest.approx(rates)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_format_that_was_never_timed_is_taken_to_be_as_fast_as_the_other(missing: int) -> None:
    rates = (2e-11, 2e-11, 3e-9, 4e-4)
    moved = [(a + b, 0.0, *rest) if missing else (0.0, a + b, *rest) for a, b, *rest in ROWS]
    times = [sum(a * b for a, b in zip(row, rates)) for row in moved]
    assert rates_of(fit(moved, times)) == pytest.approx(rates)


def test_no_rate_is_below_zero() -> None:
    rows = [(1e6, 0.0, 1e4, 1.0), (1e7, 0.0, 1e4, 1.0), (1e7, 0.0, 1e5, 2.0)]
    rates = rates_of(fit(rows, [2e-3, 1e-3, 1e-3]))
    assert min(rates) >= 0 < max(rates) and all(map(math.isfinite, rates))


def test_more_of_anything_takes_longer() -> None:
    machine = Calibration(
        s_per_flop=1e-11, s_per_bfloat16_flop=1e-11, s_per_number=1e-9, s_per_layer=1e-3
    )
    base = nanogpt("nanogpt-cpu")
    for name, more in dict(n_layer=5, n_embd=256, block_size=128, batch_size=24).items():
        larger = RunConfig.from_flat(base.flat() | {name: more})
        assert machine.step_s(larger) > machine.step_s(base)
    twice = RunConfig.from_flat(base.flat() | {"max_iters": 4000})
    assert machine.train_s(twice) == 2 * machine.train_s(base)


def test_a_calibration_is_made_once_and_touches_no_randomness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = torch.get_rng_state()
    machine = calibrate("cpu")
    assert torch.equal(torch.get_rng_state(), before)
    assert calibrate("cpu") is machine
    assert machine.step_s(small_config("transformer", 65)) > 0


# --- said -----------------------------------------------------------------------------------------


def test_a_dry_run_says_what_it_would_cost_and_starts_nothing(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--model", "transformer", "--corpus", "tiny", "--device", "cpu"]
    cli = CommandLine(capsys)
    fields = cli.ok(*command, "--dry_run")
    assert fields.keys() == {
        "n_params", "flops_per_token", "memory_mib", "device", "dtype", "disk_mib",
        "estimated_train_s", "estimated_wall_s",
    }  # fmt: skip
    config = resolve("transformer", len(corpus.vocabulary), None, {"device": "cpu"})
    costs = preflight(config)
    assert (fields["n_params"], fields["memory_mib"]) == (costs.n_params, costs.memory_mib)
    assert (fields["device"], fields["dtype"]) == ("cpu", costs.dtype)
    assert fields["estimated_wall_s"] > fields["estimated_train_s"] > 0 and lab.runs() == []


def test_a_dry_run_times_the_device_that_was_asked_for(
    corpus: Corpus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[str] = []

    def timing(device: str = "auto") -> Calibration:
        timed.append(device)
        return Calibration(s_per_flop=1, s_per_bfloat16_flop=1, s_per_number=1, s_per_layer=1)

    monkeypatch.setattr("core.runs.timing.calibrate", timing)
    cli = CommandLine(capsys)
    cli.ok("train", "--model", "bigram", "--corpus", "tiny", "--device", "cpu", "--dry_run")
    assert timed == ["cpu"]
