"""What one sees in the picture of each part, in words with their numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.findings.meaning import choices
from core.settings.config import ModelConfig
from core.text.characters import in_quotes
from lab.figures.map_axes import percent
from lab.model_page.look import Look
from lab.wording import words

ROTATION = (
    "**Where.** Nothing is learned for it: each pair of numbers of a query and of a key is turned "
    "by an angle that grows with the position, fast pairs on the left, slow ones on the right. Two "
    "that are turned alike match as before, so a head sees how far back a character stands. "
    "Shown is the cosine of the angle."
)
TABLES = (
    "**What the last characters alone say.** Tables that are looked up by the last 2, 3, … "
    "characters add to the logits. Above 0: they make that character likelier."
)


def characters_text(
    config: ModelConfig,
    variance: tuple[float, float],
    chosen: str,
    near: Sequence[tuple[str, float]],
) -> str:
    """The embedding of characters, and what lies nearest to one of them."""
    neighbours = words.listed([f"{in_quotes(c)} ({cosine:.2f})" for c, cosine in near])
    return (
        f"**What.** Each of the {config.vocab_size} characters is {config.n_embd} numbers, and all "
        "of them are learned: characters that are used alike come to lie near each other. Seen "
        f"from the side from which they differ most ({percent(sum(variance))} of the variance). "
        f"By the cosine of their angle, nearest to {in_quotes(chosen)}: {neighbours}."
    )


def positions_text(config: ModelConfig, variance: tuple[float, float]) -> str:
    """The embedding of positions."""
    return (
        f"**Where.** Each of the {config.block_size} places in the window is {config.n_embd} "
        "numbers, which are added to those of the character that stands there. Untrained, they are "
        "a cloud; a line in their order shows that the model knows what is near. Seen is "
        f"{percent(sum(variance))} of the variance."
    )


def lens_text(guesses: Sequence[str], follows: str) -> str:
    """How many right answers come up first in which layer.

    `guesses` holds for each layer the likeliest character after each of the text.
    """
    if not follows:
        return "**Each layer's own guess.** Type a longer text to see which of them come true."
    first = [
        next((i for i, row in enumerate(guesses, 1) if row[j] == character), 0)
        for j, character in enumerate(follows)
    ]
    n_right = sum(row == c for row, c in zip(guesses[-1], follows))
    comes_up = [f"layer {i}: {first.count(i)}" for i in range(1, len(guesses) + 1)]
    n_lost = len(follows) - first.count(0) - n_right
    lost = f", of which {n_lost} {'is' if n_lost == 1 else 'are'} lost again" if n_lost else ""
    return (
        "**Each layer's own guess.** The way out is asked after every layer, as if it were the "
        f"last; framed where it is right. Of {len(follows)} characters the model guesses "
        f"{n_right} right. The right one first comes up in {', '.join(comes_up)}{lost}; never: "
        f"{first.count(0)}."
    )


def attention_text(layer: int, n_heads: int) -> str:
    """The heads of one layer."""
    heads = "The one head" if n_heads == 1 else f"The {n_heads} heads"
    return (
        f"**Attention {layer}.** {heads} of this layer on this text: vermilion where a character "
        "takes more than an even share from another, violet where less. A click shows a head large."
    )


def mlp_text(config: ModelConfig, share_at_work: float) -> str:
    """The MLP of one layer; `share_at_work` of its hidden numbers are above 0."""
    how = "ReLU squared" if config.block == "modern" else "GELU"
    return (
        f"**MLP.** Each character by itself: {config.n_embd} numbers are widened to "
        f"{4 * config.n_embd}, go through {how}, and come back. {percent(share_at_work)} of the "
        "hidden numbers are above 0 on this text."
    )


def logits_text(config: ModelConfig) -> str:
    """A number for each character that may follow."""
    if config.model == "bigram":
        return (
            "**The table.** Each character looks up its own row and nothing else: a number for "
            "each that may follow. The same character has the same row wherever it stands."
        )
    return (
        "**Logits.** Each vector is held against one vector for every character that may follow: "
        "the better they match, the larger the number. Only differences within a row count; "
        "softmax makes probabilities of them."
    )


def probabilities_text(look: Look, place: int) -> str:
    """What the model expects at one place, and whether it comes."""
    row = look.probabilities[place]
    best = int(np.argmax(row))
    entropy_nats = float(-(row * np.log(np.clip(row, 1e-12, 1))).sum())
    so_far = look.text[max(0, place - 15) : place + 1].replace("\n", "↵")
    said = (
        f"**The guess.** After “{so_far}” the model is as unsure as among {choices(entropy_nats)} "
        f"characters; likeliest is {in_quotes(look.characters[best])} with "
        f"{percent(float(row[best]))}."
    )
    if place >= len(look.follows):
        return said
    real = look.follows[place]
    chance = float(row[look.characters.index(real)])
    rank = int((row > chance).sum()) + 1
    return f"{said} Really {in_quotes(real)} follows: it got {percent(chance)}, rank {rank}."
