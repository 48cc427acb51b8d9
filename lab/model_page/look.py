"""What the Model page looks at: one model, and one text on its way through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.interpretability.flow import Flow
from core.runs.lab import LoadedModel
from core.settings.config import ModelConfig
from core.text.characters import in_quotes, signs_of
from lab.components.model_map import MapPart, ModelMap, SmallPicture
from lab.figures.map_axes import Matrix, percent
from lab.model_page.boxes import Box, Boxes, boxes_of


@dataclass(frozen=True, eq=False)
class Look:
    """A text of T characters in one model."""

    loaded: LoadedModel
    newest: Callable[[], LoadedModel]
    """The model at the end of the same run, towards which planes are turned."""
    flow: Flow
    text: str
    follows: str
    """What really follows each character: one less, where the last is not known."""

    @property
    def config(self) -> ModelConfig:
        return self.loaded.model.config

    @property
    def characters(self) -> str:
        return self.loaded.vocabulary.characters

    @cached_property
    def probabilities(self) -> Matrix:
        """(T, V)."""
        return self.flow.probabilities.numpy()

    @cached_property
    def boxes(self) -> Boxes:
        return boxes_of(self.config)


def map_of(look: Look, chosen: str) -> ModelMap:
    """The map of a model, with the numbers of the text in it."""
    boxes = look.boxes
    return ModelMap(
        text=f"in: {''.join(signs_of(look.text))}",
        guess=f"out: {guess_text(look)}",
        ways_in=[_part(box) for box in boxes.ways_in],
        stream=_part(boxes.stream) if boxes.stream else None,
        layers=[[_part(box) for box in row] for row in boxes.layers],
        ways_out=[_part(box) for box in boxes.ways_out],
        pictures={box.key: small for box in boxes.all() if (small := _small(look, box.key))},
        chosen=chosen,
    )


def guess_text(look: Look) -> str:
    """What the model expects after the text, in a few words."""
    last = look.probabilities[-1]
    best = int(last.argmax())
    return f"{in_quotes(look.characters[best])} with {percent(float(last[best]))}"


def _part(box: Box) -> MapPart:
    return MapPart(key=box.key, title=box.title, detail=box.detail)


def _small(look: Look, key: str) -> SmallPicture | None:
    """The numbers of a part in small: one row for each character of the text."""
    name, layer = part_of(key)
    flow = look.flow
    if name == "attention":
        heads = flow.attention[layer - 1]  # H, T, T
        return SmallPicture(np.concatenate(list(heads.numpy()), axis=1), "share")
    if name == "probabilities":
        return SmallPicture(look.probabilities, "share")
    signed = {
        "characters": flow.token_vectors, "positions": flow.position_vectors,
        "mlp": flow.hidden[layer - 1] if layer else None, "logits": flow.logits,
        "table": flow.logits,
    }.get(name)  # fmt: skip
    return None if signed is None else SmallPicture(signed.numpy(), "signed")


def part_of(key: str) -> tuple[str, int]:
    """Kind and layer of a part; layer 0 for one that belongs to none."""
    name, _, layer = key.partition(":")
    return name, int(layer or 0)
