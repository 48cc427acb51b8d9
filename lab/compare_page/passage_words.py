"""What runs make of one passage, in numbers and sentences. Pure: readings in, words out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.findings.meaning import number_in, percent, perplexity
from core.interpretability.scoring import enough_context
from core.settings.config import ModelKind
from core.text.characters import in_quotes, signs_of
from lab.wording import words
from lab.wording.plain import plain

N_HELPED = 5
HELPED_BITS = 1.0
"""A character counts as helped when it costs at least so many bits less."""
BEFORE = 24
"""Characters of the passage that are shown before a character."""
TENTH_NATS = 0.1


@dataclass(frozen=True)
class Reading:
    """A run, and what each character of a passage from the second on cost it."""

    run_id: str
    name: str
    model: ModelKind
    bits: Sequence[float]
    guesses: str
    """The character that it thought likeliest at each place."""
    guess_probabilities: Sequence[float]
    n_right: int
    """How often that was the one that came."""

    @property
    def total_bits(self) -> float:
        return sum(self.bits)

    @property
    def mean_nats(self) -> float:
        return self.total_bits * math.log(2) / len(self.bits)

    @property
    def right_of_ten(self) -> float:
        return 10 * self.n_right / len(self.bits)


def totals_table(readings: Sequence[Reading]) -> dict[str, list[str]]:
    """What the passage costs each run in all and per character; the cheapest first."""
    ordered = sorted(readings, key=lambda reading: reading.total_bits)
    return {
        "run": [plain(r.name) for r in ordered],
        "bits in all": [f"{r.total_bits:,.0f}" for r in ordered],
        "bits per character": [number_in(r.mean_nats, in_bits=True) for r in ordered],
        "nats per character": [number_in(r.mean_nats) for r in ordered],
        "perplexity": [f"{perplexity(r.mean_nats):,.1f} characters" for r in ordered],
        "likeliest guess right": [f"{r.right_of_ten:.1f} of ten" for r in ordered],
    }


def difference_of(first: Reading, second: Reading) -> list[float]:
    """How many bits more the first run needs than the second, at each character."""
    return [one - other for one, other in zip(first.bits, second.bits)]


def difference_text(first: Reading, second: Reading) -> str:
    """What lies between two runs here, and what a tenth of a nat of it means. Markdown."""
    gap = first.mean_nats - second.mean_nats
    more, less = (first, second) if gap >= 0 else (second, first)
    gap = abs(gap)
    n = len(first.bits)
    if round(gap, 3) == 0:
        return (
            f"**{plain(first.name)}** and **{plain(second.name)}** need the same number of bits "
            "for this passage."
        )
    said = (
        f"**{plain(more.name)}** needs {number_in(gap)} nats per character more than "
        f"**{plain(less.name)}**, which over the {words.count(n)} characters guessed here is "
        f"{more.total_bits - less.total_bits:,.0f} bits."
    )
    tenth_bits = TENTH_NATS * n / math.log(2)
    said += (
        f" What {TENTH_NATS:g} nats are in this passage: {tenth_bits:,.0f} bits of "
        f"{more.total_bits:,.0f}, and a perplexity of "
        f"{perplexity(more.mean_nats - TENTH_NATS):,.1f} in place of "
        f"{perplexity(more.mean_nats):,.1f} characters, "
        f"{percent(-math.expm1(-TENTH_NATS))} fewer to choose among."
    )
    if gap >= TENTH_NATS:
        by = (less.right_of_ten - more.right_of_ten) * TENTH_NATS / gap
        said += (
            f" Of ten likeliest guesses {more.right_of_ten:.1f} and {less.right_of_ten:.1f} are "
            f"right: {abs(by):.2f} {'more' if by >= 0 else 'fewer'} for each {TENTH_NATS:g} nats."
        )
    return said


def helped_places(first: Reading, second: Reading) -> tuple[int, ...]:
    """The places in the passage where the second run needs most bits less than the first.

    At most `N_HELPED`, the greatest gain first, each of at least `HELPED_BITS`.
    """
    gains = difference_of(first, second)
    order = sorted(range(len(gains)), key=lambda i: -gains[i])[:N_HELPED]
    return tuple(i + 1 for i in order if gains[i] >= HELPED_BITS)


def helped_table(
    passage: str,
    places: Sequence[int],
    first: Reading,
    second: Reading,
    costs: Sequence[dict[int, float]],
) -> dict[str, list[str]]:
    """Where the second run gained most, and the context that did it: a line for each place.

    Args:
        costs: of each place, what it costs the second run by length of context, in nats.
    """
    enough = [enough_context(each) for each in costs]
    return {
        "character": [plain(in_quotes(passage[place])) for place in places],
        "after": [_signs(passage[max(0, place - BEFORE) : place], place) for place in places],
        f"{plain(first.name)}, bits": [f"{first.bits[place - 1]:.1f}" for place in places],
        f"{plain(second.name)}, bits": [f"{second.bits[place - 1]:.1f}" for place in places],
        "context that did it": [
            f"{_signs(passage[place - n : place], n)} ({n} character{'s' * (n != 1)})"
            for place, n in zip(places, enough)
        ],
    }


def _signs(stretch: str, length: int) -> str:
    """A stretch of text that can be seen, with dots where there is more before it."""
    dots = "…" if len(stretch) < length else ""
    return plain(dots + "".join(signs_of(stretch)))
