"""Runs leave the lab as files, and models from files become runs like any other."""

from __future__ import annotations

import csv
import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.bench.rival import GPT, GPTConfig
from core.exchange.export_import import import_run
from core.exchange.formats.nanogpt import nanogpt_weights
from core.records.events import ModelImported
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.storage.checkpoint import CheckpointFolder
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests.core.exchange.test_formats import CLASSIC, nanogpt, nanogpt_file
from tests.helpers import (
    LAST_IS_WORSE_NATS,
    CommandLine,
    add_corpus,
    checkpoint_state,
    files_under,
    play,
    train,
    trained,
)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def exported(cli: CommandLine, run: str, form: str, folder: Path) -> dict[str, Path]:
    files = cli.ok("export", run, "--format", form, "--out", folder)["files"]
    assert all(Path(file).is_file() for file in files)
    return {Path(file).name: Path(file) for file in files}


# --- out ------------------------------------------------------------------------------------------


def test_metrics_go_out_as_they_were_measured(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    run_id = trained(lab, corpus, "transformer")
    files = exported(cli, run_id, "csv", tmp_path / "new" / "folder")
    with files["steps.csv"].open(encoding="utf-8", newline="") as file:
        steps = list(csv.DictReader(file))
    assert [int(row["iter"]) for row in steps] == list(range(1, 41))
    assert [float(row["loss_nats"]) for row in steps] == [
        step.loss_nats for step in lab.store.steps(run_id)
    ]
    assert list(steps[0]) == [
        "iter", "loss_nats", "learning_rate", "grad_norm", "elapsed_s", "wall_s",
    ]  # fmt: skip
    with files["estimates.csv"].open(encoding="utf-8", newline="") as file:
        estimates = list(csv.DictReader(file))
    samples = {int(row["iter"]): row["sample"] for row in estimates if row["sample"]}
    assert samples == {s.step: s.text for s in lab.store.samples(run_id)}
    assert [float(row["val_loss_nats"]) for row in estimates] == [
        e.val_loss_nats for e in lab.store.estimates(run_id)
    ]


def test_each_format_writes_its_files(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    run_id = trained(lab, corpus, "transformer")
    hf = exported(cli, run_id, "hf", tmp_path / "hf")
    assert hf.keys() >= {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    name = lab.run(run_id).name
    assert exported(cli, run_id, "nanogpt", tmp_path / "n").keys() == {
        "ckpt.pt", f"lab_{name}.py", "meta.pkl", "readme.md", "train.bin", "val.bin",
    }  # fmt: skip
    assert exported(cli, run_id, "safetensors", tmp_path / "s").keys() == {"model.safetensors"}


@pytest.mark.parametrize("which", ["best", "last"])
def test_the_model_card_says_the_loss_of_the_very_model(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path, best_at_20: None, which: str
) -> None:
    run_id = trained(lab, corpus, "transformer")
    cli.ok("export", run_id, "--format", "hf", "--out", tmp_path, "--checkpoint", which)
    card = (tmp_path / "README.md").read_text("utf-8")
    loss = cli.ok("eval", run_id, "--checkpoint", which)["val_loss"]
    loss += LAST_IS_WORSE_NATS * (which == "last")
    assert f"{loss:.3f} nats per character" in card
    assert f"trained for {20 if which == 'best' else 40} steps" in card
    assert f"Corpus `tiny`, sha256 `{corpus.fingerprint}`" in card


def test_nanogpt_finds_the_text_as_its_own_prepare_would_write_it(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    files = exported(cli, trained(lab, corpus, "transformer"), "nanogpt", tmp_path)
    meta = pickle.loads(files["meta.pkl"].read_bytes())  # our own, of a moment ago
    assert meta["vocab_size"] == len(meta["itos"]) == len(meta["stoi"]) == len(corpus.vocabulary)
    tokens = [np.fromfile(files[f"{name}.bin"], dtype=np.uint16) for name in ("train", "val")]
    assert [len(part) for part in tokens] == [corpus.n_train, len(corpus.text) - corpus.n_train]
    assert "".join(meta["itos"][i] for part in tokens for i in part.tolist()) == corpus.text


def as_nanogpt_builds_it(checkpoint: dict[str, Any]) -> tuple[GPT, torch.optim.Optimizer]:
    """The model and the optimiser of `train.py --init_from=resume`."""
    model, config = GPT(GPTConfig(**checkpoint["model_args"])), checkpoint["config"]
    model.load_state_dict(checkpoint["model"])
    optimizer = model.configure_optimizers(
        config["weight_decay"], config["learning_rate"], (config["beta1"], config["beta2"]), "cpu"
    )
    optimizer.load_state_dict(checkpoint["optimizer"])
    return model, optimizer


@pytest.mark.parametrize("bias", [False, True])
def test_nanogpt_goes_on_with_the_memory_of_adamw(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path, bias: bool
) -> None:
    run_id = trained(lab, corpus, "transformer", bias=bias, dropout=0.0)
    files = exported(cli, run_id, "nanogpt", tmp_path)
    content = torch.load(files["ckpt.pt"], weights_only=True)
    model, optimizer = as_nanogpt_builds_it(content)
    state = checkpoint_state(lab, run_id, content["iter_num"])
    trainer = Trainer(lab.run(run_id).config, corpus)
    trainer.load_state_dict(state | {"elapsed_s": 0.0})

    inputs, targets = corpus.train[None, :8], corpus.train[None, 1:9]
    model(inputs, targets)[1].backward()
    for group in optimizer.param_groups:
        group["lr"] = 1e-3
    optimizer.step()
    F.cross_entropy(trainer.model(inputs).flatten(0, 1), targets.flatten()).backward()
    trainer.optimizer.step(1e-3, trainer.step)
    theirs, before = model.state_dict(), content["model"]
    for name, weight in nanogpt_weights(trainer.model).items():
        torch.testing.assert_close(theirs[name], weight, atol=1e-6, rtol=1e-5)
        assert not torch.equal(theirs[name], before[name])


def test_what_to_type_in_nanogpt_is_said(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path, best_at_20: None
) -> None:
    trained(lab, corpus, "transformer", name="owl")
    exported(cli, "owl", "nanogpt", tmp_path / "a b")
    assert cli.stderr.splitlines()[-3:] == [
        f"  cp -r '{tmp_path / 'a b'}'/. nanoGPT/ && cd nanoGPT",
        "  python sample.py config/lab_owl.py",
        "  python train.py config/lab_owl.py --init_from=resume",
    ]
    (tmp_path / "configurator.py").touch()  # a checkout of nanoGPT has it
    cli.ok("export", "owl", "--format", "nanogpt", "--out", tmp_path, "--checkpoint", "last")
    assert cli.stderr.splitlines()[-3:] == [
        f"  cd {tmp_path}",
        "  python sample.py config/lab_owl.py",
        "  python train.py config/lab_owl.py --init_from=resume --max_iters=80",
    ]
    lab.library.path("tiny").unlink()
    files = exported(cli, "owl", "nanogpt", tmp_path / "c")
    assert "meta.pkl" in files and "train.bin" not in files and "train.py" not in cli.stderr


def test_what_cannot_go_out_is_said_in_a_line(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    table = trained(lab, corpus, "bigram")
    line = cli.refused("export", table, "--format", "hf", "--out", tmp_path)
    assert "bigram table" in line and "safetensors" in line
    (tmp_path / "file").touch()
    line = cli.refused("export", table, "--format", "csv", "--out", tmp_path / "file")
    assert "cannot be written to" in line


# --- and in ---------------------------------------------------------------------------------------


def test_a_run_that_went_out_comes_back_as_a_run(
    cli: CommandLine, lab: Lab, corpus: Corpus, kind: Any, tmp_path: Path
) -> None:
    run_id = trained(lab, corpus, kind)
    files = exported(cli, run_id, "safetensors", tmp_path)
    fields = cli.ok("import", files["model.safetensors"], "--name", "back")
    original, back = lab.run(run_id), lab.run("back")
    assert fields["run"] == back.id and fields["n_params"] == original.n_params
    assert back.status == "finished" and back.config.model == original.config.model
    assert fields["val_loss"] == back.val_loss_nats == back.best_val_loss_nats
    best = cli.ok("eval", run_id, "--checkpoint", "best")
    assert back.val_loss_nats == pytest.approx(best["val_loss"], abs=1e-6)
    (event,) = lab.store.events(back.id)
    sha256 = hashlib.sha256(files["model.safetensors"].read_bytes()).hexdigest()
    assert event.what == ModelImported("model.safetensors", sha256)
    text = [cli.ok("generate", run, "--max_new_tokens", 20)["text"] for run in (run_id, "back")]
    assert text[0] == text[1]


def brought_back(cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path) -> int:
    """Import a run as "back" and train it for 30 more steps; returns the step of the import."""
    files = exported(cli, trained(lab, corpus), "safetensors", tmp_path)
    step: int = cli.ok("import", files["model.safetensors"], "--name", "back")["iter"]
    cli.ok("resume", "back", "--max_iters", step + 30)
    return step


def test_a_branch_cannot_begin_before_the_import(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    step = brought_back(cli, lab, corpus, tmp_path)
    before = lab.runs(), files_under(lab.home.path)
    said = f"back was imported at step {step}; steps before that cannot be taken again"
    for at in (0, step - 1):
        line = cli.refused("runs", "branch", "back", "--at", at)
        assert said in line and f"starts at step {step} or later, not {at}." in line
    assert (lab.runs(), files_under(lab.home.path)) == before
    cli.ok("runs", "branch", "back", "--at", step + 5, "--name", "twin")
    assert "was imported" in cli.refused("runs", "branch", "twin", "--at", step - 1)
    cli.ok("resume", "twin")
    assert (
        lab.store.estimates(lab.run("twin").id)[1:] == (lab.store.estimates(lab.run("back").id)[1:])
    )


def test_without_the_checkpoint_of_the_import_a_branch_begins_at_the_next(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    step = brought_back(cli, lab, corpus, tmp_path)
    kept = CheckpointFolder(lab.home.run_folder(lab.run("back").id))
    for each in kept.steps()[:-1]:
        kept.path(each).unlink()
    assert f"starts at step {step + 30} or later" in cli.refused(
        "runs", "branch", "back", "--at", step + 5
    )
    kept.path(step + 30).unlink()
    assert "and has none" in cli.refused("runs", "branch", "back")


def test_an_imported_run_can_go_on(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    files = exported(cli, trained(lab, corpus, "transformer"), "safetensors", tmp_path)
    back = cli.ok("import", files["model.safetensors"], "--name", "back")
    resumed = cli.ok("resume", "back", "--max_iters", back["iter"] + 30)
    assert resumed["resumed_from"] == back["iter"] and resumed["val_loss"] < back["val_loss"]


def nine_characters(lab: Lab) -> Corpus:
    return add_corpus(lab, "nine", "abc, abc! ba: cab.\n" * 60)


def test_nanogpts_checkpoint_becomes_a_run(cli: CommandLine, lab: Lab, tmp_path: Path) -> None:
    corpus = nine_characters(lab)
    assert len(corpus.vocabulary) == CLASSIC["vocab_size"]
    path = nanogpt_file(tmp_path / "ckpt.pt", nanogpt())
    fields = cli.ok("import", path, "--corpus", "nine", "--name", "theirs")
    record = lab.run("theirs")
    assert (fields["iter"], record.config.train.max_iters) == (1750, 2000)
    assert record.config.train.learning_rate == 1e-3 and record.val_loss_nats == fields["val_loss"]
    loaded, theirs = lab.model(record), nanogpt()
    idx = torch.randint(0, 9, (2, 8), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(idx), theirs(idx, idx)[0], atol=1e-5, rtol=0)
    run = ActiveRun.open(lab.home, lab.store, record.id)
    run.advance(60.0, until=1752)
    run.interrupt()
    run.close()


def test_a_model_of_step_0_is_that_of_the_file(cli: CommandLine, lab: Lab, tmp_path: Path) -> None:
    nine_characters(lab)
    path = nanogpt_file(tmp_path / "ckpt.pt", nanogpt(), iter_num=0)
    fields = cli.ok("import", path, "--corpus", "nine", "--name", "fresh")
    assert fields["iter"] == 0
    # One of them may have been measured on a GPU.
    assert cli.ok("eval", "fresh")["val_loss"] == pytest.approx(fields["val_loss"], abs=1e-5)


@pytest.mark.parametrize("max_iters", [10, "many"])
def test_settings_that_cannot_be_give_way_to_defaults(
    cli: CommandLine, lab: Lab, tmp_path: Path, max_iters: Any
) -> None:
    nine_characters(lab)
    odd = {"learning_rate": "fast", "max_iters": max_iters}
    path = nanogpt_file(tmp_path / "ckpt.pt", nanogpt(), config=odd)
    cli.ok("import", path, "--corpus", "nine", "--name", "odd")
    train_config = lab.run("odd").config.train
    assert (train_config.max_iters, train_config.learning_rate) == (1750, 1e-3)


@pytest.mark.parametrize("what", ["missing", "text", "characters", "corpus", "name"])
def test_what_cannot_come_in_leaves_nothing_behind(
    what: str, cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    nine_characters(lab)
    out = exported(cli, trained(lab, corpus, "bigram"), "safetensors", tmp_path)
    ours, theirs = out["model.safetensors"], nanogpt_file(tmp_path / "ckpt.pt", nanogpt())
    (tmp_path / "text").write_text("To be, or not to be", encoding="utf-8")
    command, said = {
        "missing": ([tmp_path / "nowhere"], "There is no file"),
        "text": ([tmp_path / "text"], "damaged or cut short"),
        "characters": ([theirs, "--corpus", "tiny"], f"9 and {len(corpus.vocabulary)}"),
        "corpus": ([ours, "--corpus", "nine"], "must have the same characters"),
        "name": ([ours, "--name", "  "], "1 to 60 printable characters"),
    }[what]
    before = [record.id for record in lab.runs()], files_under(lab.home.path)
    assert said in cli.refused("import", *command)
    assert ([record.id for record in lab.runs()], files_under(lab.home.path)) == before


def test_without_its_corpus_a_model_waits_for_one(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    out = exported(cli, trained(lab, corpus, "bigram"), "safetensors", tmp_path)
    lab.library.path("tiny").unlink()
    line = cli.refused("import", out["model.safetensors"])
    assert "a corpus 'tiny', which this lab does not have" in line and "--corpus" in line
    other = add_corpus(lab, "other", play(4_000, seed=2))
    assert other.vocabulary == corpus.vocabulary
    assert cli.ok("import", out["model.safetensors"], "--corpus", "other")["val_loss"] > 0


def test_an_error_in_the_middle_leaves_no_half_run(
    lab: Lab, corpus: Corpus, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = exported(cli, trained(lab, corpus, "bigram"), "safetensors", tmp_path)
    before = [record.id for record in lab.runs()]

    def full(*args: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("core.storage.checkpoint.CheckpointFolder.save", full)
    with pytest.raises(OSError, match="no space"):
        import_run(lab, out["model.safetensors"], None, None)
    assert [record.id for record in lab.runs()] == before
    monkeypatch.undo()
    train(lab, import_run(lab, out["model.safetensors"], None, None).id)
