"""The models between the models: equal to the three where they meet, else one idea apart."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core.models import LanguageModel, build_model
from core.models.ladder import LadderBlock, LadderModel
from core.settings.config import ModelConfig, ModelKind, RunConfig
from core.settings.ideas import IDEAS, OF_ATTENTION, OF_TRANSFORMER, Idea, ideas_text
from core.text.corpus import Corpus
from core.training.evaluation import loss_given_the_past, windows_loss
from core.training.trainer import Trainer
from tests.core.models.test_models import T, V, tokens
from tests.helpers import play, small_config

WHOLE = OF_TRANSFORMER


def rung(ideas: frozenset[Idea], n_layer: int = 2, **changes: object) -> RunConfig:
    settings = {"block": "ladder", "ideas": ideas_text(ideas), "n_layer": n_layer, "dropout": 0.0}
    return small_config("transformer", V, **{"block_size": T} | settings | changes)


def model_with(ideas: frozenset[Idea], n_layer: int = 2, **changes: object) -> LanguageModel:
    """A model in eval mode, its weights large enough that every part of it matters."""
    model = build_model(rung(ideas, n_layer, **changes).model, seed=3).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter *= 10
    return model


# --- where the ladder meets the models ------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ideas", "n_layer"),
    [("attention", OF_ATTENTION, 1), ("transformer", WHOLE, 1), ("transformer", WHOLE, 3)],
)
def test_with_the_ideas_of_a_model_it_is_that_model(
    kind: ModelKind, ideas: frozenset[Idea], n_layer: int
) -> None:
    layers = {} if kind == "attention" else {"n_layer": n_layer}
    theirs = small_config(kind, V, block_size=T, dropout=0.0, max_iters=5, learning_rate=1e-2,
                          **layers)  # fmt: skip
    ours = rung(ideas, n_layer, max_iters=5, learning_rate=1e-2)
    idx = tokens()
    models = [build_model(config.model, seed=7).eval() for config in (theirs, ours)]
    assert torch.equal(models[0](idx), models[1](idx))
    assert models[0].n_params == models[1].n_params
    for one, other in zip(*(vars(model.trace(idx)).values() for model in models)):
        assert torch.equal(one, other)
    corpus = Corpus("tiny", play(2_000))
    n_signs = {"vocab_size": len(corpus.vocabulary)}
    trainers = [
        Trainer(RunConfig.from_flat(config.flat() | n_signs), corpus) for config in (theirs, ours)
    ]
    for _ in range(5):
        losses = [trainer.take_step().loss_nats for trainer in trainers]
        assert losses[0] == losses[1]


def test_without_any_idea_it_is_a_table_in_two_factors() -> None:
    model = build_model(rung(frozenset(), 0).model, seed=7).eval()
    assert isinstance(model, LadderModel) and model.head is not None
    table = model.token_embedding.weight @ model.head.weight.T  # V, V
    assert torch.allclose(model(tokens()), table[tokens()], atol=1e-6)
    assert model.n_params == 2 * V * model.config.n_embd


# --- each idea ------------------------------------------------------------------------------------


def looks(ideas: frozenset[Idea], n_layer: int = 1) -> Tensor:
    """The weights of the first head of the first layer: (T, T)."""
    return model_with(ideas, n_layer).trace(tokens()).attention[0, 0, 0]


def test_without_attention_a_character_sees_itself_alone() -> None:
    model, idx = model_with(WHOLE - {"attention", "mask", "scale", "positions"}), tokens()
    assert torch.equal(looks(WHOLE - {"attention", "mask", "scale"}), torch.eye(T))
    other = idx.clone()
    other[:, 0] = (other[:, 0] + 1) % V
    assert torch.equal(model(other)[:, 1:], model(idx)[:, 1:])


def test_an_average_takes_as_much_from_each_up_to_itself() -> None:
    shares = looks(frozenset({"average"}))
    for t in range(T):
        assert torch.allclose(shares[t, : t + 1], torch.full((t + 1,), 1 / (t + 1)))
        assert not shares[t, t + 1 :].any()


def test_only_without_the_mask_the_future_is_seen() -> None:
    assert not looks(WHOLE).triu(diagonal=1).any()
    assert looks(WHOLE - {"mask"}).triu(diagonal=1).sum() > 0.1
    idx = tokens()
    other = idx.clone()
    other[:, -1] = (other[:, -1] + 1) % V
    for ideas in (WHOLE, WHOLE - {"mask"}):
        model = model_with(ideas)
        same = torch.allclose(model(other)[:, :-1], model(idx)[:, :-1], atol=1e-5)
        assert same == ("mask" in ideas)


def test_without_the_scale_scores_are_sqrt_d_times_as_large() -> None:
    D = rung(WHOLE).model.head_size
    scaled, unscaled = (looks(OF_ATTENTION - out) for out in (set(), {"scale"}))
    ratios = []
    for weights in (unscaled, scaled):
        logs = weights[-1].log()
        ratios.append(logs - logs[0])  # what softmax leaves of scores are their differences
    assert torch.allclose(ratios[0][1:] / ratios[1][1:], torch.tensor(math.sqrt(D)), rtol=1e-3)


def test_without_positions_the_order_of_the_past_does_not_matter() -> None:
    idx = tokens()
    shuffled = torch.cat((idx[:, :-1].flip(1), idx[:, -1:]), dim=1)
    for ideas in (OF_ATTENTION, OF_ATTENTION - {"positions"}):
        model = model_with(ideas, 1)
        same = torch.allclose(model(shuffled)[:, -1], model(idx)[:, -1], atol=1e-5)
        assert same == ("positions" not in ideas)


def test_only_the_residual_stream_keeps_what_was_there() -> None:
    for ideas in (WHOLE, WHOLE - {"residual"}):
        model = model_with(ideas)
        for block in model.blocks:  # type: ignore[union-attr]
            assert isinstance(block, LadderBlock) and block.mlp is not None
            with torch.no_grad():
                block.attention.output.weight.zero_()
                block.mlp.output.weight.zero_()
        stream = model.trace(tokens()).stream
        assert stream[-1].any() == ("residual" in ideas)


@pytest.mark.parametrize("idea", [idea for idea in IDEAS if idea in WHOLE])
def test_each_idea_is_heard_and_changes_its_own_weights_alone(idea: Idea) -> None:
    gone = {idea, "mask", "scale"} if idea == "attention" else {idea}
    whole, without = model_with(WHOLE), model_with(WHOLE - gone)
    assert not torch.allclose(whole(tokens()), without(tokens()), atol=1e-3)
    weights = [{n: w.shape for n, w in m.state_dict().items()} for m in (whole, without)]
    differ = set(weights[0].keys() ^ weights[1].keys())
    part = {
        "attention": "attention", "positions": "position_embedding", "mlp": "mlp", "norm": "norm",
        "tied": "head",
    }  # fmt: skip
    mlp_norm = {n for n in differ if idea == "mlp" and "norm_2" in n}
    assert all(part.get(idea, "?") in name for name in differ - mlp_norm)
    assert bool(differ) == (idea in part)


def test_dropout_falls_on_weights_that_see_the_future_too() -> None:
    model = build_model(rung(WHOLE - {"mask"}, dropout=0.5).model, seed=3)
    assert not torch.equal(model.train()(tokens()), model(tokens()))
    assert torch.equal(model.eval()(tokens()), model(tokens()))


@pytest.mark.parametrize(
    ("ideas", "n_layer"),
    [
        (frozenset(), 0), (frozenset({"positions", "norm", "tied"}), 0),
        (frozenset({"average"}), 1), (WHOLE - {"mask"}, 2), (WHOLE - {"scale", "residual"}, 2),
        (WHOLE - {"attention", "mask", "scale"}, 2),
    ],
)  # fmt: skip
def test_the_trace_gives_the_logits_of_forward(ideas: frozenset[Idea], n_layer: int) -> None:
    model, idx = model_with(ideas, n_layer), tokens()
    trace = model.trace(idx)
    assert torch.allclose(trace.logits, model(idx), atol=1e-4)
    assert trace.attention.shape == (n_layer, 3, model.config.n_head, T, T)
    assert torch.allclose(trace.attention.sum(-1), torch.ones(n_layer, 3, model.config.n_head, T))
    assert trace.stream.shape == (n_layer, 3, T, model.config.n_embd)


# --- scored honestly ------------------------------------------------------------------------------


def test_only_a_model_that_sees_the_future_is_worse_when_it_has_only_the_past() -> None:
    windows = tokens(4, T + 1)
    causal, seeing = model_with(WHOLE), model_with(WHOLE - {"mask"})
    assert loss_given_the_past(causal, windows) == pytest.approx(windows_loss(causal, windows))
    assert loss_given_the_past(seeing, windows) != pytest.approx(
        windows_loss(seeing, windows), rel=1e-3
    )


def test_a_config_of_the_ladder_builds_the_ladder(kind: ModelKind) -> None:
    config = small_config(kind, V).model
    assert not isinstance(build_model(config, seed=1), LadderModel)
    assert isinstance(build_model(rung(WHOLE).model, seed=1), LadderModel)
    assert ModelConfig(**vars(rung(WHOLE).model)) == rung(WHOLE).model
