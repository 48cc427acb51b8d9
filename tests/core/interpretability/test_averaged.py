"""The table that a model has in use, beside a count by hand of its guesses at every place."""

from __future__ import annotations

import math

import pytest
import torch

from core.interpretability.averaged import averaged_transitions
from core.interpretability.transitions import transition_probabilities
from core.settings.config import ModelKind
from core.training.evaluation import windows_loss
from tests.core.interpretability.test_attention import LETTERS, small_model

V = len(LETTERS)


def some_windows(model_block: int, n: int = 7) -> torch.Tensor:
    """Windows in which the last character of the vocabulary never comes."""
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, V - 1, (n, model_block + 1), generator=generator)


def test_the_mean_is_that_of_a_loop_over_all_places(
    kind: ModelKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model(kind)
    windows = some_windows(model.config.block_size)
    monkeypatch.setattr(
        "core.interpretability.averaged._CHARACTERS_PER_PASS", 2 * model.config.block_size
    )
    found = averaged_transitions(model, windows)
    guesses: dict[int, list[torch.Tensor]] = {token: [] for token in range(V)}
    followed = torch.zeros(V, V, dtype=torch.int64)
    with torch.no_grad():
        for window in windows:
            after = model(window[None, :-1])[0].softmax(dim=-1)
            for place, token in enumerate(window[:-1].tolist()):
                guesses[token].append(after[place])
                followed[token, window[place + 1]] += 1
    for token, seen in guesses.items():
        if not seen:
            assert found.probabilities[token].isnan().all()
            continue
        mean = torch.stack(seen).double().mean(dim=0)
        torch.testing.assert_close(found.probabilities[token], mean, atol=1e-6, rtol=1e-5)
        assert float(found.probabilities[token].sum()) == pytest.approx(1)
    assert torch.equal(found.followed, followed)
    assert found.n_places[V - 1] == 0 and found.n_windows == len(windows)


def test_single_guesses_stray_from_the_mean_by_what_the_context_says(kind: ModelKind) -> None:
    model = small_model(kind)
    windows = some_windows(model.config.block_size)
    found = averaged_transitions(model, windows)
    stray = []
    with torch.no_grad():
        for window in windows:
            after = model(window[None, :-1])[0].softmax(dim=-1).double()
            means = found.probabilities[window[:-1]]
            stray += (after * (after / means).log()).sum(dim=1).tolist()
    assert found.context_nats == pytest.approx(sum(stray) / len(stray), abs=1e-6)
    assert found.loss_nats == pytest.approx(windows_loss(model, windows), rel=1e-5)
    if kind == "bigram":  # it looks at nothing else, so the mean is the table
        assert found.context_nats == pytest.approx(0, abs=1e-6)
        table = transition_probabilities(model).double()
        torch.testing.assert_close(found.probabilities[: V - 1], table[: V - 1])
        assert found.loss_of(table) == pytest.approx(found.loss_nats, rel=1e-5)
    else:
        assert found.context_nats > 1e-6


def test_a_table_of_equal_chances_costs_ln_v(kind: ModelKind) -> None:
    model = small_model(kind)
    found = averaged_transitions(model, some_windows(model.config.block_size))
    assert found.loss_of(torch.full((V, V), 1 / V)) == pytest.approx(math.log(V))


def test_some_rows_are_those_of_the_whole(kind: ModelKind) -> None:
    model = small_model(kind)
    windows, kept = some_windows(model.config.block_size), torch.tensor([4, 1])
    whole = averaged_transitions(model, windows)
    part = averaged_transitions(model, windows, kept)
    torch.testing.assert_close(part.probabilities, whole.probabilities[kept])
    assert torch.equal(part.n_places, whole.n_places[kept])


def test_looking_changes_nothing_and_draws_no_random_number(kind: ModelKind) -> None:
    model = small_model(kind).train()
    before, state = [w.clone() for w in model.parameters()], torch.get_rng_state()
    averaged_transitions(model, some_windows(model.config.block_size))
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters()))
