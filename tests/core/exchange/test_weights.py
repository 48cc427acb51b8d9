"""Models from elsewhere: a file that was damaged becomes no run, and odd weights are named."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.errors import ExchangeError, LabError
from core.exchange.export_import import export_run, import_run
from core.exchange.formats.weights import check_weights
from core.runs.lab import Lab
from core.text.corpus import Corpus
from tests.helpers import add_corpus, files_under, filled, play, trained
from tests.soak import n_rounds


def exported(lab: Lab, form: str) -> Path:
    """A small transformer, exported; returns its file."""
    corpus = add_corpus(lab, "tiny", play(4_000))
    run_id = trained(lab, corpus, "transformer", name="owl")
    out = lab.home.path / "out"
    files = export_run(lab, lab.run(run_id), form, out)  # type: ignore[arg-type]
    return next(f for f in files if f.name in ("ckpt.pt", "model.safetensors")).relative_to(
        lab.home.path
    )


@pytest.mark.parametrize("form", ["nanogpt", "safetensors"])
def test_a_file_with_a_flipped_bit_or_cut_short_becomes_no_other_model(
    lab: Lab, form: str, pytestconfig: pytest.Config
) -> None:
    path = lab.home.path / filled(lab, exported, form)
    content, dice = path.read_bytes(), random.Random(form)
    whole = import_run(lab, path, "tiny", "whole")
    right = lab.model(whole).model.state_dict()
    before = files_under(lab.home.runs)
    n_refused = 0
    for _ in range(n_rounds(pytestconfig, ci=10, soak=100)):
        spoiled = bytearray(content)
        if dice.random() < 0.8:
            spoiled[dice.randrange(len(spoiled))] ^= 1 << dice.randrange(8)
        else:
            del spoiled[dice.randrange(len(spoiled)) :]
        path.write_bytes(spoiled)
        try:
            run = import_run(lab, path, "tiny", None)
        except LabError as error:
            n_refused += 1
            assert path.name in str(error) or "step" in str(error) or "learned" in str(error)
            continue
        # What was flipped is nothing that the model is made of: a comment, or padding.
        left = lab.model(run).model.state_dict()
        assert all(torch.equal(left[name], right[name]) for name in right)
        lab.delete_run(run.id)
    assert n_refused > 0 and files_under(lab.home.runs) == before


ODD: dict[str, tuple[Callable[[], Any], str]] = {
    "NaN": (lambda: torch.tensor([1.0, float("nan")]), r"numbers that are none \(NaN\)"),
    "infinite": (lambda: torch.tensor([1.0, -float("inf")]), "infinite numbers"),
    "complex": (lambda: torch.ones(2, dtype=torch.complex64), "complex numbers"),
    "sparse": (lambda: torch.eye(2).to_sparse(), "is sparse"),
    "meta": (lambda: torch.ones(2, device="meta"), "is a meta tensor"),
    "quantized": (
        lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        "is quantized",
    ),
    "whole": (lambda: torch.ones(2, dtype=torch.int64), "of type int64, no fractions"),
    "no tensor": (lambda: [1.0, 2.0], "is no tensor"),
}


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")  # will be gone one day
@pytest.mark.parametrize("what", ODD)
def test_odd_weights_are_refused_by_name(what: str) -> None:
    make, said = ODD[what]
    with pytest.raises(ExchangeError, match=rf"weight wte in ckpt\.pt .*{said}.*finite numbers"):
        check_weights("ckpt.pt", {"fine": torch.ones(2), "wte": make()})


def with_weight(path: Path, change: Callable[[Tensor], Any]) -> None:
    content = torch.load(path, weights_only=True)
    name = "transformer.h.0.mlp.c_fc.weight"
    content["model"][name] = change(content["model"][name])
    torch.save(content, path)


@pytest.mark.parametrize("change", ["nan", "complex", "sparse", "huge"])
def test_a_checkpoint_of_nanogpt_with_odd_weights_becomes_no_run(lab: Lab, change: str) -> None:
    path = lab.home.path / filled(lab, exported, "nanogpt")
    changes: dict[str, Callable[[Tensor], Any]] = {
        "nan": lambda w: w * float("nan"),
        "complex": lambda w: w.to(torch.complex64),
        "sparse": lambda w: w.to_sparse(),
        "huge": lambda w: torch.full_like(w, 3e38),
    }
    with_weight(path, changes[change])
    before = len(lab.runs())
    with pytest.raises(ExchangeError) as refusal:
        import_run(lab, path, "tiny", None)
    said = "makes no finite loss" if change == "huge" else "transformer.h.0.mlp.c_fc.weight"
    assert said in str(refusal.value) and "learning rate" not in str(refusal.value)
    assert len(lab.runs()) == before


def test_an_export_without_a_checksum_is_still_taken(lab: Lab, corpus: Corpus) -> None:
    """Those of older versions have none."""
    path = lab.home.path / filled(lab, exported, "safetensors")
    with safe_open(path, framework="pt") as file:
        about = {k: v.replace('"sha256"', '"other"') for k, v in file.metadata().items()}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(weights, path, about)
    assert import_run(lab, path, None, "old").status == "finished"
