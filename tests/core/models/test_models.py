"""What the three models compute, against the same arithmetic written down another way."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.models import LanguageModel, build_model, count_params, model_from_weights
from core.models.attention import AttentionModel, CausalSelfAttention
from core.models.dropout import Dropout
from core.models.transformer import Transformer
from core.settings.config import ModelConfig, ModelKind
from core.settings.presets import resolve
from tests.helpers import assert_equal_states, small_config

V, T = 11, 6


def config_of(kind: ModelKind, **changes: object) -> ModelConfig:
    return small_config(kind, V, **{"block_size": T} | changes).model


def model_of(kind: ModelKind, scale: float = 10.0, **changes: object) -> LanguageModel:
    """A model in eval mode, its weights large enough that every part of it matters."""
    model = build_model(config_of(kind, **changes), seed=3).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter *= scale
            else:  # norms and biases would otherwise be ones and zeros
                noise = torch.Generator().manual_seed(sum(map(ord, name)))
                parameter += 0.3 * torch.randn(parameter.shape, generator=noise)
    return model


def tokens(n_rows: int = 3, length: int = T, seed: int = 5) -> Tensor:
    return torch.randint(V, (n_rows, length), generator=torch.Generator().manual_seed(seed))


# --- for all three --------------------------------------------------------------------------------


def test_logits_have_a_row_for_each_character(kind: ModelKind) -> None:
    for length in (1, T - 1, T):
        assert model_of(kind)(tokens(2, length)).shape == (2, length, V)


def test_the_future_never_changes_the_past(kind: ModelKind) -> None:
    model, idx = model_of(kind), tokens()
    before = model(idx)
    for t in range(1, T):
        other = idx.clone()
        other[:, t:] = (other[:, t:] + 1) % V
        after = model(other)
        assert torch.allclose(after[:, :t], before[:, :t], atol=1e-6)
        assert not torch.allclose(after[:, t], before[:, t], atol=1e-3)


def test_sequences_of_a_batch_do_not_see_each_other(kind: ModelKind) -> None:
    model, idx = model_of(kind), tokens()
    one_by_one = torch.cat([model(row[None]) for row in idx])
    assert torch.allclose(model(idx), one_by_one, atol=1e-5)


def test_the_trace_gives_the_logits_of_forward(kind: ModelKind) -> None:
    model, idx = model_of(kind), tokens()
    assert torch.allclose(model.trace(idx).logits, model(idx), atol=1e-4)


def test_a_fresh_model_knows_nothing(kind: ModelKind) -> None:
    logits = build_model(config_of(kind), seed=1).eval()(tokens())
    loss = F.cross_entropy(logits.flatten(0, 1), tokens(seed=6).flatten())
    assert float(loss.detach()) == pytest.approx(math.log(V), abs=0.02)


def test_uniform_logits_give_ln_v(kind: ModelKind) -> None:
    model = build_model(config_of(kind), seed=1).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    loss = F.cross_entropy(model(tokens()).flatten(0, 1), tokens(seed=6).flatten())
    assert float(loss.detach()) == pytest.approx(math.log(V), rel=1e-6)


def test_the_same_seed_builds_the_same_model_and_another_seed_another(kind: ModelKind) -> None:
    one, same, other = (build_model(config_of(kind), seed).state_dict() for seed in (1, 1, 2))
    assert_equal_states(dict(one), dict(same))
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_building_a_model_leaves_torchs_own_randomness_alone(kind: ModelKind) -> None:
    torch.manual_seed(42)
    expected = torch.rand(4)
    torch.manual_seed(42)
    build_model(config_of(kind), seed=1)
    assert torch.equal(torch.rand(4), expected)


def test_a_model_from_weights_is_the_same_model_ready_to_be_looked_at(kind: ModelKind) -> None:
    model = model_of(kind)
    again = model_from_weights(config_of(kind), model.state_dict())
    assert not again.training
    assert torch.equal(again(tokens()), model(tokens()))


def test_params_are_counted_without_building(kind: ModelKind) -> None:
    model = build_model(config_of(kind), seed=1)
    assert count_params(config_of(kind)) == model.n_params
    assert model.n_params == sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())


def test_dropout_acts_in_training_alone() -> None:
    for kind in ("attention", "transformer"):
        model = model_of(kind, dropout=0.5)
        assert torch.equal(model(tokens()), model(tokens()))
        model.train()
        torch.manual_seed(1)
        assert not torch.allclose(model(tokens()), model(tokens()))


def test_dropout_acts_where_it_does_in_nanogpt(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []

    def watched_forward(self: Dropout, x: Tensor) -> Tensor:
        shares.append(self.rate)
        return forward(self, x)

    forward = Dropout.forward
    monkeypatch.setattr(Dropout, "forward", watched_forward)
    model = model_of("transformer", dropout=0.5, n_layer=2)
    model.train()(tokens())
    # The embedding; in each of two blocks the weights of attention and both that are added.
    assert shares == [0.5] * (1 + 2 * 3)
    shares.clear()
    model.eval()(tokens())
    assert set(shares) == {0.0}


# --- each by itself -------------------------------------------------------------------------------


def test_the_bigram_looks_its_logits_up_in_one_table() -> None:
    model, idx = model_of("bigram"), tokens()
    table = model.state_dict()["table.weight"]
    assert table.shape == (V, V)
    assert model(idx)[1, 2].tolist() == table[idx[1, 2]].tolist()
    assert model.trace(idx).attention.numel() == 0


@pytest.mark.parametrize("kind_", ["attention", "transformer"])
def test_attention_weights_are_shares_of_the_past(kind_: ModelKind) -> None:
    config = config_of(kind_)
    attention = model_of(kind_).trace(tokens()).attention
    assert attention.shape == (config.n_layer, 3, config.n_head, T, T)
    assert torch.allclose(attention.sum(dim=-1), torch.ones(attention.shape[:-1]), atol=1e-6)
    assert torch.all(attention >= 0)
    assert torch.all(attention.triu(diagonal=1) == 0)
    assert attention.std() > 0.05  # they are no plain averages


def test_attention_written_out_is_the_fused_kernel() -> None:
    model = model_of("attention")
    assert isinstance(model, AttentionModel)
    layer: CausalSelfAttention = model.attention
    x = torch.randn(3, T, 8, generator=torch.Generator().manual_seed(1))
    q, k, v = layer.heads(x)
    fused = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    found, weights = layer.explained(x)
    assert torch.allclose(weights @ v, fused, atol=1e-5)
    assert torch.allclose(found, layer(x), atol=1e-5)


def test_a_head_asks_answers_and_takes_as_in_the_paper() -> None:
    """One head, one character after another, with loops."""
    model = model_of("attention", n_head=1, n_embd=4)
    weights = model.state_dict()
    idx = tokens(1)
    x = weights["token_embedding.weight"][idx[0]] + weights["position_embedding.weight"][:T]
    q, k, v = (x @ weights["attention.query_key_value.weight"].T).split(4, dim=1)
    for t in range(T):
        scores = torch.tensor([float(q[t] @ k[s]) / math.sqrt(4) for s in range(t + 1)])
        mixed = sum(share * v[s] for s, share in enumerate(scores.softmax(dim=0)))
        expected = weights["head.weight"] @ (weights["attention.output.weight"] @ mixed)
        assert torch.allclose(model(idx)[0, t], expected, atol=1e-5)


def test_nanogpt_cpu_has_nanogpts_number_of_parameters() -> None:
    assert count_params(resolve("transformer", 65, "nanogpt-cpu").model) == 804_096


def test_the_transformers_head_is_its_token_embedding() -> None:
    model = build_model(config_of("transformer"), seed=1).eval()
    assert isinstance(model, Transformer)
    idx = tokens() % (V - 1)  # without the last character
    before = model(idx)
    with torch.no_grad():  # a row that no input reads can change its own logits and no others
        model.token_embedding.weight[V - 1] += 1.0
    after = model(idx)
    assert torch.equal(after[..., :-1], before[..., :-1])
    assert not torch.allclose(after[..., -1], before[..., -1])
    assert not any("head" in name for name in model.state_dict())


def test_the_stream_starts_small_however_deep_the_stack() -> None:
    weights = build_model(config_of("transformer", n_layer=8, n_embd=64), seed=1).state_dict()
    for name in ("attention.output.weight", "mlp.output.weight"):
        std = float(weights[f"blocks.3.{name}"].std())
        assert std == pytest.approx(0.02 / math.sqrt(2 * 8), rel=0.05)
    assert float(weights["blocks.3.mlp.widen.weight"].std()) == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("bias", [False, True])
def test_the_transformer_computes_what_nanogpt_does(bias: bool) -> None:
    model, idx = model_of("transformer", bias=bias), tokens()
    weights = {name: w.to(torch.float64) for name, w in model.state_dict().items()}
    assert torch.allclose(model(idx).double(), nanogpt_forward(weights, idx, 2, 2), atol=1e-4)


def nanogpt_forward(w: dict[str, Tensor], idx: Tensor, n_layer: int, n_head: int) -> Tensor:
    """nanoGPT's `model.py` on a table of weights, attention with its mask written out."""
    B, length = idx.shape
    C = w["token_embedding.weight"].shape[1]

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(dim=-1, keepdim=True)
        scaled = centred / torch.sqrt(x.var(dim=-1, unbiased=False, keepdim=True) + 1e-5)
        return scaled * w[f"{name}.weight"] + w.get(f"{name}.bias", 0.0)

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)

    def heads(x: Tensor) -> Tensor:
        return x.view(B, length, n_head, C // n_head).transpose(1, 2)

    x = w["token_embedding.weight"][idx] + w["position_embedding.weight"][:length]
    for i in range(n_layer):
        block = f"blocks.{i}"
        q, k, v = linear(
            norm(x, f"{block}.norm_1"), f"{block}.attention.query_key_value"
        ).split(C, dim=2)  # fmt: skip
        scores = heads(q) @ heads(k).transpose(-2, -1) * (C // n_head) ** -0.5
        seen = torch.tril(torch.ones(length, length)) == 1
        shares = torch.softmax(scores.masked_fill(~seen, float("-inf")), dim=-1)
        mixed = (shares @ heads(v)).transpose(1, 2).reshape(B, length, C)
        x = x + linear(mixed, f"{block}.attention.output")
        wide = linear(norm(x, f"{block}.norm_2"), f"{block}.mlp.widen")
        gelu = 0.5 * wide * (1.0 + torch.erf(wide / math.sqrt(2.0)))
        x = x + linear(gelu, f"{block}.mlp.output")
    return norm(x, "norm") @ w["token_embedding.weight"].T
