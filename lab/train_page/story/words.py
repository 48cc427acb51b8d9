"""The scenes of a told step in sentences, with its numbers. Markdown; pure, no screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from core.findings.meaning import choices, with_minus
from core.interpretability.training_step import PartStep, ToldGuess, TrainingStep
from core.settings.config import ModelKind, RunConfig
from core.text.characters import sign_of
from core.text.corpus import Vocabulary
from core.training.devices import dtype_of
from lab.figures.told_guess import shown_of_batch, tenths
from lab.wording import words
from lab.wording.plain import quoted

SCENES: tuple[str, ...] = ("Batch", "Guess", "Loss", "Gradient", "Update", "Guess after")
"""What a step goes through, in its order."""
OPTIMIZERS: Mapping[str, str] = {
    "adamw": "AdamW", "muon": "Muon, for the matrices in the layers",
    "tables": "Adagrad, for the n-gram tables",
}  # fmt: skip
CONTEXT = 60
"""So many characters before the guess are written out."""


@dataclass(frozen=True)
class Telling:
    """All that the sentences are made of."""

    told: TrainingStep
    guess: ToldGuess
    vocabulary: Vocabulary
    config: RunConfig
    """The settings that held for the step."""

    @property
    def kind(self) -> ModelKind:
        return self.config.model.model

    @property
    def target(self) -> str:
        """The character that comes, in quotes."""
        return quoted(self.vocabulary.characters[self.guess.target])


def context_line(telling: Telling) -> str:
    """What the guess is made from, as signs, and the character that comes; not Markdown."""
    guess, vocabulary = telling.guess, telling.vocabulary
    seen = vocabulary.decode(telling.told.inputs[guess.window, : guess.place + 1])
    if telling.kind == "bigram":
        seen_signs = f"({''.join(map(sign_of, seen[-CONTEXT:-1]))}) {sign_of(seen[-1])}"
    else:
        seen_signs = "…" * (len(seen) > CONTEXT) + "".join(map(sign_of, seen[-CONTEXT:]))
    return f"{seen_signs} → {sign_of(vocabulary.characters[guess.target])}"


def scene_text(scene: int, telling: Telling) -> str:
    """What one sees in a scene."""
    return _TEXTS[scene](telling)


def _batch(telling: Telling) -> str:
    told, guess = telling.told, telling.guess
    B, T = told.inputs.shape
    windows, places = shown_of_batch((B, T), guess.window, guess.place)
    drawn = (
        f" Drawn are {len(windows)} of the windows and {len(places)} of their places."
        if len(windows) < B or len(places) < T
        else ""
    )
    is_typical = (guess.window, guess.place) == told.typical
    picked = " Its loss is the nearest to the batch's mean." if is_typical else ""
    return (
        f"Step {words.count(told.step)} reads **{words.count(B)} windows of {words.count(T)} "
        f"characters** from random places of the training text: {words.count(B * T)} guesses, each "
        f"of the next character. One of them is followed here, in window {guess.window + 1} at "
        f"place {guess.place + 1}: what comes is **{telling.target}**.{picked} A click picks "
        f"another.{drawn}"
    )


def _guess(telling: Telling) -> str:
    guess = telling.guess
    best = int(guess.before.argmax())
    p = float(guess.before[guess.target])
    if best == guess.target:
        said = (
            f"The model's first guess is right: it gives **{telling.target} {tenths(p)}**, more "
            "than any other."
        )
    else:
        first = quoted(telling.vocabulary.characters[best])
        rank = int((guess.before > p).sum()) + 1
        said = (
            f"The model would bet on **{first}** with {tenths(float(guess.before[best]))}; "
            f"**{telling.target}**, which comes, gets **{tenths(p)}**, rank {rank} of "
            f"{len(guess.before)}."
        )
    if telling.kind == "bigram":
        return f"{said} The guess is one row of its table: that of the character before."
    if len(guess.layers) == 1:
        return f"{said} It has one layer, whose guess is the model's."
    return (
        f"{said} Each row is what a layer would guess if it were the last; the first gives "
        f"{telling.target} {tenths(float(guess.layers[0, guess.target]))}, the last is the "
        "model's."
    )


def _loss(telling: Telling) -> str:
    told, guess = telling.told, telling.guess
    p = float(guess.before[guess.target])
    return (
        f"{telling.target} got {tenths(p)}, so its loss is −ln {p:.5g} = "
        f"**{words.loss(guess.loss_before_nats)} nats**. The mean over all "
        f"{words.count(told.inputs.numel())} guesses of the batch is "
        f"**{words.loss(told.loss_before_nats)} nats**, as unsure as among "
        f"{choices(told.loss_before_nats)} characters: that is what the step is to lower."
        f"{_own_pass(telling)}"
    )


def _own_pass(telling: Telling) -> str:
    """What the step's own forward pass measures, where it rounds or drops."""
    dropout = telling.config.model.dropout
    how = ["multiplies in bfloat16"] * (dtype_of(telling.config) != torch.float32)
    how += [f"drops {dropout:.0%} of the numbers at random".replace("%", " %")] * (dropout > 0)
    if not how:
        return ""
    return (
        f" The step itself {words.listed(how)}, and so measures "
        f"{words.loss(telling.guess.step_loss_nats)} and {words.loss(telling.told.step_loss_nats)}."
    )


def _gradient(telling: Telling) -> str:
    told, guess = telling.told, telling.guess
    pull = float(guess.logits_grad[guess.target])
    largest = max(told.parts, key=lambda part: part.grad_norm)
    clipped = (
        f" That is more than {told.max_norm:g}, so it is clipped: all of it is "
        f"multiplied by {told.clip_factor:.3f}."
        if told.clip_factor < 1
        else ""
    )
    return (
        f"The gradient says how the loss changes with each number. On the logits it is what was "
        f"given less what came: **{with_minus(f'{pull:.3f}')}** for {telling.target} (its logit is "
        f"to rise), its probability for every other (to fall). The mean over the batch goes back "
        f"through the model; its length, the gradient norm, is **{told.grad_norm:.3f}** in all, "
        f"and largest in {_named(largest)}, {largest.grad_norm:.3f}.{clipped}"
    )


def _update(telling: Telling) -> str:
    told = telling.told
    rates = words.listed([f"{_rate(r)} ({OPTIMIZERS[name]})" for name, r in told.rates.items()])
    if not any(told.rates.values()):
        return (
            f"The learning rate of step {words.count(told.step)} is **0**, where its schedule "
            "ends: nothing moves. Tell an earlier step, or let the run go on at another rate."
        )
    sized = [part for part in told.parts if part.update_ratio]
    said = f"At a learning rate of **{rates}** each part moves against its gradient"
    if not sized:
        return f"{said}.{_from_zero(told.parts)}"
    most = max(sized, key=lambda part: part.update_ratio or 0.0)
    return (
        f"{said}, as scaled by what the optimiser remembers of earlier steps. Most for its size "
        f"moves {_named(most)}: by {most.update_norm:.3g}, **{100 * (most.update_ratio or 0):.2g} "
        f"%** of its length of {most.weight_norm:.3g}.{_from_zero(told.parts)}"
    )


def _from_zero(parts: tuple[PartStep, ...]) -> str:
    new = [_named(part) for part in parts if part.update_ratio is None and part.update_norm]
    return f" Of what began at 0 ({words.listed(new)}) there is no share." if new else ""


def _after(telling: Telling) -> str:
    told, guess = telling.told, telling.guess
    before, after = guess.loss_before_nats, guess.loss_after_nats
    p, then = float(guess.before[guess.target]), float(guess.after[guess.target])
    now, was = tenths(then), tenths(p)
    if now == was:
        now, was = (f"{100 * share:.4g}\N{NO-BREAK SPACE}%" for share in (then, p))
    own = f"{telling.target} now gets **{now}** instead of {was}: its loss {_goes(before, after)}"
    n_steps = telling.config.train.max_iters
    of_all = f" of {words.count(n_steps)}" if told.step <= n_steps else ""
    aside = (
        " The step served all guesses of the batch at once, not this one."
        if after > before and told.loss_after_nats < told.loss_before_nats
        else ""
    )
    return (
        f"The same batch once more. {own}.{aside} The mean over the batch "
        f"**{_goes(told.loss_before_nats, told.loss_after_nats)}**. That was one step"
        f"{of_all}; the next reads another batch."
    )


def _goes(before: float, after: float) -> str:
    verb = "falls" if after < before else "rises" if after > before else "stays"
    if verb == "stays":
        return f"stays at {before:.4f} nats"
    return f"{verb} from {before:.4f} to {after:.4f} nats"


def _rate(rate: float) -> str:
    return f"{rate:.3g}".replace("e-0", "e-")


def _named(part: PartStep) -> str:
    return part.name if part.layer else f"the {part.name}"


_TEXTS: tuple[Callable[[Telling], str], ...] = (
    _batch, _guess, _loss, _gradient, _update, _after,
)  # fmt: skip
