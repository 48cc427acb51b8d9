"""The scenes in sentences: every number is the step's own, every character can be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.interpretability.training_step import TrainingStep, tell_step, told_guess
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from lab.train_page.story.words import SCENES, Telling, context_line, scene_text
from tests.recipes import config_of

BATCH, GUESS, LOSS, GRADIENT, UPDATE, AFTER = range(len(SCENES))


def telling_of(name: str, corpus: Corpus, **changes: object) -> Telling:
    trainer = Trainer(config_of(name, len(corpus.vocabulary), **changes), corpus)
    trainer.take_step()
    told = tell_step(trainer)
    return Telling(told, told_guess(told, 1, 5), corpus.vocabulary, trainer.config)


def retold(telling: Telling, **changes: object) -> Telling:
    told: TrainingStep = replace(telling.told, **changes)  # type: ignore[arg-type]
    return replace(telling, told=told)


def text(scene: int, telling: Telling) -> str:
    return scene_text(scene, telling).replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def test_the_batch_says_how_much_is_read_and_what_is_followed(tiny_corpus: Corpus) -> None:
    telling = telling_of("classic", tiny_corpus)
    said = text(BATCH, telling)
    assert "Step 2 reads **4 windows of 8 characters**" in said and "32 guesses" in said
    assert "in window 2 at place 6" in said and telling.target.replace("\\", "") in said
    assert "Drawn are" not in said
    assert telling.told.typical != (1, 5) and "nearest" not in said
    usual = replace(telling, guess=told_guess(telling.told, *telling.told.typical))
    assert "Its loss is the nearest to the batch's mean." in text(BATCH, usual)
    assert "Drawn are 12 of the windows and 8 of" in text(
        BATCH, telling_of("classic", tiny_corpus, batch_size=16)
    )


def test_the_context_is_written_in_signs(tiny_corpus: Corpus) -> None:
    telling = telling_of("attention", tiny_corpus)
    seen, comes = context_line(telling).split(" → ")
    assert len(seen) == 6 and len(comes) == 1 and not set(seen) & {" ", "\n"}
    seen, _ = context_line(telling_of("bigram", tiny_corpus)).split(" → ")
    assert seen.startswith("(") and seen[-3:-1] == ") "  # what a table does not see


def test_a_guess_that_is_wrong_is_said_with_its_rank(tiny_corpus: Corpus) -> None:
    telling = telling_of("classic", tiny_corpus)
    worst = int(telling.guess.before.argmin())
    wrong = replace(telling, guess=replace(telling.guess, target=worst))
    V = len(tiny_corpus.vocabulary)
    assert f"rank {V} of {V}" in text(GUESS, wrong)
    best = int(telling.guess.before.argmax())
    right = replace(telling, guess=replace(telling.guess, target=best))
    assert "first guess is right" in text(GUESS, right)
    assert "if it were the last" in text(GUESS, right)
    assert "one row of its table" in text(GUESS, telling_of("bigram", tiny_corpus))


def test_the_loss_is_computed_before_the_readers_eyes(tiny_corpus: Corpus) -> None:
    telling = telling_of("bigram", tiny_corpus)
    said = text(LOSS, telling)
    p = float(telling.guess.before[telling.guess.target])
    assert f"−ln {p:.5g} = **{telling.guess.loss_before_nats:.3f} nats**" in said
    assert f"**{telling.told.loss_before_nats:.3f} nats**, as unsure as among" in said
    assert "The step itself" not in said


def test_a_pass_that_rounds_or_drops_says_what_it_measured(tiny_corpus: Corpus) -> None:
    dropping = telling_of("attention", tiny_corpus)  # 20 % of dropout
    said = text(LOSS, dropping)
    assert "The step itself drops 20 % of the numbers at random" in said
    assert f"{dropping.guess.step_loss_nats:.3f} and {dropping.told.step_loss_nats:.3f}." in said
    rounding = telling_of("classic", tiny_corpus, dtype="bfloat16", dropout=0.0)
    assert "The step itself multiplies in bfloat16, and so measures" in text(LOSS, rounding)


def test_the_gradient_says_whether_it_is_clipped(tiny_corpus: Corpus) -> None:
    free = telling_of("classic", tiny_corpus, grad_clip=0.0)
    said = text(GRADIENT, free)
    pull = float(free.guess.logits_grad[free.guess.target])
    assert f"**−{-pull:.3f}**" in said and f"**{free.told.grad_norm:.3f}** in all" in said
    assert "clipped" not in said
    clipped = telling_of("classic", tiny_corpus, grad_clip=0.01)
    factor = f"{clipped.told.clip_factor:.3f}"
    assert f"more than 0.01, so it is clipped: all of it is multiplied by {factor}." in text(
        GRADIENT, clipped
    )


def test_the_update_names_the_rates_and_what_moved_most(tiny_corpus: Corpus) -> None:
    telling = telling_of("fast", tiny_corpus)
    said = text(UPDATE, telling)
    assert "(AdamW)" in said and "(Muon, for the matrices in the layers)" in said
    sized = [part for part in telling.told.parts if part.update_ratio is not None]
    most = max(sized, key=lambda part: part.update_ratio or 0.0)
    assert most.name in said and f"{most.weight_norm:.3g}" in said


def test_at_a_rate_of_0_nothing_moves_and_the_reader_hears_why(tiny_corpus: Corpus) -> None:
    still = retold(telling_of("fast", tiny_corpus), rates={"adamw": 0.0, "muon": 0.0})
    assert "nothing moves" in text(UPDATE, still)


def test_what_began_at_0_is_named(tiny_corpus: Corpus) -> None:
    trainer = Trainer(config_of("fast", len(tiny_corpus.vocabulary)), tiny_corpus)
    told = tell_step(trainer)  # the head of this recipe begins at 0
    telling = Telling(told, told_guess(told, 0, 4), tiny_corpus.vocabulary, trainer.config)
    said = text(UPDATE, telling)
    assert "Of what began at 0 (the head) there is no share." in said
    assert "Most for its size" not in said  # through a head of 0 no gradient reaches the rest


def test_before_and_after_are_said_and_a_guess_that_lost_is_explained(tiny_corpus: Corpus) -> None:
    telling = telling_of("classic", tiny_corpus)
    before, after = telling.guess.loss_before_nats, telling.guess.loss_after_nats
    assert f"from {before:.4f} to {after:.4f} nats" in text(AFTER, telling)
    lost = replace(telling, guess=replace(telling.guess, after=telling.guess.before * 0.5))
    better = retold(lost, losses_after_nats=lost.told.losses_before_nats - 0.1)
    said = text(AFTER, better)
    assert "rises from" in said and "served all guesses of the batch at once" in said
    assert f"one step of {telling.config.train.max_iters:,}" in said
    past = retold(telling, step=telling.config.train.max_iters + 1)
    assert "That was one step; the next" in text(AFTER, past)


@pytest.mark.parametrize("scene", range(len(SCENES)))
@pytest.mark.parametrize("name", ["bigram", "attention", "classic", "fastest"])
def test_every_scene_can_be_told_of_every_model(name: str, scene: int, tiny_corpus: Corpus) -> None:
    said = scene_text(scene, telling_of(name, tiny_corpus))
    assert said.endswith(".") and "nan" not in said and "!" not in said and len(said) < 700
