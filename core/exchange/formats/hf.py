"""A classic transformer as a Hugging Face GPT-2 folder, with a tokenizer of single characters.

`transformers` loads it without any code of ours:

    AutoModelForCausalLM.from_pretrained(folder); AutoTokenizer.from_pretrained(folder)

GPT-2 there has a bias everywhere, which is zero where ours has none, and keeps its matrices the
other way round. The tokenizer splits a text into its characters and knows no others; one that it
does not know is an error, as in the lab. By default it writes until the block is full, since there
are no positions beyond.

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

from core.exchange.formats.base import check_is_gpt2
from core.exchange.formats.card import About, model_card
from core.exchange.formats.nanogpt import nanogpt_weights
from core.generation.sampling import starting_prompt
from core.models import LanguageModel
from core.settings.config import ModelConfig
from core.storage.files import write_atomically
from core.text.corpus import Vocabulary

_PAD = "<pad>"
_TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


def export_hf(
    model: LanguageModel, vocabulary: Vocabulary, folder: Path, *, about: About
) -> list[Path]:
    """Write config, weights, tokenizer and model card; returns their paths.

    Raises ExchangeError for a model that is no GPT-2.
    """
    check_is_gpt2(model.config, "hf")
    files = {
        "config.json": _to_json(_config(model.config) | _token_ids(vocabulary)),
        "generation_config.json": _to_json(_generation(model.config) | _token_ids(vocabulary)),
        "tokenizer.json": _to_json(_tokenizer(vocabulary)),
        "tokenizer_config.json": _to_json(_tokenizer_config(model.config, vocabulary)),
        "model.safetensors": safetensors.torch.save(_weights(model), {"format": "pt"}),
        "README.md": model_card(vocabulary, about, folder.resolve().name).encode("utf-8"),
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
        "dtype": "float32",
    }


def _token_ids(vocabulary: Vocabulary) -> dict[str, Any]:
    """What an empty prompt begins with, as in the lab, and what masked places bear; no end."""
    return {
        "bos_token_id": int(vocabulary.encode(starting_prompt(vocabulary))[0]),
        "eos_token_id": None,
        "pad_token_id": len(vocabulary) - 1,
    }


def _generation(config: ModelConfig) -> dict[str, Any]:
    """`top_k` 0: all characters may be drawn, where transformers would leave all but 50 out."""
    return {"do_sample": True, "temperature": 0.8, "top_k": 0, "max_length": config.block_size}


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
    """Byte-pair encoding without pairs, so that each character is a token.

    Of all models it is the one whose error for an unknown character can be worded: `tokenizers`
    says "Unk token `…` not found in the vocabulary".
    """
    tokens = {character: i for i, character in enumerate(vocabulary.characters)}
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
            "type": "BPE",
            "dropout": None,
            "unk_token": "a character in this text, which the model never saw (README.md lists "
            f"the {len(vocabulary):,} that it knows)",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": tokens | {_PAD: len(vocabulary) - 1},
            "merges": [],
        },
    }


def _tokenizer_config(config: ModelConfig, vocabulary: Vocabulary) -> dict[str, Any]:
    """Padding is the second name of the last token, for the model has none to spare.

    A token is decoded to the name that was added last, and left out if that name is special: so
    first the padding, then the character. In a text the padding's name is just its characters.
    """
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.block_size,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        "padding_side": "left",
        "truncation_side": "left",
        "pad_token": _PAD,
        "split_special_tokens": True,
        "added_tokens_decoder": {
            "0": _added(_PAD, special=True),
            "1": _added(vocabulary.characters[-1], special=False),
        },
    }


def _added(content: str, *, special: bool) -> dict[str, Any]:
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"content": content, "special": special} | plain


def _to_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
