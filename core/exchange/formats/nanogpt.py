"""nanoGPT's checkpoints, out and in.

What goes out is laid out as nanoGPT's own folder is: `out-RUN/ckpt.pt`, `config/lab_RUN.py`, and
`data/lab_CORPUS/` as its `prepare.py` writes it. Copied into a checkout, it samples and trains on.

Source: https://github.com/karpathy/nanoGPT (`model.py`, `train.py`, `sample.py`, `configurator.py`,
`data/shakespeare_char/prepare.py`).
"""

from __future__ import annotations

import io
import pickle
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import ConfigError, ExchangeError
from core.exchange.formats.base import Imported, check_is_gpt2, step_of
from core.exchange.formats.card import About, text_words
from core.exchange.formats.weights import check_file, check_weights
from core.models import LanguageModel, weight_shapes
from core.settings.config import ModelConfig
from core.storage.checkpoint import UNREADABLE, check_zip
from core.storage.files import write_atomically
from core.storage.names import plain_file_name
from core.text.corpus import Corpus, Vocabulary
from core.training.optim import build_optimizers

_OURS_TO_THEIRS = {
    "token_embedding": "transformer.wte", "position_embedding": "transformer.wpe",
    "blocks": "transformer.h", "norm_1": "ln_1", "attention": "attn", "query_key_value": "c_attn",
    "norm_2": "ln_2", "widen": "c_fc", "output": "c_proj", "norm": "transformer.ln_f",
}  # fmt: skip
_SHAPE = ("n_layer", "n_head", "n_embd", "block_size", "bias", "dropout")
_SETTINGS = (
    "batch_size", "max_iters", "learning_rate", "min_lr", "warmup_iters", "lr_decay_iters",
    "weight_decay", "beta1", "beta2", "grad_clip", "eval_interval", "eval_iters",
)  # fmt: skip

_MAX_TOKENS = 2**16
"""What fits into the two bytes that a token has in nanoGPT's `train.bin`."""


def their_name(ours: str) -> str:
    """What nanoGPT calls a weight of our classic transformer."""
    return ".".join(_OURS_TO_THEIRS.get(part, part) for part in ours.split("."))


def nanogpt_weights(model: LanguageModel) -> dict[str, Tensor]:
    """A copy of a classic transformer's weights, as nanoGPT's `state_dict` names them."""
    weights = {
        their_name(name): weight.detach().cpu().clone()
        for name, weight in model.state_dict().items()
    }
    return weights | {"lm_head.weight": weights["transformer.wte.weight"]}


def export_nanogpt(
    model: LanguageModel,
    vocabulary: Vocabulary,
    folder: Path,
    *,
    about: About,
    moments: Mapping[int, Any],
    corpus: Corpus | None,
) -> list[Path]:
    """Write a folder to be copied over a checkout of nanoGPT; returns the paths of its files.

    Args:
        moments: what AdamW remembers of each parameter, by its number; empty for a fresh start.
        corpus: the text that it learned from. Without it nanoGPT can sample and not train.

    Raises ExchangeError for a model that is no GPT-2, or a text of too many characters.
    """
    check_is_gpt2(model.config, "nanogpt")
    if corpus and len(vocabulary) > _MAX_TOKENS:
        raise ExchangeError(
            f"nanoGPT keeps a text in tokens of two bytes, {_MAX_TOKENS:,} different ones; "
            f"{about.corpus} has {len(vocabulary):,} characters. Take --format hf."
        )
    run = plain_file_name(about.name) or "run"
    dataset = f"lab_{plain_file_name(about.corpus) or 'text'}"
    settings = _their_settings(about) | {"out_dir": f"out-{run}", "dataset": dataset}
    characters = vocabulary.characters
    meta = {
        "vocab_size": len(characters),
        "itos": dict(enumerate(characters)),
        "stoi": {character: token for token, character in enumerate(characters)},
    }
    files: dict[str, bytes | memoryview] = {
        f"out-{run}/ckpt.pt": _checkpoint(model, about, moments, settings),
        f"config/lab_{run}.py": _config_file(about, settings).encode("utf-8"),
        f"data/{dataset}/meta.pkl": pickle.dumps(meta),
        f"data/{dataset}/readme.md": f"# {about.corpus}\n\n{text_words(about.corpus)}\n".encode(),
    }
    if corpus:
        for name, tokens in (("train", corpus.train), ("val", corpus.val)):
            files[f"data/{dataset}/{name}.bin"] = tokens.numpy().astype("<u2").tobytes()
    for name, content in files.items():
        write_atomically(folder / name, content)
    return [folder / name for name in files]


def nanogpt_commands(folder: Path, files: Sequence[Path], max_iters: int | None) -> list[str]:
    """What to type, from beside a checkout of nanoGPT, to sample from an export and to train on.

    `max_iters` is a new end for a run that is at its own.
    """
    config = next(f"config/{path.name}" for path in files if path.suffix == ".py")
    commands = [f"cp -r {shlex.quote(str(folder.resolve()))}/. nanoGPT/ && cd nanoGPT"]
    if (folder / "configurator.py").exists():  # it went straight into a checkout
        commands = [f"cd {shlex.quote(str(folder.resolve()))}"]
    commands.append(f"python sample.py {config}")
    if any(path.name == "train.bin" for path in files):
        further = f" --max_iters={max_iters}" if max_iters else ""
        commands.append(f"python train.py {config} --init_from=resume{further}")
    return commands


def _their_settings(about: About) -> dict[str, Any]:
    """The settings of a run that nanoGPT has too, by its names."""
    ours = about.config.flat()
    return {name: ours[name] for name in (*_SETTINGS, *_SHAPE)} | {
        "decay_lr": ours["schedule"] != "constant",
        "gradient_accumulation_steps": 1,
        "always_save_checkpoint": False,
        "log_interval": 10,
        "compile": False,
    }


def _config_file(about: About, settings: Mapping[str, Any]) -> str:
    """Settings for `configurator.py`, which runs them inside `train.py` and `sample.py`."""
    schedule, optimizer = about.config.train.schedule, about.config.train.optimizer
    lines = [f"# {about.name!r}, a run of the lab, at step {about.step}"]
    if optimizer != "adamw":
        lines.append(f"# its optimizer was {optimizer}; nanoGPT goes on with a fresh AdamW")
    if schedule not in ("cosine", "constant"):
        lines.append(f"# its schedule was {schedule}; nanoGPT has the cosine only")
    lines += [f"{name} = {value!r}" for name, value in settings.items()]
    lines += [
        "device = 'cuda' if torch.cuda.is_available() else 'cpu'",
        "if device == 'cpu':",
        "    dtype = 'float32'",
    ]
    return "\n".join(lines) + "\n"


def _checkpoint(
    model: LanguageModel, about: About, moments: Mapping[int, Any], settings: Mapping[str, Any]
) -> memoryview:
    """A file as `train.py` writes it, which `--init_from=resume` goes on from."""
    args = {name: getattr(model.config, name) for name in (*_SHAPE, "vocab_size")}
    train = replace(about.config.train, optimizer="adamw")
    groups = build_optimizers(model, train).parts["adamw"].state_dict()["param_groups"]
    for group in groups:  # whose parameters nanoGPT numbers in the same order
        del group["in_proportion"]  # the lab's own
        group["fused"] = None  # for the device to decide
    content = {
        "model": nanogpt_weights(model),
        "optimizer": {"state": dict(moments), "param_groups": groups},
        "model_args": args,
        "iter_num": about.step,
        "best_val_loss": 1e9 if about.val_loss_nats is None else about.val_loss_nats,
        "config": dict(settings),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getbuffer()


def read_nanogpt(path: Path) -> Imported:
    """Read a `ckpt.pt`, whether or not `torch.compile` renamed its weights. Never runs code.

    Its optimiser, if there is one, is left aside. Raises ExchangeError when the file is something
    else, or something is missing in it.
    """
    check_file(path)
    try:
        check_zip(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise ExchangeError(
            f"{path.name} cannot be read as a checkpoint of nanoGPT: it is damaged, or holds more "
            "than tensors and plain values, which is not loaded because it could run code."
        ) from error
    if not isinstance(content, dict) or not {"model", "model_args"} <= content.keys():
        raise ExchangeError(
            f"{path.name} is no checkpoint of nanoGPT: it should hold `model` and `model_args`."
        )
    config = _model_config(path, content["model_args"])
    weights = _our_weights(path, content["model"], config)
    named = content.get("config")
    settings = {
        name: named[name] for name in _SETTINGS if isinstance(named, dict) and name in named
    }
    step = step_of(path, content.get("iter_num", 0))
    return Imported(config=config, weights=weights, step=step, settings=settings)


def _model_config(path: Path, args: Any) -> ModelConfig:
    needed = {"n_layer", "n_head", "n_embd", "block_size", "vocab_size"}
    if not isinstance(args, dict) or not needed <= args.keys():
        raise ExchangeError(f"{path.name} does not say all of {', '.join(sorted(needed))}.")
    shape = {name: args[name] for name in (*_SHAPE, "vocab_size") if args.get(name) is not None}
    try:
        return ModelConfig(model="transformer", **shape)
    except (ConfigError, OverflowError) as error:
        raise ExchangeError(
            f"The model in {path.name} is none that the lab can hold. {error}"
        ) from error


def _our_weights(path: Path, theirs: Any, config: ModelConfig) -> dict[str, Tensor]:
    """Their weights under our names, each where it belongs and of the right shape."""
    if not isinstance(theirs, dict) or not all(isinstance(w, Tensor) for w in theirs.values()):
        raise ExchangeError(
            f"{path.name} is no checkpoint of nanoGPT: its `model` holds no weights."
        )
    found = {str(name).removeprefix("_orig_mod."): weight for name, weight in theirs.items()}
    weights = {}
    for name, shape in weight_shapes(config).items():
        weight = found.get(their_name(name))
        if weight is None or weight.shape != shape:
            came = "missing" if weight is None else f"of shape {tuple(weight.shape)}"
            raise ExchangeError(
                f"In {path.name} the weight {their_name(name)} is {came}; by its model_args it "
                f"should be of shape {tuple(shape)}."
            )
        check_weights(path.name, {their_name(name): weight})
        weights[name] = weight.float()
    head = found.get("lm_head.weight")
    if head is not None:
        check_weights(path.name, {"lm_head.weight": head})
    if head is not None and not torch.equal(head.float(), weights["token_embedding.weight"]):
        raise ExchangeError(
            f"The model in {path.name} has a head of its own; nanoGPT's, and the lab's classic "
            "transformer, share it with the token embedding."
        )
    return weights
