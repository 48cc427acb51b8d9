"""Devices, number formats and threads: what is there is taken, and what is not is said."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.errors import ConfigError
from core.runs.lab import Lab
from core.settings.config import RunConfig
from core.settings.presets import resolve
from core.text.corpus import Corpus
from core.training.devices import pick_dtype
from core.training.trainer import Trainer
from tests.helpers import SMALL, assert_equal_states, small_config, train
from tests.recipes import RUNS, config_of

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_auto_is_bfloat16_only_where_it_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick_dtype("auto", MPS, 512) == torch.float32
    for supported, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=supported, **_: has)
        assert pick_dtype("auto", CUDA, 32) == expected
    assert pick_dtype("float32", CUDA, 512) == torch.float32
    assert pick_dtype("bfloat16", CPU, 32) == torch.bfloat16
    with pytest.raises(ConfigError, match="float32 only"):
        pick_dtype("bfloat16", MPS, 32)


@pytest.mark.parametrize(
    ("capabilities", "wide", "narrow"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16, torch.float32),
        ({"amx_bf16": True}, torch.bfloat16, torch.float32),
        ({"avx2": True, "avx512_bf16": False}, torch.float32, torch.float32),
        ({"bf16": True, "neon": True}, torch.float32, torch.float32),
    ],
    ids=["avx512", "amx", "avx2", "arm"],
)
def test_a_cpu_takes_bfloat16_for_wide_models_if_it_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], wide: torch.dtype,
    narrow: torch.dtype,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert (pick_dtype("auto", CPU, 128), pick_dtype("auto", CPU, 127)) == (wide, narrow)
    assert pick_dtype("float32", CPU, 128) == torch.float32


def test_bfloat16_trains_nearly_the_same_and_resumes_exactly(tiny_corpus: Corpus) -> None:
    configs = [
        small_config("transformer", len(tiny_corpus.vocabulary), dtype=d)
        for d in ("float32", "bfloat16")
    ]
    whole, halved = (Trainer(config, tiny_corpus) for config in configs)
    losses = [[t.take_step().loss_nats for _ in range(20)] for t in (whole, halved)]
    assert losses[0] != losses[1] == pytest.approx(losses[0], abs=0.05)
    assert {p.dtype for p in halved.model.parameters()} == {torch.float32}
    again = Trainer(configs[1], tiny_corpus)
    again.load_state_dict(halved.state_dict())
    for _ in range(5):
        assert again.take_step().loss_nats == halved.take_step().loss_nats
    assert_equal_states(again.model.state_dict(), halved.model.state_dict())
    assert again.estimate() == halved.estimate()


def test_a_run_from_before_there_was_a_dtype_still_opens() -> None:
    config = small_config("bigram", 7)
    old = config.flat()
    del old["dtype"]
    assert RunConfig.from_flat(old) == config


# --- on a GPU: what the pretend one cannot show (test_pretend_cuda.py) ----------------------------


@needs_cuda
@pytest.mark.parametrize("name", RUNS)
def test_a_gpu_learns_what_a_cpu_learns_and_a_state_moves_on(
    name: str, tiny_corpus: Corpus
) -> None:
    changes: dict[str, Any] = dict(dtype="float32") | ({} if name == "bigram" else {"dropout": 0.0})
    cpu, gpu, moved = (
        Trainer(config_of(name, len(tiny_corpus.vocabulary), device=d, **changes), tiny_corpus)
        for d in ("cpu", "cuda", "cpu")
    )
    for _ in range(10):
        assert gpu.take_step().loss_nats == pytest.approx(cpu.take_step().loss_nats, abs=1e-3)
    moved.load_state_dict(gpu.state_dict())
    assert moved.evaluate() == pytest.approx(gpu.evaluate(), abs=1e-5)
    assert moved.take_step().loss_nats == pytest.approx(gpu.take_step().loss_nats, abs=1e-3)
    windows = tiny_corpus.val[:16].view(2, 8)
    traces = [trainer.model.eval().trace(windows.to(trainer.device)) for trainer in (moved, gpu)]
    torch.testing.assert_close(traces[1].logits.cpu(), traces[0].logits, rtol=1e-3, atol=1e-3)


@needs_cuda
@pytest.mark.parametrize("recipe", ["classic", "fast"])
def test_a_gpu_trains_with_dropout_and_resumes(lab: Lab, corpus: Corpus, recipe: str) -> None:
    losses = {}
    for dtype in ("float32", "bfloat16"):
        flags = SMALL | dict(device="cuda", dropout=0.2, dtype=dtype)
        config = resolve("transformer", len(corpus.vocabulary), None, flags, recipe)
        run_id = lab.create_run(config, corpus)
        train(lab, run_id, until=20)
        record = lab.run(train(lab, run_id))
        assert record.val_loss_nats is not None and record.status == "finished"
        losses[dtype] = record.val_loss_nats
    assert losses["bfloat16"] == pytest.approx(losses["float32"], abs=0.05)


@needs_cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_on_a_gpu_are_in_the_format_that_was_chosen(
    tiny_corpus: Corpus, dtype: torch.dtype
) -> None:
    name = str(dtype).removeprefix("torch.")
    config = config_of("classic", len(tiny_corpus.vocabulary), device="cuda", dtype=name)
    trainer, seen = Trainer(config, tiny_corpus), set()
    for module in trainer.model.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda module, inputs, made: seen.add(made.dtype))
    trainer.take_step()
    assert seen == {dtype}
    trainer.estimate()
    assert seen == {dtype, torch.float32}
