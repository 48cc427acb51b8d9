"""The modern transformer: its ingredients do what they are called; it is a language model."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import torch

from core.errors import ConfigError
from core.models import MODELS, LanguageModel, build_model
from core.models.modern import (
    MAX_PAIR_ROWS,
    ModernAttention,
    ModernBlock,
    ModernTransformer,
    n_pair_rows,
    pair_rows,
    rms_norm,
    rotate,
    rotation,
    token_shift,
)
from core.models.ngrams import MAX_ROWS, NgramTables
from core.runs.lab import Lab
from core.settings.config import BLOCKS, MODEL_KINDS, MODEL_SETTINGS, ModelConfig
from core.settings.presets import RECIPES, resolve
from core.storage.checkpoint import CheckpointFolder
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests.helpers import (
    CommandLine,
    assert_equal_states,
    assert_same_run,
    small_flags,
    small_run,
    train,
)

V, T = 7, 8
GROUPS: list[dict[str, Any]] = [
    dict(block="modern"),
    dict(optimizer="muon"),
    dict(block="modern", optimizer="muon", schedule="flat"),
    dict(block="modern", optimizer="muon", ngrams=4),
    dict(block="modern", optimizer="muon", ngrams=4, logit_cap=10.0),
    dict(block="modern", optimizer="muon", head_gates=True, pair_embedding=True),
]


def modern_model(ngrams: int = 3) -> LanguageModel:
    """A modern transformer whose zeros are filled, so that every part has a say."""
    config = ModelConfig(
        model="transformer", vocab_size=V, block_size=T, n_layer=2, n_head=2, n_embd=8,
        block="modern", ngrams=ngrams,
    )  # fmt: skip
    model = build_model(config, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.3 * torch.randn(p.shape, generator=generator)
    return model


def some_tokens(B: int = 3) -> torch.Tensor:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(3))


# --- ingredients ----------------------------------------------------------------------------------


def test_rms_norm_gives_vectors_one_length() -> None:
    x = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(rms_norm(x).square().mean(-1), torch.ones(2, 3), atol=1e-4)


def test_rotation_keeps_lengths_and_makes_products_depend_on_the_distance() -> None:
    generator = torch.Generator().manual_seed(1)
    q, k = (torch.randn(1, 1, 1, 6, generator=generator).expand(1, 1, T, 6) for _ in range(2))
    by = rotation(T, 6, torch.device("cpu"))
    turned_q, turned_k = rotate(q, by), rotate(k, by)
    assert torch.allclose(turned_q.norm(dim=-1), q.norm(dim=-1), atol=1e-5)
    scores = (turned_q @ turned_k.mT)[0, 0]
    for distance in range(T):
        along = torch.diagonal(scores, -distance)
        assert torch.allclose(along, along[:1].expand_as(along), atol=1e-4)


def test_token_shift_takes_half_of_each_vector_from_the_character_before() -> None:
    x = torch.arange(12.0).view(1, 3, 4)
    assert token_shift(x).tolist() == [[[0, 1, 0, 0], [4, 5, 2, 3], [8, 9, 6, 7]]]


def test_n_gram_rows_depend_on_the_context_alone_and_short_ones_have_their_own() -> None:
    tables = modern_model(ngrams=4).tables
    assert isinstance(tables, NgramTables)
    idx = torch.tensor([[1, 2, 3, 1, 2, 3, 0, 2]])
    pairs, triples, fours = tables.rows(idx)
    assert pairs[0, 2] == pairs[0, 5] and triples[0, 2] == triples[0, 5] != triples[0, 7]
    assert fours[0, 4] != fours[0, 1]
    every_pair = torch.cartesian_prod(torch.arange(V), torch.arange(V))
    rows = tables.rows(every_pair)[0][:, 1]
    assert len(rows.unique()) == V * V


def test_hashed_rows_spread_over_the_table() -> None:
    config = ModelConfig(
        model="transformer", vocab_size=60, block_size=8, n_layer=1, n_head=1, n_embd=2,
        block="modern", ngrams=4,
    )  # fmt: skip
    tables = build_model(config, 1).tables
    assert isinstance(tables, NgramTables)
    idx = torch.randint(60, (4000, 8), generator=torch.Generator().manual_seed(1))
    rows = tables.rows(idx)[2][:, 4:].flatten()
    n = len(rows)
    expected = MAX_ROWS * (1 - math.exp(-n / MAX_ROWS))  # as random as throwing dice
    assert len(rows.unique()) == pytest.approx(expected, rel=0.03)


# --- the whole ------------------------------------------------------------------------------------


def test_capped_logits_are_bent_and_keep_their_order() -> None:
    flags = dict(block_size=T, n_layer=1, n_head=2, n_embd=8, ngrams=2)
    free, capped = (
        build_model(resolve("transformer", V, None, flags | more, "fastest").model, seed=1).eval()
        for more in ({}, {"logit_cap": 3.0})
    )
    dice = torch.Generator().manual_seed(2)
    weights = {name: torch.randn(w.shape, generator=dice) for name, w in free.state_dict().items()}
    for model in (free, capped):
        model.load_state_dict(weights)
    idx = torch.randint(V, (3, T), generator=dice)
    logits, bent = free(idx), capped(idx)
    assert logits.abs().max() > 4 and bent.abs().max() < 3
    torch.testing.assert_close(bent, 3 * torch.tanh(logits / 3))
    assert torch.equal(bent.argmax(dim=-1), logits.argmax(dim=-1))


def gated_model() -> ModernTransformer:
    """One layer with gates and vectors for pairs, all weights filled."""
    flags = dict(block_size=T, n_layer=1, n_head=2, n_embd=8)
    more = dict(head_gates=True, pair_embedding=True)
    model = build_model(resolve("transformer", V, None, flags | more, "fast").model, seed=1).eval()
    assert isinstance(model, ModernTransformer)
    dice = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.5 * torch.randn(p.shape, generator=dice)
    return model


def test_a_gate_scales_what_its_head_has_mixed_by_what_the_layer_reads() -> None:
    layer = gated_model().blocks[0].attention
    assert isinstance(layer, ModernAttention) and layer.gate is not None
    x = torch.randn(1, T, 8, generator=torch.Generator().manual_seed(4))
    by = rotation(T, 4, torch.device("cpu"))
    _, _, v = layer.heads(x, by)
    mixed = layer.weights(x, by) @ v  # 1, H, T, D
    asked = x @ layer.gate.weight.T  # 1, T, H: of a width below 12 a gate reads all
    expected = [2 / (1 + (-asked[..., h]).exp()) for h in range(2)]
    by_hand = torch.cat([mixed[:, h] * expected[h][..., None] for h in range(2)], dim=-1)
    torch.testing.assert_close(layer(x, by), layer.output(by_hand))
    with torch.no_grad():
        layer.gate.weight.zero_()
    assert torch.equal(layer.openings(x), torch.ones(1, 2, T))


def test_vectors_for_pairs_are_those_of_a_character_and_the_one_before_it() -> None:
    model = gated_model()
    idx, entered = some_tokens(B=1), []
    model.blocks[0].register_forward_pre_hook(lambda module, given: entered.append(given[0]))
    model(idx)
    assert model.pair_embedding is not None
    of_pairs = entered[0] - rms_norm(model.token_embedding(idx))
    before = [0, *idx[0, :-1].tolist()]
    expected = [model.pair_embedding.weight[t + V * b] for t, b in zip(idx[0].tolist(), before)]
    torch.testing.assert_close(of_pairs[0], torch.stack(expected))


def test_many_characters_share_the_rows_of_their_pairs() -> None:
    config = ModelConfig(
        model="transformer", vocab_size=300, block_size=T, n_layer=1, n_head=1, n_embd=2,
        block="modern", pair_embedding=True,
    )  # fmt: skip
    assert n_pair_rows(config) == MAX_PAIR_ROWS < 300**2
    tokens = torch.randint(300, (2, 1000), generator=torch.Generator().manual_seed(1))
    rows = pair_rows(tokens[0], tokens[1], config)
    assert rows.max() < MAX_PAIR_ROWS and len(rows.unique()) > 900


def test_the_first_guess_is_exactly_uniform() -> None:
    model = build_model(modern_model().config, seed=5)
    assert (model(some_tokens()) == 0).all()


def test_the_future_never_changes_the_past() -> None:
    model, idx = modern_model(), some_tokens()
    other = idx.clone()
    other[:, 5:] = (other[:, 5:] + 1) % V
    assert torch.equal(model(idx)[:, :5], model(other)[:, :5])
    assert not torch.allclose(model(idx)[:, 5:], model(other)[:, 5:])


def test_the_trace_is_what_trains() -> None:
    model, idx = modern_model(), some_tokens()
    trace = model.trace(idx)
    assert torch.allclose(trace.logits, model(idx), atol=1e-5)
    assert trace.attention.shape == (2, 3, 2, T, T)
    assert torch.allclose(trace.attention.sum(-1), torch.ones(2, 3, 2, T), atol=1e-5)
    assert (trace.attention.triu(1) == 0).all()


def test_the_weights_of_the_trace_are_those_of_the_fused_kernel() -> None:
    block = next(m for m in modern_model().modules() if isinstance(m, ModernBlock))
    x = torch.randn(2, T, 8, generator=torch.Generator().manual_seed(4))
    by = rotation(T, 4, x.device)
    values = block.attention.heads(x, by)[2]
    mixed = block.attention.weights(x, by) @ values
    explicit = block.attention.output(mixed.transpose(1, 2).flatten(2))
    assert torch.allclose(block.attention(x, by), explicit, atol=1e-5)


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_each_group_resumes_bit_for_bit_and_learns(
    group: dict[str, Any], tiny_corpus: Corpus
) -> None:
    flags: dict[str, Any] = dict(
        block_size=8, n_layer=2, n_head=2, n_embd=8, dropout=0.2, batch_size=4, max_iters=60,
        learning_rate=0.02, eval_iters=2, **group,
    )  # fmt: skip
    config = resolve("transformer", len(tiny_corpus.vocabulary), flags=flags)
    whole, first, second = (Trainer(config, tiny_corpus) for _ in range(3))
    before = whole.evaluate()
    for _ in range(40):
        whole.take_step()
    for _ in range(17):
        first.take_step()
    second.load_state_dict(first.state_dict())
    first.take_step()  # must not reach into what was handed over
    for _ in range(23):
        second.take_step()
    assert_equal_states(
        whole.state_dict() | {"elapsed_s": 0}, second.state_dict() | {"elapsed_s": 0}
    )
    assert whole.evaluate() < before - 0.2


# --- recipes --------------------------------------------------------------------------------------


def test_a_flag_wins_over_the_recipe_and_the_recipe_over_the_preset() -> None:
    flags = {"optimizer": "adamw", "n_layer": 3}
    config = resolve("transformer", 65, "nanogpt-cpu", flags, "fastest")
    assert config.train.optimizer == "adamw"
    assert config.model.n_layer == 3
    assert config.train.max_iters == RECIPES["fastest"]["max_iters"]
    assert config.train.lr_decay_iters == config.train.max_iters
    assert (config.model.block_size, config.train.batch_size) == (64, 12)


def test_the_fast_recipe_keeps_the_shapes_and_has_no_tables() -> None:
    fast = resolve("transformer", 65, "nanogpt-cpu", recipe="fast").model
    classic = resolve("transformer", 65, "nanogpt-cpu").model
    shapes = ("block_size", "n_layer", "n_head", "n_embd")
    assert all(getattr(fast, name) == getattr(classic, name) for name in shapes)
    assert fast.ngrams == 0


@pytest.mark.parametrize(
    ("model", "flags", "recipe", "message"),
    [
        ("bigram", {}, "fast", "is for the transformer"),
        ("attention", {"optimizer": "muon"}, "classic", "attention has none"),
        ("transformer", {"ngrams": 3}, "classic", "needs the modern block"),
        ("transformer", {"block": "modern", "ngrams": 1}, "classic", "from 2 on"),
        ("transformer", {"block": "modern", "n_embd": 36, "n_head": 4}, "classic", "even width"),
        ("transformer", {"logit_cap": 10.0}, "classic", "bends the logits of the modern block"),
        ("transformer", {"head_gates": True}, "classic", "needs the modern block"),
        ("transformer", {"pair_embedding": True}, "classic", "needs the modern block"),
        ("transformer", {"muon_lr": 0.1}, "classic", "needs the optimizer muon"),
        ("transformer", {"table_lr": 0.1}, "fast", "needs n-gram tables"),
        ("transformer", {}, "slow", "recipe is one of"),
    ],
)
def test_what_cannot_be_is_refused(
    model: Any, flags: dict[str, Any], recipe: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve(model, 65, flags=flags, recipe=recipe)


def test_a_run_from_before_its_block_had_this_name_is_resumed_to_the_same_end(
    lab: Lab, corpus: Corpus
) -> None:
    """Its row and its checkpoints say `fast`."""
    today, before = (
        small_run(lab, corpus, "transformer", block="modern", ngrams=3) for _ in range(2)
    )
    train(lab, today)
    train(lab, before, until=15)
    folder = CheckpointFolder(lab.home.run_folder(before))
    saved = folder.load(15)
    folder.save(replace(saved, config=saved.config | {"block": "fast"}))
    with closing(sqlite3.connect(lab.home.database)) as db, db:
        renamed = db.execute("UPDATE runs SET config = replace(config, 'modern', 'fast')")
        assert renamed.rowcount == 2
    train(lab, before)
    assert_same_run(lab, today, before)


def test_every_block_that_can_be_chosen_is_among_the_models() -> None:
    blocks = {
        kind: BLOCKS if "block" in MODEL_SETTINGS[kind] else BLOCKS[:1] for kind in MODEL_KINDS
    }
    assert set(MODELS) == {(kind, block) for kind in blocks for block in blocks[kind]}
    assert type(modern_model()) is MODELS["transformer", "modern"]


def test_the_command_line_takes_the_former_name_of_the_modern_block(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--{name}={value}" for name, value in small_flags("transformer").items()]
    started = CommandLine(capsys).ok(
        "train", "--model", "transformer", "--block", "fast", "--corpus", "tiny", *flags
    )
    assert lab.run(started["run"]).config.model.block == "modern"


def test_a_fast_run_is_trained_saved_and_read_like_any_other(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = small_run(lab, corpus, "transformer", block="modern", ngrams=3, optimizer="muon")
    train(lab, run_id, until=15)
    train(lab, run_id)
    record = lab.run(run_id)
    fields = CommandLine(capsys).ok("eval", run_id)
    assert fields["val_loss"] == record.val_loss_nats
    assert lab.model(record).model.n_params == record.n_params
