"""A run is trained without torch's compiler, which takes seconds to load and compiles nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import torch
from torch import nn

from core.runs.lab import Lab
from core.text.corpus import Corpus
from core.training.uncompiled import AdamW
from tests.helpers import ROOT

NOT_NEEDED = (
    "torch._dynamo", "torch._inductor", "sympy", "torch.onnx", "streamlit", "plotly", "pandas",
    "transformers",
)  # fmt: skip
"""What a run has no use for."""
SCRIPT = """
import json, sys
from core.command_line import main
assert main(sys.argv[2:]) == 0
print(json.dumps([name for name in sys.argv[1].split() if name in sys.modules]))
"""


def loaded_by(lab: Lab, *arguments: object) -> list[str]:
    """Which of the modules that are not needed a command has loaded, in a process of its own."""
    command = [sys.executable, "-c", SCRIPT, " ".join(NOT_NEEDED), *map(str, arguments)]
    env = {"LAB_HOME": str(lab.home.path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_a_run_is_trained_and_resumed_without_what_it_does_not_need(
    lab: Lab, corpus: Corpus
) -> None:
    shape = ("--block_size", 8, "--n_layer", 1, "--n_head", 1, "--n_embd", 8, "--batch_size", 4)
    start = ("train", "--model", "transformer", "--recipe", "fastest", "--corpus", corpus.name)
    assert loaded_by(lab, *start, *shape, "--max_iters", 3, "--name", "owl") == []
    assert loaded_by(lab, "resume", "owl", "--max_iters", 5) == []
    assert lab.run("owl").step == 5


def test_adamw_is_torch_s() -> None:
    torch.manual_seed(1)
    ours, theirs = nn.Linear(5, 4), nn.Linear(5, 4)
    theirs.load_state_dict(ours.state_dict())
    options = dict(lr=0.01, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    pairs = [
        (ours, AdamW(ours.parameters(), **options)),
        (theirs, torch.optim.AdamW(theirs.parameters(), **options)),  # type: ignore[arg-type]
    ]
    for step in range(5):
        inputs = torch.randn(3, 5, generator=torch.Generator().manual_seed(step))
        for model, optimizer in pairs:
            model.zero_grad()
            model(inputs).square().sum().backward()
            optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), theirs.parameters()))
    assert not pairs[0][1].param_groups[0]["params"][0].grad_fn
