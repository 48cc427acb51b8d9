"""Where a model has put its characters: the two directions in which they differ most.

Principal component analysis: the vectors less their mean, seen along the two directions of largest
variance. Characters that a model treats alike lie near each other; how much of all differences is
seen in two dimensions is said by their share of the variance.

Source: Pearson 1901, https://doi.org/10.1080/14786440109462720.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import ConfigError
from core.models import LanguageModel
from core.models.bigram import BigramModel


@dataclass(frozen=True, eq=False)
class Plane:
    """N vectors in two dimensions."""

    xy: Tensor
    """(N, 2), in the units of the vectors, around their mean."""
    variance: tuple[float, float]
    """Share of the whole variance along each of the two, from 0 to 1, the larger first."""


def character_vectors(model: LanguageModel) -> Tensor:
    """What stands for each character inside: (V, C), or its row of logits in a bigram table."""
    if isinstance(model, BigramModel):
        return model.table.weight.detach()
    embedding = model.token_embedding
    assert isinstance(embedding, nn.Embedding)
    return embedding.weight.detach()


def position_vectors(model: LanguageModel) -> Tensor:
    """What stands for each place in a window: (block_size, C).

    Raises ConfigError for a model that learns none.
    """
    embedding = getattr(model, "position_embedding", None)
    if not isinstance(embedding, nn.Embedding):
        raise ConfigError("This model learns no vectors of positions.")
    return embedding.weight.detach()


def principal_plane(vectors: Tensor) -> Plane:
    """The plane of largest variance through vectors (N, C), N at least 2.

    The same vectors give the same picture: each direction points to where its largest coordinate
    is.
    """
    centred = (vectors - vectors.mean(dim=0)).double()
    along, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    along, sizes = F.pad(along, (0, 2))[:, :2], F.pad(sizes, (0, 2))
    xy = along * sizes[:2]
    largest = xy.abs().argmax(dim=0)
    xy = xy * torch.where(xy[largest, [0, 1]] < 0, -1.0, 1.0)
    shares = sizes.square() / sizes.square().sum().clamp_min(torch.finfo(torch.float64).tiny)
    return Plane(xy.float(), (float(shares[0]), float(shares[1])))


def nearest(vectors: Tensor, place: int, n: int = 5) -> list[tuple[int, float]]:
    """The vectors (N, C) that point most nearly where one of them does.

    Returns up to n places with the cosine of the angle, from -1 to 1, the nearest first.
    """
    directions = F.normalize(vectors.double(), dim=1)
    cosines = directions @ directions[place]
    cosines[place] = -torch.inf
    values, places = cosines.topk(min(n, len(vectors) - 1))
    return list(zip(places.tolist(), values.tolist()))


def turned_towards(xy: Tensor, reference: Tensor) -> Tensor:
    """Points (N, 2) turned, or mirrored, so that they lie as near as can be to `reference` (N, 2).

    Which way a plane is seen from means nothing, and it jumps from one step of a training to the
    next; distances stay. Source: Schönemann 1966, https://doi.org/10.1007/BF02289451.
    """
    left, _, right = torch.linalg.svd(xy.T @ reference)
    turn: Tensor = left @ right
    return xy @ turn
