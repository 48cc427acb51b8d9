"""Two dimensions that keep what there is to see, always turned the same way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from core.interpretability.embeddings import (
    character_vectors,
    nearest,
    position_vectors,
    principal_plane,
)
from core.models import build_model
from core.settings.presets import resolve
from tests.core.interpretability.test_parts import HOW, T, V, some_model


def test_the_plane_is_that_of_the_largest_eigenvalues() -> None:
    dice = torch.Generator().manual_seed(1)
    vectors = torch.randn(30, 6, generator=dice) * torch.tensor([5.0, 3.0, 1.0, 1.0, 0.5, 0.1])
    plane = principal_plane(vectors)
    values = np.linalg.eigvalsh(np.cov(vectors.double().numpy().T))[::-1]
    assert plane.variance == pytest.approx(tuple(values[:2] / values.sum()))
    spread = plane.xy.double().var(dim=0)
    assert spread.numpy() == pytest.approx(values[:2], rel=1e-4)
    assert plane.xy.mean(dim=0).numpy() == pytest.approx([0, 0], abs=1e-4)
    assert torch.equal(principal_plane(vectors + 3.0).xy.sign(), plane.xy.sign())


def test_what_lies_in_a_plane_is_seen_whole() -> None:
    flat = torch.zeros(5, 9)
    flat[:, 2], flat[:, 7] = torch.arange(5.0), torch.tensor([0.0, 2.0, 0.0, 1.0, 0.0])
    plane = principal_plane(flat)
    assert sum(plane.variance) == pytest.approx(1.0)
    torch.testing.assert_close(torch.cdist(plane.xy, plane.xy), torch.cdist(flat, flat))


def test_two_vectors_and_equal_vectors_have_a_plane_too() -> None:
    assert principal_plane(torch.tensor([[0.0, 1.0], [0.0, 3.0]])).variance == (1.0, 0.0)
    same = principal_plane(torch.ones(4, 3))
    assert same.variance == (0.0, 0.0) and not same.xy.any()


@pytest.mark.parametrize("name", HOW)
def test_every_model_has_vectors_of_characters(name: str) -> None:
    model = some_model(name)
    assert character_vectors(model).shape == (V, 8)
    if name in ("fast", "fastest"):
        with pytest.raises(ConfigError, match="no vectors of positions"):
            position_vectors(model)
    else:
        assert position_vectors(model).shape == (T, 8)
    table = build_model(resolve("bigram", V).model, seed=1)
    assert character_vectors(table).shape == (V, V)


def test_the_nearest_point_the_same_way() -> None:
    vectors = torch.tensor([[1.0, 0.0], [5.0, 0.1], [0.0, 1.0], [-1.0, 0.0]])
    (first, cosine), *rest = nearest(vectors, 0)
    assert first == 1 and cosine == pytest.approx(1.0, abs=1e-3)
    assert [place for place, _ in rest] == [2, 3]
    assert rest[-1][1] == pytest.approx(-1.0)
