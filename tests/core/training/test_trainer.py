"""A trainer's arithmetic, and that its whole state can be taken out and put back."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from core.errors import ConfigError
from core.generation.sampling import write
from core.models import build_model
from core.settings.config import ModelKind, SampleConfig
from core.text.corpus import Batches, Corpus
from core.text.windows import sample_windows
from core.training import evaluation
from core.training.devices import pick_device
from core.training.evaluation import split_loss
from core.training.optim import learning_rate_at
from core.training.trainer import DivergedError, Trainer
from tests.helpers import assert_equal_states, small_config


@pytest.fixture
def text(tiny_corpus: Corpus) -> Corpus:
    return tiny_corpus


def trainer_of(kind: ModelKind, corpus: Corpus, **changes: Any) -> Trainer:
    return Trainer(small_config(kind, len(corpus.vocabulary), **changes), corpus)


def losses(trainer: Trainer, n_steps: int) -> list[tuple[float, float]]:
    records = [trainer.take_step() for _ in range(n_steps)]
    return [(r.loss_nats, r.grad_norm) for r in records]


def state_of(trainer: Trainer) -> dict[str, Any]:
    """A copy of the state that does not change as training goes on, without times."""
    state = copy.deepcopy(trainer.state_dict())
    state.pop("elapsed_s")
    return state


# --- one step -------------------------------------------------------------------------------------


def test_a_step_says_what_it_was_like(kind: ModelKind, text: Corpus) -> None:
    trainer = trainer_of(kind, text)
    first, second = trainer.take_step(), trainer.take_step()
    assert (first.step, second.step, trainer.step) == (1, 2, 2)
    assert first.loss_nats == pytest.approx(math.log(len(text.vocabulary)), abs=0.05)
    assert first.learning_rate == learning_rate_at(0, trainer.config.train)
    assert second.learning_rate == learning_rate_at(1, trainer.config.train)
    assert first.grad_norm > 0
    assert 0 < first.elapsed_s < second.elapsed_s == trainer.elapsed_s


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_steps_are_those_of_a_plain_training_loop(text: Corpus, dropout: float) -> None:
    config = small_config("transformer", len(text.vocabulary), dropout=dropout, grad_clip=0.5)
    trainer = Trainer(config, text)
    model = build_model(config.model, config.train.seed)
    torch.manual_seed(config.train.seed)  # dropout is one stream of random numbers
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.1)
    batches = Batches(text.train, 8, 4, config.train.seed)
    for step in range(5):
        inputs, targets = batches.next()
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, config.train)
        optimizer.step()
        record = trainer.take_step()
        assert record.loss_nats == pytest.approx(float(loss.detach()), abs=1e-5)
        assert record.grad_norm == pytest.approx(float(norm), rel=1e-4)


def test_training_learns(kind: ModelKind, text: Corpus) -> None:
    trainer = trainer_of(kind, text, max_iters=200, dropout=0.0, learning_rate=0.05)
    before = trainer.evaluate()
    losses(trainer, 150)
    assert trainer.evaluate() < before - 0.3


def test_clipping_limits_what_one_step_changes(text: Corpus) -> None:
    free = trainer_of("bigram", text, grad_clip=0.0)
    clipped = trainer_of("bigram", text, grad_clip=1e-6)
    assert free.take_step().grad_norm == clipped.take_step().grad_norm > 1e-3
    moments = [t.state_dict()["optimizer"]["adamw"][0]["exp_avg"].norm() for t in (free, clipped)]
    assert moments[1] == pytest.approx(1e-7, rel=0.01)  # (1 - beta1) times the largest norm
    assert moments[0] > 1000 * moments[1]


def test_an_absurd_learning_rate_diverges_and_is_named(text: Corpus) -> None:
    trainer = trainer_of("transformer", text, learning_rate=100.0, warmup_iters=0, dropout=0.0)
    with pytest.raises(DivergedError, match=r"smaller learning_rate \(it was 100\)"):
        losses(trainer, 40)
    assert all(torch.isfinite(w).all() for w in trainer.model.state_dict().values())


def test_an_estimate_of_broken_weights_is_said_to_have_diverged(text: Corpus) -> None:
    trainer = trainer_of("bigram", text)
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(math.nan)
    with pytest.raises(DivergedError, match="After step 0 the loss was nan"):
        trainer.estimate()


def test_a_corpus_with_another_vocabulary_is_refused(text: Corpus) -> None:
    with pytest.raises(ConfigError, match="distinct characters, and the settings are for 50"):
        Trainer(small_config("bigram", 50), text)


def test_a_corpus_that_is_too_short_is_refused(text: Corpus) -> None:
    with pytest.raises(ConfigError, match="too short for block_size 8"):
        trainer_of("bigram", Corpus("short", text.text[:80]))


def test_a_device_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert pick_device("cpu") == pick_device("auto") == torch.device("cpu")
    for name in ("cuda", "mps"):
        with pytest.raises(ConfigError, match=f"no {name.upper()} device"):
            pick_device(name)


# --- exactness ------------------------------------------------------------------------------------


def test_the_same_config_gives_the_same_numbers(kind: ModelKind, text: Corpus) -> None:
    one, same, other = (trainer_of(kind, text, seed=seed) for seed in (1, 1, 2))
    assert losses(one, 8) == losses(same, 8)
    assert_equal_states(state_of(one), state_of(same))
    assert losses(other, 1) != losses(trainer_of(kind, text, seed=1), 1)


def test_a_fresh_trainer_goes_on_from_a_state(kind: ModelKind, text: Corpus) -> None:
    straight = trainer_of(kind, text)
    expected = losses(straight, 12)
    stopped = trainer_of(kind, text)
    assert losses(stopped, 5) == expected[:5]
    resumed = trainer_of(kind, text)
    resumed.load_state_dict(copy.deepcopy(stopped.state_dict()))
    assert resumed.step == 5 and resumed.elapsed_s == stopped.elapsed_s
    assert losses(resumed, 7) == expected[5:]
    assert_equal_states(state_of(resumed), state_of(straight))
    assert resumed.evaluate() == straight.evaluate()


def test_two_trainers_in_turn_are_two_trainers_alone(kind: ModelKind, text: Corpus) -> None:
    alone = [losses(trainer_of(kind, text, seed=seed), 6) for seed in (1, 2)]
    pair = [trainer_of(kind, text, seed=seed) for seed in (1, 2)]
    in_turn: list[list[tuple[float, float]]] = [[], []]
    for _ in range(6):
        for trainer, record in zip(pair, in_turn):
            record += losses(trainer, 1)
    assert in_turn == alone


def test_looking_between_steps_changes_nothing(kind: ModelKind, text: Corpus) -> None:
    undisturbed, watched = trainer_of(kind, text), trainer_of(kind, text)
    expected = losses(undisturbed, 6)
    seen = []
    for _ in range(6):
        watched.estimate()
        watched.evaluate()
        write(watched.model, text.vocabulary, "OWL", SampleConfig(max_new_tokens=3))
        build_model(watched.config.model, seed=9)
        torch.rand(3)
        seen += losses(watched, 1)
    assert seen == expected
    assert_equal_states(state_of(watched), state_of(undisturbed))


def test_training_leaves_torchs_own_randomness_alone(kind: ModelKind, text: Corpus) -> None:
    trainer = trainer_of(kind, text)
    before = torch.get_rng_state()
    losses(trainer, 2)
    trainer.estimate()
    assert torch.equal(torch.get_rng_state(), before)


def test_two_trainers_do_not_share_a_loaded_state(text: Corpus) -> None:
    donor = trainer_of("transformer", text)
    losses(donor, 3)
    one, other = trainer_of("transformer", text), trainer_of("transformer", text)
    one.load_state_dict(donor.state_dict())
    other.load_state_dict(donor.state_dict())
    expected = losses(donor, 4)
    assert losses(one, 4) == expected
    assert losses(other, 4) == expected


def test_loaded_moments_meet_the_settings_of_the_new_config(text: Corpus) -> None:
    donor = trainer_of("transformer", text, weight_decay=0.1)
    losses(donor, 3)
    heir = trainer_of("transformer", text, weight_decay=0.7)
    heir.load_state_dict(copy.deepcopy(donor.state_dict()))
    assert heir.optimizer.parts["adamw"].param_groups[0]["weight_decay"] == 0.7
    moments = heir.state_dict()["optimizer"]["adamw"]
    assert_equal_states(moments, donor.state_dict()["optimizer"]["adamw"])


# --- losses of a split ----------------------------------------------------------------------------


def naive_split_loss(trainer: Trainer, tokens: torch.Tensor) -> tuple[float, int]:
    """Window after window, character after character; also how many targets there were."""
    T, total, n_targets = trainer.config.model.block_size, 0.0, 0
    trainer.model.eval()
    for start in range(0, len(tokens) - 1, T):
        window = tokens[start : start + T + 1]
        logits = trainer.model(window[None, :-1])[0]
        for row, target in zip(logits, window[1:]):
            total -= float(row.detach().double().log_softmax(dim=0)[target])
            n_targets += 1
    trainer.model.train()
    return total / n_targets, n_targets


@pytest.mark.parametrize("n_tokens", [2, 8, 9, 10, 33, 100])
def test_split_loss_is_that_of_window_after_window(
    kind: ModelKind, text: Corpus, n_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(kind, text, learning_rate=0.1)
    losses(trainer, 5)
    tokens = text.val[:n_tokens]
    expected, n_targets = naive_split_loss(trainer, tokens)
    assert n_targets == n_tokens - 1
    assert split_loss(trainer.model, tokens) == pytest.approx(expected, rel=1e-6)
    monkeypatch.setitem(evaluation._CHARACTERS_PER_PASS, "cpu", 3 * 8)  # three windows at a time
    assert split_loss(trainer.model, tokens) == pytest.approx(expected)


def test_evaluation_is_over_the_whole_validation_split(text: Corpus) -> None:
    trainer = trainer_of("bigram", text)
    assert trainer.evaluate() == split_loss(trainer.model, text.val)


@pytest.mark.parametrize("was_training", [True, False])
def test_a_measured_model_is_left_as_it_was(text: Corpus, was_training: bool) -> None:
    model = trainer_of("transformer", text).model.train(was_training)
    assert split_loss(model, text.val) == split_loss(model, text.val)  # without dropout
    assert model.training == was_training
    assert all(p.grad is None for p in model.parameters())


def test_an_estimate_is_the_mean_over_windows_of_each_split(text: Corpus) -> None:
    trainer = trainer_of("attention", text, eval_iters=3, batch_size=4, learning_rate=0.1)
    losses(trainer, 10)
    trainer.model.eval()
    means = []
    for windows in sample_windows(text, 8, 3 * 4):
        logits = trainer.model(windows[:, :-1]).detach()
        means.append(float(F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())))
    estimate = trainer.estimate()
    assert [estimate.train_loss_nats, estimate.val_loss_nats] == pytest.approx(means)


def test_estimates_look_at_the_same_windows_each_time(kind: ModelKind, text: Corpus) -> None:
    trainer = trainer_of(kind, text)
    assert trainer.estimate() == trainer.estimate()
    before = trainer.estimate()
    losses(trainer, 3)
    after = trainer.estimate()
    assert (before.step, after.step) == (0, 3)
    assert after.train_loss_nats != before.train_loss_nats
