"""A classic transformer as a Hugging Face GPT-2 folder, with a tokenizer of single characters.

`transformers` loads it without any code of ours:

    AutoModelForCausalLM.from_pretrained(folder); AutoTokenizer.from_pretrained(folder)

GPT-2 there has a bias everywhere, which is zero where ours has none, and keeps its matrices the
other way round. The tokenizer splits a text into its characters and knows no others; one that it
does not know is an error, as in the lab.

Source: https://huggingface.co/docs/transformers/model_doc/gpt2 and the file format of
https://github.com/huggingface/tokenizers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from core.config import ModelConfig
from core.corpus import Vocabulary
from core.files import write_atomically
from core.interop.base import check_is_gpt2
from core.interop.nanogpt import nanogpt_weights
from core.models import LanguageModel

_TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


def export_hf(model: LanguageModel, vocabulary: Vocabulary, folder: Path) -> list[Path]:
    """Write config, weights and tokenizer; returns their paths.

    Raises ExchangeError for a model that is no GPT-2.
    """
    check_is_gpt2(model.config, "hf")
    files = {
        "config.json": _to_json(_config(model.config)),
        "generation_config.json": _to_json({"do_sample": True, "temperature": 0.8}),
        "tokenizer.json": _to_json(_tokenizer(vocabulary)),
        "tokenizer_config.json": _to_json(_tokenizer_config(model.config)),
        "model.safetensors": safetensors.torch.save(_weights(model), {"format": "pt"}),
    }
    for name, content in files.items():
        write_atomically(folder / name, content)
    return [folder / name for name in files]


def _config(config: ModelConfig) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": config.vocab_size,
        "n_positions": config.block_size,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_embd": config.n_embd,
        "activation_function": "gelu",
        "layer_norm_epsilon": 1e-5,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": None,
        "dtype": "float32",
    }


def _weights(model: LanguageModel) -> dict[str, Tensor]:
    weights = nanogpt_weights(model)
    del weights["lm_head.weight"]  # tied
    for name, weight in list(weights.items()):
        if name.endswith(_TRANSPOSED):
            weights[name] = weight.T.contiguous()
        if ".h." in name or ".ln_f." in name:
            n_out = weight.shape[0]  # ours are (out, in), and norms are vectors
            weights.setdefault(name.replace(".weight", ".bias"), torch.zeros(n_out))
    return weights


def _tokenizer(vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": "[\\s\\S]"},
            "behavior": "Isolated",
            "invert": False,
        },
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "WordLevel",
            "vocab": {character: i for i, character in enumerate(vocabulary.characters)},
            "unk_token": "<there is none>",
        },
    }


def _tokenizer_config(config: ModelConfig) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.block_size,
        "clean_up_tokenization_spaces": False,
    }


def _to_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
