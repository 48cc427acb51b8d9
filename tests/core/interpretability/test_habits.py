"""Heads are named after what they do: shown on models whose weights were set by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.errors import ConfigError
from core.interpretability.habits import (
    HABITS,
    RECENT,
    Habit,
    habit_places,
    head_habits,
    heads_worth,
)
from core.interpretability.habits import _kinds_of_characters as kinds_of_characters
from core.interpretability.parts import Part, without
from core.models import LanguageModel, build_model
from core.models.attention import AttentionModel
from core.models.transformer import Transformer
from core.settings.presets import resolve
from core.text.corpus import Vocabulary
from core.training.evaluation import windows_loss

VOCABULARY = Vocabulary("\n Ebcdeo")
V, T = len(VOCABULARY), 48
SURE = 400.0
"""A score that leaves softmax no doubt."""


def windows(n: int = 30, length: int = T) -> Tensor:
    return torch.randint(V, (n, length), generator=torch.Generator().manual_seed(3))


def looking(by_place: Tensor, by_token: Tensor, n_head: int = 1) -> LanguageModel:
    """One head that scores a place by what stands there and where, as seen from where one stands.

    In the first V numbers of a vector is the token, in the next T the place. by_place (T, T) and
    by_token (V, V): the score of the column, from the row.
    """
    C = 4 * n_head * math.ceil((V + T) / (4 * n_head))
    config = resolve("attention", V, None, dict(block_size=T, n_head=n_head, n_embd=C)).model
    model = build_model(config, seed=1).eval()
    assert isinstance(model, AttentionModel)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.token_embedding.weight[:, :V] = torch.eye(V)
        model.position_embedding.weight[:, V : V + T] = torch.eye(T)
        queries = model.attention.query_key_value.weight[:C]  # C, C: what is asked of a place
        queries[:V, :V] = by_token.T
        queries[V : V + T, V : V + T] = by_place.T
        model.attention.query_key_value.weight[C : 2 * C] = math.sqrt(C) * torch.eye(C)
    return model


def at(wanted: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Scores (T, T) by place: high where it is wanted, of the row that looks and the column."""
    rows, columns = torch.meshgrid(torch.arange(T), torch.arange(T), indexing="ij")
    return SURE * wanted(rows, columns).float()


def on(characters: str) -> Tensor:
    """Scores (V, V): high for these characters, whoever looks."""
    return SURE * torch.tensor([c in characters for c in VOCABULARY.characters]).float().expand(
        V, V
    )


NOWHERE, NOTHING = torch.zeros(T, T), torch.zeros(V, V)
ONLY: dict[Habit, tuple[Tensor, Tensor]] = {
    "previous": (at(lambda t, s: s == t - 1), NOTHING),
    "itself": (at(lambda t, s: s == t), NOTHING),
    "recent": (at(lambda t, s: s > t - RECENT), NOTHING),
    "first": (at(lambda t, s: s == 0), NOTHING),
    "same": (-2 * at(lambda t, s: s == t), SURE * torch.eye(V)),
    "spaces": (NOWHERE, on("\n ")),
    "vowels": (NOWHERE, on("eEo")),
    "capitals": (NOWHERE, on("E")),
}


@pytest.mark.parametrize("habit", ONLY)
def test_a_head_built_for_one_habit_is_named_after_it(habit: Habit) -> None:
    (head,) = head_habits(looking(*ONLY[habit]), VOCABULARY, windows())
    assert (head.layer, head.head, head.name) == (1, 1, habit)
    assert head.score == pytest.approx(1.0, abs=0.02)
    assert head.score == head.shares[habit]
    assert head.times_even == pytest.approx(head.score / head.even_shares[habit])


def test_an_induction_head_of_two_layers_is_named_after_it() -> None:
    """Layer 1 notes in each place what stood before it; layer 2 looks for its own character there.

    Each number of a vector stands for one thing: the token (V), the place (T), what stood before
    (V). Later places score a little higher, so that the last time wins.
    """
    C = 2 * V + T
    shape = dict(block_size=T, n_layer=2, n_head=1, n_embd=C, bias=False)
    model = build_model(resolve("transformer", V, None, shape).model, seed=1).eval()
    assert isinstance(model, Transformer)
    token, place, before = slice(0, V), slice(V, V + T), slice(V + T, C)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for block in model.blocks:
            block.norm_1.weight.fill_(1.0)
            block.norm_2.weight.fill_(1.0)
        model.token_embedding.weight[:, token] = 4 * torch.eye(V)
        model.position_embedding.weight[:, place] = 4 * torch.eye(T)
        first, second = (block.attention for block in model.blocks)
        first.query_key_value.weight[:C][place, place] = at(lambda t, s: s == t - 1).T
        first.query_key_value.weight[C : 2 * C] = torch.eye(C)
        first.query_key_value.weight[2 * C :][before, token] = 4 * torch.eye(V)
        first.output.weight.copy_(torch.eye(C))
        second.query_key_value.weight[:C][before, token] = SURE * torch.eye(V)
        later = torch.arange(T, dtype=torch.float32).expand(T, T)
        # LayerNorm takes the mean away, so that the places of a vector together are below 0.
        second.query_key_value.weight[:C][place, place] = -20 * later.T
        second.query_key_value.weight[C : 2 * C] = torch.eye(C)
    previous, induction = head_habits(model, VOCABULARY, windows())
    assert (previous.name, induction.name) == ("previous", "after_same")
    assert induction.score > 0.9


def test_a_head_that_has_learned_nothing_is_even() -> None:
    (head,) = head_habits(looking(NOWHERE, NOTHING), VOCABULARY, windows())
    assert (head.name, head.times_even) == ("even", 1.0)
    assert head.score == pytest.approx(1.0)
    expected = sum(math.log(t) for t in range(2, T + 1)) / (T - 1)
    assert head.entropy_nats == pytest.approx(expected, abs=1e-5)
    for habit in HABITS:
        assert head.shares[habit] == pytest.approx(head.even_shares[habit], abs=1e-5)


def test_a_head_without_a_habit_has_no_name() -> None:
    """It looks at places that no rule knows: every third."""
    by_place = at(lambda t, s: s % 3 == 1)
    (head,) = head_habits(looking(by_place, NOTHING), VOCABULARY, windows())
    assert head.name == "none"
    assert head.times_even < 1.8


def test_which_places_are_of_which_kind() -> None:
    vocabulary = Vocabulary("\n AEbé")
    text = "b Ab\nébb"
    tokens = vocabulary.encode(text)[None]
    places = dict(zip(HABITS, habit_places(tokens, kinds_of_characters(vocabulary))[:, 0]))

    def seen_from(t: int, habit: Habit) -> list[int]:
        return places[habit][t].nonzero()[:, 0].tolist()

    assert seen_from(7, "previous") == [6] and seen_from(7, "itself") == [7]
    assert seen_from(7, "first") == [0] and seen_from(7, "recent") == list(range(8))
    assert seen_from(7, "same") == [0, 3, 6] and seen_from(2, "same") == []
    assert seen_from(7, "after_same") == []  # the last time is just before, and what follows is it
    assert seen_from(6, "after_same") == [4] and seen_from(3, "after_same") == [1]
    assert seen_from(7, "spaces") == [1, 4] and seen_from(3, "spaces") == [1]
    assert seen_from(7, "word_starts") == [0, 2, 5]
    assert seen_from(7, "vowels") == [2, 5] and seen_from(7, "capitals") == [2]


def test_all_windows_count_alike_however_many_are_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = looking(*ONLY["vowels"])
    (at_once,) = head_habits(model, VOCABULARY, windows())
    monkeypatch.setattr("core.interpretability.habits._WEIGHTS_PER_PASS", 1)
    (one_by_one,) = head_habits(model, VOCABULARY, windows())
    assert dict(one_by_one.shares) == pytest.approx(dict(at_once.shares), rel=1e-4)
    assert one_by_one.entropy_nats == pytest.approx(at_once.entropy_nats)


def test_a_table_has_no_heads() -> None:
    table = build_model(resolve("bigram", V).model, seed=1)
    assert head_habits(table, VOCABULARY, windows()) == []
    with pytest.raises(ConfigError, match="no heads"):
        heads_worth(table, windows(3, T + 1))


def test_the_worth_of_a_head_is_what_its_loss_costs_the_costliest_first() -> None:
    shape = dict(block_size=T, n_layer=2, n_head=2, n_embd=8)
    model = build_model(resolve("transformer", V, None, shape).model, seed=1).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5 * torch.randn(parameter.shape)
    rows = windows(4, T + 1)
    found = heads_worth(model, rows)
    assert sorted((w.layer, w.head) for w in found) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [w.delta_nats for w in found] == sorted((w.delta_nats for w in found), reverse=True)
    whole = windows_loss(model, rows)
    for worth in found:
        rest = without(model, [Part("head", worth.layer, worth.head)])
        assert worth.val_loss_nats == windows_loss(rest, rows)
        assert worth.delta_nats == pytest.approx(worth.val_loss_nats - whole)
