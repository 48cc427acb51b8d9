"""Runs on their way out of the lab, and models that become runs of it.

Joins the registry to the formats of `core.exchange.formats`. A model that comes in gets a
checkpoint and a row like any run, so every page and command can work with it, and `resume` goes on
from it with a fresh optimiser.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

from core.errors import ConfigError, CorpusError, ExchangeError, StorageError
from core.exchange.archive import Tell, pack_run
from core.exchange.formats.base import Imported
from core.exchange.formats.card import About
from core.exchange.formats.hf import export_hf
from core.exchange.formats.metrics import export_csv
from core.exchange.formats.nanogpt import export_nanogpt, read_nanogpt
from core.exchange.formats.tensors import export_safetensors, read_safetensors
from core.exchange.formats.weights import check_file
from core.records.door import is_sound, is_within
from core.records.events import ModelImported
from core.records.records import Estimate, RunRecord
from core.runs.keeping import keep_all_of
from core.runs.lab import Lab, LoadedModel, Which
from core.settings.config import RunConfig, TrainConfig
from core.settings.presets import resolve
from core.storage.checkpoint import Checkpoint, CheckpointFolder
from core.storage.files import sweep_left_overs
from core.storage.names import as_text, new_run_id
from core.storage.unfinished import remove_folder, unfinished
from core.text.corpus import Corpus
from core.training.trainer import DivergedError, Trainer

Format = Literal["hf", "safetensors", "nanogpt", "csv", "run"]
FORMATS: tuple[Format, ...] = get_args(Format)


def export_run(
    lab: Lab, record: RunRecord, form: Format, folder: Path, which: Which = "best",
    tell: Tell = lambda damage: None,
) -> list[Path]:  # fmt: skip
    """Write a run's model, its metrics, or all of it into a folder, made if it is missing.

    What of it is damaged, and so not in the file of a run, is said to `tell`.

    Raises ExchangeError when the format has no place for the model, or the folder cannot be
    written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep_left_overs(folder)
        if form == "csv":
            store = lab.store
            return export_csv(
                store.steps(record.id), store.estimates(record.id), store.samples(record.id),
                store.health(record.id), folder,
            )  # fmt: skip
        if form == "run":
            return [pack_run(lab, record, folder, tell)]
        loaded = lab.model(record, which)
        about = _about(record, loaded)
        if form == "hf":
            return export_hf(loaded.model, loaded.vocabulary, folder, about=about)
        if form == "nanogpt":
            return export_nanogpt(
                loaded.model, loaded.vocabulary, folder, about=about,
                moments=_moments(lab, record, loaded.step), corpus=_text_of(lab, record),
            )  # fmt: skip
        described = {"config": record.config.flat(), "iter": loaded.step, "corpus": record.corpus}
        path = folder / "model.safetensors"
        return export_safetensors(loaded.model, loaded.vocabulary, path, about=described)
    except (OSError, StorageError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) or not _is_of(folder, cause) or _is_full(error):
            raise
        raise ExchangeError(
            f"{folder} cannot be written to ({cause.strerror}). Name another folder with --out."
        ) from error


def _is_of(folder: Path, error: OSError) -> bool:
    """Whether it is that folder which the system complains of, and not the lab home."""
    name = Path(os.fsdecode(error.filename)) if error.filename else folder
    return name.is_relative_to(folder)


def _is_full(error: Exception) -> bool:
    return isinstance(error, StorageError) and error.is_full


def _about(record: RunRecord, loaded: LoadedModel) -> About:
    """What a model card says of a run; the loss, where it was measured at this very step."""
    last = record.val_loss_nats if loaded.step == record.step else None
    best = record.best_val_loss_nats if loaded.step == record.best_step else last
    return About(
        name=record.name, step=loaded.step, config=record.config, corpus=record.corpus,
        fingerprint=record.fingerprint, val_loss_nats=best,
    )  # fmt: skip


def _moments(lab: Lab, record: RunRecord, step: int) -> dict[int, Any]:
    """What AdamW remembered of each parameter at a step; nothing where Muon had a part in it."""
    folder = CheckpointFolder(lab.home.run_folder(record.id), of=record)
    if record.config.train.optimizer != "adamw" or step not in folder.steps():
        return {}
    moments: dict[int, Any] = folder.load(step).trainer["optimizer"]["adamw"]
    return moments


def _text_of(lab: Lab, record: RunRecord) -> Corpus | None:
    """The text of a run; None where it is gone, since a model can be sampled without."""
    try:
        return lab.corpus_of(record)
    except CorpusError:
        return None


def import_run(lab: Lab, path: Path, corpus_name: str | None, name: str | None) -> RunRecord:
    """Make a finished run of a model in a file: nanoGPT's `ckpt.pt`, or our own safetensors.

    Its characters are those of the corpus: the one named, else the one that the file names, else
    the lab's default. Raises ExchangeError when the file cannot be read or has other characters,
    CorpusError when there is no such corpus. Nothing has then changed.
    """
    imported, sha256 = _read(path)
    corpus = _corpus_of(lab, imported, corpus_name, path)
    config = _config_of(imported, corpus)
    trainer = Trainer(config, corpus)
    trainer.model.load_state_dict(imported.weights)
    trainer.step = imported.step
    estimate, val_loss = _losses_of(trainer, path)

    checkpoint = Checkpoint(
        config=config.flat(), vocabulary=corpus.vocabulary.characters,
        fingerprint=corpus.fingerprint, trainer=trainer.state_dict(),
        best_step=imported.step, best_val_loss_nats=estimate.val_loss_nats,
    )  # fmt: skip
    run_id = new_run_id()
    folder = lab.home.run_folder(run_id)
    try:
        with unfinished(folder):
            lab.create_run(config, corpus, name, run_id)
            CheckpointFolder(folder).save(checkpoint)
            lab.store.record(
                run_id, [], [(estimate, "")], status="finished", step=imported.step,
                best_step=imported.step, checkpoint_step=imported.step, val_loss_nats=val_loss,
                best_val_loss_nats=val_loss, train_loss_nats=estimate.train_loss_nats,
            )  # fmt: skip
            lab.store.add_event(run_id, imported.step, ModelImported(as_text(path.name), sha256))
            keep_all_of(lab.home, lab.store, lab.store.run(run_id))
    except BaseException:  # Ctrl-C too: half an import is none
        lab.store.delete_run(run_id)
        remove_folder(folder)
        raise
    return lab.run(run_id)


def _losses_of(trainer: Trainer, path: Path) -> tuple[Estimate, float]:
    """An estimate, and the loss over the whole validation split. Raises ExchangeError for none."""
    try:
        estimate, val_loss = trainer.estimate(), trainer.evaluate()
        if is_sound(estimate) and is_within("val_loss_nats", val_loss):
            return estimate, val_loss
    except DivergedError:
        pass
    raise ExchangeError(
        f"The model in {path.name} makes no finite loss of the text {trainer.corpus.name}, so "
        "there is nothing to look at in it. Its numbers are too large."
    )


def _read(path: Path) -> tuple[Imported, str]:
    """The model in a file, and the sha256 of the file, by which it can be known again."""
    check_file(path)
    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"  # as torch.save has written since 2020
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return (read_nanogpt(path) if is_zip else read_safetensors(path)), sha256


def _corpus_of(lab: Lab, imported: Imported, named: str | None, path: Path) -> Corpus:
    wanted = named or imported.corpus
    try:
        corpus = lab.library.load(wanted)
    except CorpusError as error:
        if named:
            raise
        raise ExchangeError(
            f"The model in {path.name} learned from a corpus {wanted!r}, which this lab does not "
            "have. Add it, or name one with the same characters (--corpus)."
        ) from error
    n_model, n_corpus = imported.config.vocab_size, len(corpus.vocabulary)
    other_signs = imported.vocabulary is not None and imported.vocabulary != corpus.vocabulary
    if n_model != n_corpus or other_signs:
        how = f"{n_model} and {n_corpus}" if n_model != n_corpus else "as many, but other ones"
        raise ExchangeError(
            f"The model in {path.name} and the corpus {corpus.name} must have the same characters, "
            f"and have {how}. Name the corpus that it learned from (--corpus)."
        )
    return corpus


def _config_of(imported: Imported, corpus: Corpus) -> RunConfig:
    """The settings that the file names, where they can be, and the model's defaults elsewhere."""
    max_iters = max(imported.step, 1)
    kind = imported.config.model
    defaults = asdict(resolve(kind, len(corpus.vocabulary), flags={"max_iters": max_iters}).train)
    named = {k: v for k, v in imported.settings.items() if k in defaults and k != "device"}
    try:
        named["max_iters"] = max(max_iters, named.get("max_iters", 1))
        train = TrainConfig(**defaults | named)
    except (ConfigError, TypeError, OverflowError):  # a word, say, where a number belongs
        train = TrainConfig(**defaults)
    return RunConfig(model=imported.config, train=train)
