"""What a ladder shows, in sentences that follow from its runs. Pure; no screen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.experiments.ladder import RungStanding
from core.experiments.terms import EqualIn
from core.findings.thresholds import NEAR_A_LINE_NATS
from core.settings.config import RunConfig
from core.text.characters import signs_of
from core.text.reference import ReferenceLine
from lab.figures.ladder import bought_nats
from lab.wording import words
from lab.wording.plain import plain

NOTHING_NATS = NEAR_A_LINE_NATS
"""A difference that is no larger is said to be none: another seed moves a loss by as much."""
COPIES_NATS = 0.5
"""So much lower the loss is with the answer in sight where a model has learned to copy it."""
UNMASKED = "no causal mask"
EQUAL_NAMES: dict[EqualIn, str] = {
    "steps": "Steps", "characters": "Characters", "seconds": "Seconds", "flops": "FLOPs",
}  # fmt: skip
"""What rungs are equal in, as a page calls it."""
GIGA = 10**9
_WRITTEN = 40


def budget_text(by: EqualIn, budget: int) -> str:
    """What each rung gets, with its unit: 500 steps, 256,000 characters, 8 seconds, 100 GFLOPs."""
    if not budget:
        return "an unknown budget"
    if by == "flops":
        return f"{budget / GIGA:,.6g} GFLOPs"
    return f"{words.count(budget)} {by}"


def terms_text(by: EqualIn, configs: Sequence[RunConfig]) -> str:
    """What is equal between the rungs, and how it is counted; empty where that needs no word."""
    if not configs or by in ("steps", "seconds"):
        return ""
    batch, block = configs[-1].train.batch_size, configs[-1].model.block_size
    read = f"{words.count(batch)} × {words.count(block)} = {words.count(batch * block)} characters"
    steps = [config.train.max_iters for config in configs]
    if by == "characters":
        return (
            f"All rungs read the same batch, {read} a step, so equal characters are equal steps: "
            f"{words.count(max(steps))} of them."
        )
    return (
        f"FLOPs are counted as on Compare: 6 for each weight in a matrix product and 12·L·C·T for "
        f"attention, for each of {read} of a step (PaLM, appendix B). So the rungs take from "
        f"{words.count(min(steps))} to {words.count(max(steps))} steps; a bigram table has no "
        "matrix products, and takes as many as the rung that takes most."
    )


def bought_text(rung: RungStanding, rungs: Sequence[RungStanding]) -> str:
    """What one rung bought, against the one below or the whole; empty while it is not known."""
    bought = bought_nats(rung, rungs)
    if bought is None:
        return ""
    if rung.key == UNMASKED:
        return ""  # its loss is not what it seems
    than = f"than **{plain(rung.base)}**"
    how = "lower" if bought > 0 else "higher"
    if abs(bought) <= NOTHING_NATS:
        return (
            f"{abs(bought):.3f} nats {how} {than}: at this size and budget it makes no difference."
        )
    return f"**{abs(bought):.3f} nats {how}** {than}."


def way_up_text(rungs: Sequence[RungStanding]) -> str:
    """Which ideas bought most, and which nothing; empty while fewer than two are measured."""
    gains = _gains(rungs, "up")
    if len(gains) < 2:
        return ""
    best = sorted((g for g in gains if g[1] > NOTHING_NATS), key=lambda g: -g[1])[:2]
    nothing = [name for name, nats in gains if abs(nats) <= NOTHING_NATS]
    cost = [(name, nats) for name, nats in gains if nats < -NOTHING_NATS]
    said = []
    if best:
        most = words.listed([f"**{plain(name)}** ({_signed(-nats)} nats)" for name, nats in best])
        said.append(f"On the way up {most} bought most.")
    if nothing:
        listed = words.listed([plain(name) for name in nothing])
        said.append(f"{_capital(listed)} bought nothing (no more than {NOTHING_NATS:g} nats).")
    if cost:
        listed = words.listed([f"{plain(name)} ({_signed(-nats)})" for name, nats in cost])
        said.append(f"At this size and budget {listed} made it worse.")
    return " ".join(said)


def left_out_text(rungs: Sequence[RungStanding]) -> str:
    """What the whole misses most, and what it does not miss."""
    losses = [(name, -nats) for name, nats in _gains(rungs, "out")]
    if len(losses) < 2:
        return ""
    worst = [loss for loss in sorted(losses, key=lambda g: -g[1]) if loss[1] > NOTHING_NATS][:2]
    fine = [name for name, nats in losses if nats <= NOTHING_NATS]
    said = []
    if worst:
        most = words.listed([f"**{plain(name)}** ({_signed(nats)} nats)" for name, nats in worst])
        said.append(f"Worst for the whole: {most}.")
    if fine:
        listed = words.listed([plain(name) for name in fine])
        said.append(f"It does as well, or better, with {listed}.")
    return " ".join(said)


def depth_text(rungs: Sequence[RungStanding], longer_steps: int) -> str:
    """Whether more blocks paid, and what to do where they did not."""
    up = [rung for rung in rungs if rung.side == "up" and rung.run and rung.run.val_loss_nats]
    blocks = [rung for rung in up if rung.key == "blocks"]
    one = next((rung for rung in up if blocks and rung.name == blocks[0].base), None)
    if not blocks or one is None:
        return ""
    first, last = one.run, blocks[-1].run
    assert first and last and first.val_loss_nats and last.val_loss_nats
    bought, n_steps = round(first.val_loss_nats, 3) - round(last.val_loss_nats, 3), last.max_iters
    if bought > NOTHING_NATS:
        most, nats = max(
            [gain for gain in _gains(rungs, "up") if gain[0] in [b.name for b in blocks]],
            key=lambda gain: gain[1],
        )
        by = ""
        if len(blocks) > 1:
            by = f", {nats:.3f} of it by {most}"
            if nats > bought:
                by = f"; {most} bought {nats:.3f}, and another block cost some of that"
        return f"Depth pays: {blocks[-1].name} are {bought:.3f} nats lower than one{by}."
    said = f"In {words.count(n_steps)} steps depth does not pay yet"
    if n_steps >= longer_steps:
        return f"{said}."
    return f"{said}; {words.count(longer_steps)} steps give it time to."


def unmasked_text(
    rung: RungStanding, seen_nats: float, past_nats: float, n_guesses: int, written: str
) -> str:
    """The contradiction of a model that sees what it is to guess, with its own numbers.

    `seen_nats` and `past_nats` are its loss on the same guesses, whole windows at once and with the
    past alone; `written` is the text that it writes.
    """
    assert rung.run and rung.run.val_loss_nats is not None
    uniform = math.log(rung.run.config.model.vocab_size)
    text = plain("".join(signs_of(written[:_WRITTEN])))
    writes = f" It writes “{text} …”." if text else ""
    worse = ", worse than giving all characters the same chance" * (past_nats > uniform)
    copies = past_nats - seen_nats > COPIES_NATS
    verdict = (
        f"**{words.loss(rung.run.val_loss_nats)} nats looks like a very good model, and it is "
        "worthless.** Without the mask each character sees the one after it, which it is to guess, "
        "and copies it."
        if copies
        else "**Without the mask each character sees the one after it, which it is to guess, and "
        f"after {words.count(rung.run.step)} steps has hardly learned to copy it.** With more of "
        "them its loss falls to almost nothing."
    )
    return (
        f"{verdict} On {words.count(n_guesses)} guesses of the validation text it has "
        f"{words.loss(seen_nats)} nats with the answer in sight; with the past alone, as whenever "
        f"it writes, **{words.loss(past_nats)} nats**{worse} (uniform: {words.loss(uniform)})."
        f"{writes}"
    )


def counted_text(rungs: Sequence[RungStanding], references: Sequence[ReferenceLine]) -> str:
    """Between which counted lines the best rung of the way up ends."""
    known = [(r.run.val_loss_nats, r.name) for r in rungs
             if r.side == "up" and r.run and r.run.val_loss_nats]  # fmt: skip
    if not known:
        return ""
    loss, name = min(known)
    beaten = [line for line in references if line.loss_nats > loss]
    ahead = [line for line in references if line.loss_nats <= loss]
    said = f"The lowest rung, {plain(name)}, ends at {words.loss(loss)} nats"
    if beaten:
        nearest = min(beaten, key=lambda line: line.loss_nats)
        said += f", below counted {nearest.name} ({words.loss(nearest.loss_nats)})"
    if ahead:
        nearest = max(ahead, key=lambda line: line.loss_nats)
        said += f", above counted {nearest.name} ({words.loss(nearest.loss_nats)})"
    return f"{said}."


def _gains(rungs: Sequence[RungStanding], side: str) -> list[tuple[str, float]]:
    """What each measured rung of a side bought, in nats."""
    gains = [(rung.name, bought_nats(rung, rungs)) for rung in rungs if rung.side == side]
    return [(name, nats) for name, nats in gains if nats is not None]


def _signed(nats: float) -> str:
    return f"{nats:+.3f}".replace("-", "−")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
