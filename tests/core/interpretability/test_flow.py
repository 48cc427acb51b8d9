"""What flows through a model adds up to what the model says."""

from __future__ import annotations

import pytest
import torch

from core.interpretability.flow import flow_of
from core.interpretability.parts import mlp_outputs
from core.models import LanguageModel, build_model
from core.models.modern import ModernTransformer
from core.settings.presets import resolve

SHAPE = dict(block_size=12, n_embd=16, n_head=2, n_layer=3)


def model_of(kind: str, recipe: str = "classic") -> LanguageModel:
    shape = dict(SHAPE) if kind != "bigram" else {"block_size": 12}
    if kind == "attention":
        del shape["n_layer"]
    model = build_model(resolve(kind, 20, None, shape, recipe).model, seed=3).eval()  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():  # the modern block starts by adding nothing
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.1)
    return model


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(20, (9,), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("recipe", ["classic", "fast"])
def test_what_the_parts_add_is_what_the_stream_gains(recipe: str, tokens: torch.Tensor) -> None:
    flow = flow_of(model_of("transformer", recipe), tokens)
    gained = flow.stream[:-1] + flow.added_by_attention + flow.added_by_mlp
    assert torch.allclose(flow.stream[1:], gained, atol=1e-5)
    assert flow.added_by_attention.abs().amin(dim=(1, 2)).max() > 0
    assert flow.hidden.shape == (3, 9, 64)


@pytest.mark.parametrize(
    ("kind", "recipe"),
    [("bigram", "classic"), ("attention", "classic"), ("transformer", "classic"),
     ("transformer", "fast")],
)  # fmt: skip
def test_the_flow_ends_in_the_model_s_own_logits(
    kind: str, recipe: str, tokens: torch.Tensor
) -> None:
    model = model_of(kind, recipe)
    flow = flow_of(model, tokens)
    with torch.no_grad():
        assert torch.allclose(flow.logits, model(tokens[None])[0], atol=1e-5)
        again = model.unembed(flow.stream[-1][None], tokens[None])[0]
    assert torch.allclose(flow.logits, again, atol=1e-5)
    assert torch.allclose(flow.probabilities.sum(dim=-1), torch.ones(9))
    assert flow.attention.shape[0] == len(flow.stream) - 1
    assert torch.allclose(flow.attention.sum(dim=-1), torch.ones(flow.attention.shape[:-1]))
    assert not any(module._forward_hooks for module in model.modules())


def test_the_stream_begins_with_what_and_where(tokens: torch.Tensor) -> None:
    for kind in ("attention", "transformer"):
        flow = flow_of(model_of(kind), tokens)
        assert flow.position_vectors is not None
        assert torch.allclose(flow.stream[0], flow.token_vectors + flow.position_vectors)
    layer = flow_of(model_of("attention"), tokens)
    assert torch.allclose(layer.stream[1], layer.added_by_attention[0], atol=1e-6)
    assert layer.hidden.numel() == 0


def test_an_mlp_s_hidden_numbers_are_those_that_its_matrix_reads(tokens: torch.Tensor) -> None:
    model = model_of("transformer", "fast")
    assert isinstance(model, ModernTransformer)
    flow = flow_of(model, tokens)
    assert flow.position_vectors is None and flow.hidden.min() >= 0  # ReLU squared
    with torch.no_grad():
        written = flow.hidden[1] @ mlp_outputs(model)[1].weight.T
    assert torch.allclose(written, flow.added_by_mlp[1], atol=1e-5)
