"""nanoGPT's checkpoints, out and in: `ckpt.pt`, and the `meta.pkl` that its sampling reads.

Source: https://github.com/karpathy/nanoGPT (`model.py`, `train.py`, `sample.py`).
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.checkpoint import UNREADABLE
from core.config import ModelConfig
from core.corpus import Vocabulary
from core.errors import ConfigError, ExchangeError
from core.files import write_atomically
from core.interop.base import Imported, check_is_gpt2, step_of
from core.models import LanguageModel, weight_shapes

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
    step: int,
    val_loss: float | None,
    settings: dict[str, Any],
) -> list[Path]:
    """Write `ckpt.pt`, without its optimiser, and `meta.pkl`; returns their paths.

    nanoGPT's `sample.py` writes with it, given `meta.pkl` under `data/<dataset>/`. Raises
    ExchangeError for a model that is no GPT-2.
    """
    config = model.config
    check_is_gpt2(config, "nanogpt")
    args = {name: getattr(config, name) for name in _SHAPE} | {"vocab_size": config.vocab_size}
    checkpoint = {
        "model": nanogpt_weights(model),
        "model_args": args,
        "iter_num": step,
        "best_val_loss": val_loss,
        "config": {name: settings[name] for name in _SETTINGS} | {"dataset": "lab"} | args,
    }
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    characters = vocabulary.characters
    meta = {
        "vocab_size": len(characters),
        "stoi": {character: token for token, character in enumerate(characters)},
        "itos": dict(enumerate(characters)),
    }
    write_atomically(folder / "ckpt.pt", buffer.getbuffer())
    write_atomically(folder / "meta.pkl", pickle.dumps(meta))
    return [folder / "ckpt.pt", folder / "meta.pkl"]


def read_nanogpt(path: Path) -> Imported:
    """Read a `ckpt.pt`, whether or not `torch.compile` renamed its weights. Never runs code.

    Its optimiser, if there is one, is left aside. Raises ExchangeError when the file is something
    else, or something is missing in it.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise ExchangeError(
            f"{path} cannot be read as a checkpoint of nanoGPT: it is damaged, or holds more than "
            "tensors and plain values, which is not loaded because it could run code."
        ) from error
    if not isinstance(content, dict) or not {"model", "model_args"} <= content.keys():
        raise ExchangeError(
            f"{path} is no checkpoint of nanoGPT: it should hold `model` and `model_args`."
        )
    config = _model_config(path, content["model_args"])
    weights = _our_weights(path, content["model"], config)
    named = content.get("config")
    settings = {
        name: named[name] for name in _SETTINGS if isinstance(named, dict) and name in named
    }
    step = step_of(path, content.get("iter_num", 0))
    return Imported(config=config, weights=weights, iter=step, settings=settings)


def _model_config(path: Path, args: Any) -> ModelConfig:
    needed = {"n_layer", "n_head", "n_embd", "block_size", "vocab_size"}
    if not isinstance(args, dict) or not needed <= args.keys():
        raise ExchangeError(f"{path} does not say all of {', '.join(sorted(needed))}.")
    shape = {name: args[name] for name in (*_SHAPE, "vocab_size") if args.get(name) is not None}
    try:
        return ModelConfig(model="transformer", **shape)
    except (ConfigError, OverflowError) as error:
        raise ExchangeError(
            f"The model in {path} is none that the lab can hold. {error}"
        ) from error


def _our_weights(path: Path, theirs: Any, config: ModelConfig) -> dict[str, Tensor]:
    """Their weights under our names, each where it belongs and of the right shape."""
    if not isinstance(theirs, dict) or not all(isinstance(w, Tensor) for w in theirs.values()):
        raise ExchangeError(f"{path} is no checkpoint of nanoGPT: its `model` holds no weights.")
    found = {str(name).removeprefix("_orig_mod."): weight for name, weight in theirs.items()}
    weights = {}
    for name, shape in weight_shapes(config).items():
        weight = found.get(their_name(name))
        if weight is None or weight.shape != shape:
            came = "missing" if weight is None else f"of shape {tuple(weight.shape)}"
            raise ExchangeError(
                f"In {path} the weight {their_name(name)} is {came}; by its model_args it should "
                f"be of shape {tuple(shape)}."
            )
        weights[name] = weight.float()
    head = found.get("lm_head.weight")
    if head is not None and not torch.equal(head.float(), weights["token_embedding.weight"]):
        raise ExchangeError(
            f"The model in {path} has a head of its own; nanoGPT's, and the lab's classic "
            "transformer, share it with the token embedding."
        )
    return weights
