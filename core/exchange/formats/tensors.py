"""The lab's own models as safetensors: every model and recipe, and all that it takes to read them.

The settings, the vocabulary and where the model comes from lie in the file's metadata, as JSON.

Source of the format: https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import ConfigError, ExchangeError
from core.exchange.formats.base import Imported, step_of
from core.exchange.formats.weights import check_file, check_weights, checksum_of
from core.models import LanguageModel, weight_shapes
from core.records.door import json_in
from core.settings.config import RunConfig
from core.storage.files import write_atomically
from core.text.corpus import Vocabulary

FORMAT = 1
_KEY = "character_lab"
_SUM = "sha256"
"""Of the weights, which the format itself has no checksum for. Older exports have none."""
_DESCRIBED = {"config": dict, "corpus": str, "iter": int, "vocabulary": str}
"""What the metadata say of a model, each with its type."""


def export_safetensors(
    model: LanguageModel, vocabulary: Vocabulary, path: Path, *, about: dict[str, Any]
) -> list[Path]:
    """Write the weights with their settings; `about` holds `config`, `iter`, `corpus`."""
    weights = {name: w.detach().cpu().contiguous() for name, w in model.state_dict().items()}
    described = {"format": FORMAT, "vocabulary": vocabulary.characters} | about
    described[_SUM] = checksum_of(weights)
    content = safetensors.torch.save(weights, {"format": "pt", _KEY: json.dumps(described)})
    write_atomically(path, content)
    return [path]


def read_safetensors(path: Path) -> Imported:
    """Read what `export_safetensors` wrote.

    Raises ExchangeError when the file is damaged, or another program wrote it.
    """
    check_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            about = json_in((file.metadata() or {}).get(_KEY, "{}"))
            names = file.keys()
            weights: dict[str, Tensor] = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ExchangeError(
            f"{path.name} cannot be read: the file is damaged or cut short."
        ) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ExchangeError(
            f"{path.name} was not written by this lab's export (format {FORMAT}), so what its "
            "weights mean is not known."
        )
    for name, kind in _DESCRIBED.items():
        if not isinstance(about.get(name), kind):
            raise ExchangeError(f"{path.name} does not say all of {', '.join(sorted(_DESCRIBED))}.")
    try:
        config = RunConfig.from_flat(about["config"])
        shapes = weight_shapes(config.model)
    except (ConfigError, KeyError, TypeError, OverflowError) as error:
        raise ExchangeError(
            f"The settings in {path.name} are none that can be: {error}."
        ) from error
    if {name: weight.shape for name, weight in weights.items()} != shapes:
        raise ExchangeError(f"The weights in {path.name} are not those that its settings ask for.")
    if about.get(_SUM, whole := checksum_of(weights)) != whole:
        raise ExchangeError(
            f"The weights in {path.name} are not those that were exported: the file was damaged "
            "on its way. Export the model again, or copy the file once more."
        )
    check_weights(path.name, weights)
    return Imported(
        config=config.model,
        weights=weights,
        step=step_of(path, about["iter"]),
        vocabulary=_vocabulary(path, about["vocabulary"]),
        corpus=about["corpus"],
        settings=about["config"],
    )


def _vocabulary(path: Path, characters: str) -> Vocabulary:
    vocabulary = Vocabulary.of(characters)
    if vocabulary.characters != characters:
        raise ExchangeError(f"The characters in {path.name} are not each there once, in order.")
    return vocabulary
