"""The measurements run, compare like with like, and say what they measured in which unit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from core.bench import measure
from core.bench.measure import Plan
from core.bench.report import table
from core.bench.rival import Rival
from core.bench.waiting import Waited
from core.errors import LabError
from core.runs.lab import Lab
from core.settings.config import RunConfig
from core.settings.presets import PRESETS, resolve
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests.helpers import CommandLine

TINY = dict(block_size=8, n_layer=2, n_head=2, n_embd=8, batch_size=4)

PLAN = Plan(n_checked=3, n_blocks=2, n_steps=1, n_texts=1, share=0.005, seeds=(1,), preset="tiny")


@pytest.fixture(autouse=True)
def tiny_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", {"transformer": TINY})
    monkeypatch.setattr(measure, "_start_up", lambda: {"start_up_s": 1.5})
    monkeypatch.setattr(measure, "waited_for", waited_for)


def waited_for(what: str, corpus: Corpus, share: float) -> Waited:
    """No process is started here; `test_waiting` does."""
    return Waited(what=what, wall_s=9.0, train_s=5.0, split_s=1.0, val_loss_nats=1.9)


def small(corpus: Corpus, **changes: object) -> RunConfig:
    return resolve("transformer", len(corpus.vocabulary), None, TINY | {"device": "cpu"} | changes)


NANOGPT = """
from core.bench.rival import GPT as Twin, GPTConfig
class GPT(Twin):
    def __init__(self, config):
        print("number of parameters: some")
        super().__init__(config)
"""


@pytest.fixture
def nanogpt(tmp_path: Path) -> Path:
    """A folder that looks like a checkout of nanoGPT."""
    (tmp_path / "model.py").write_text(NANOGPT, encoding="utf-8")
    return tmp_path


# --- the rival ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [False, True])
def test_the_twin_learns_exactly_what_ours_does(tiny_corpus: Corpus, bias: bool) -> None:
    config = small(tiny_corpus, bias=bias, max_iters=20)
    ours = Trainer(config, tiny_corpus)
    rival = Rival(config, tiny_corpus, ours.model, folder=None)
    ours_losses = [ours.take_step().loss_nats for _ in range(20)]
    assert [rival.step() for _ in range(20)] == pytest.approx(ours_losses, abs=1e-5)


def test_racing_leaves_our_model_alone(tiny_corpus: Corpus) -> None:
    ours = Trainer(small(tiny_corpus), tiny_corpus)
    before = {name: weight.clone() for name, weight in ours.model.state_dict().items()}
    rival = Rival(ours.config, tiny_corpus, ours.model, folder=None)
    rival.step()
    rival.write(12)
    assert all(torch.equal(w, before[name]) for name, w in ours.model.state_dict().items())


def test_nanogpt_is_taken_from_its_folder(
    tiny_corpus: Corpus, nanogpt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = Trainer(small(tiny_corpus), tiny_corpus)
    rival = Rival(ours.config, tiny_corpus, ours.model, nanogpt)
    assert rival.name == "nanoGPT" and type(rival.model).__module__ == "nanogpt_model"
    assert capsys.readouterr().out == ""  # what it prints would spoil the last line
    assert rival.step() == pytest.approx(ours.take_step().loss_nats, abs=1e-5)


def test_another_folder_is_refused(tiny_corpus: Corpus, tmp_path: Path) -> None:
    ours = Trainer(small(tiny_corpus), tiny_corpus)
    with pytest.raises(LabError, match=r"no model\.py in"):
        Rival(ours.config, tiny_corpus, ours.model, tmp_path)
    (tmp_path / "model.py").write_text("GPT = 1", encoding="utf-8")
    with pytest.raises(LabError, match="is it nanoGPT's"):
        Rival(ours.config, tiny_corpus, ours.model, tmp_path)


# --- the measurements -----------------------------------------------------------------------------


def test_everything_is_measured_and_fits_into_a_table(tiny_corpus: Corpus) -> None:
    said: list[str] = []
    fields = measure.bench(tiny_corpus, PLAN, None, said.append)
    json.dumps(fields)
    numbers = {name: value for name, value in fields.items() if isinstance(value, (int, float))}
    assert all(value >= 0 for value in numbers.values())
    units = ("_ms", "_s", "_pct", "_nats", "_ratio", "_per_s", "n_threads")
    assert [name for name in numbers if not name.endswith(units)] == []
    assert [row["what"] for row in fields["ablation"]] == [name for name, _, _ in measure.ABLATION]
    assert fields["step_speed_ratio"] == fields["rival_step_ms"] / fields["step_ms"]
    n_iters = resolve("transformer", 65, None, TINY).train.max_iters
    assert fields["rival_train_s"] == pytest.approx(
        fields["rival_step_ms"] * PLAN.steps(n_iters) / 1e3
    )
    assert fields["time_to_counted_5gram_s"] is None  # after so few steps
    markdown = table(fields)
    assert "| not reached |" in markdown
    assert (
        f"| {fields['step_ms']:.1f} ms | {fields['rival_step_ms']:.1f} ms (float32) |" in markdown
    )
    n_cells = [[line.count("|") for line in lines.splitlines()] for lines in markdown.split("\n\n")]
    assert all(len(set(of_table)) == 1 for of_table in n_cells)
    assert "| fast | 1.900 | 9.0 | 5.0 | 4.0 | 5.6 |  |" in markdown
    assert len(said) > 8


def test_the_soonest_run_that_is_good_enough_counts() -> None:
    losses = {"classic": (100.0, 1.898), "fast": (10.0, 1.88), "fastest": (40.0, 1.55)}
    fields = {f"{k}_train_s": s for k, (s, _) in losses.items()}
    fields |= {f"{k}_val_loss_nats": loss for k, (_, loss) in losses.items()}
    rows = [{"train_s": 5.0, "val_loss_nats": 1.9}, {"train_s": 20.0, "val_loss_nats": 1.669}]
    assert measure._soonest(fields | {"ablation": rows}) == {
        "time_to_nanogpt_cpu_s": 10.0, "time_to_counted_5gram_s": 20.0
    }  # fmt: skip


def test_a_rival_that_computes_something_else_is_not_raced(
    tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rival, "step", lambda self: 9.0)
    with pytest.raises(LabError, match="twin should compute the same"):
        measure.bench(tiny_corpus, PLAN, None, lambda sentence: None)


def test_the_products_counted_are_those_of_the_model(tiny_corpus: Corpus) -> None:
    trainer = Trainer(small(tiny_corpus), tiny_corpus)
    shapes = [(n_out, n_in) for n_in, n_out, n in measure._products(trainer.config.model)
              for _ in range(n)]  # fmt: skip
    matrices = [tuple(p.shape) for name, p in trainer.model.named_parameters()
                if p.dim() == 2 and "position" not in name]  # fmt: skip
    assert sorted(shapes) == sorted(matrices)


def test_the_command_ends_with_one_line_of_json(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.commands.benchmarking.QUICK", PLAN)
    fields = CommandLine(capsys).ok("bench", "--quick", "--corpus", "tiny")
    assert fields["rival"] == "twin" and fields["corpus"] == "tiny"
    assert fields["table"].startswith("Corpus tiny, ")
    assert "no model.py in" in CommandLine(capsys).refused("bench", "--nanogpt", "nowhere")
    assert lab.runs() == []
