"""What a loss means: in which unit it is said, how large it feels, and why a text is garbled.

Pure: numbers in, sentences out. A loss is the mean of -ln p over the characters that came, where p
is the probability that the model had given each of them. So exp(-loss) is the geometric mean of
these probabilities, and exp(loss), the *perplexity*, says among how many equally likely characters
one would be as unsure (Jelinek et al. 1977, "Perplexity, a measure of the difficulty of speech
recognition tasks", J. Acoust. Soc. Am. 62(S1)). How often the likeliest character is the right one
is another number, which does not follow from a loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.findings.thresholds import NEAR_A_LINE_NATS
from core.settings.config import ModelKind, SampleConfig
from core.text.reference import ReferenceLine

LINE_LENGTH = 40
"""Characters of an ordinary line of verse."""
HOT, COLD = 1.0, 0.4
"""Above the first temperature a text is wilder than its model, below the second it repeats."""
NARROW_TOP_P = 0.3
"""Below it, few characters but the likeliest are ever drawn."""
MILLION = 1e6
"""From here on a number is no longer said, only that it is so large."""


# --- the unit -------------------------------------------------------------------------------------


def bits(nats: float) -> float:
    """Nats per character to bits per character."""
    return nats / math.log(2)


def with_minus(number: str) -> str:
    """A number as it was formatted, with a minus sign where that has a hyphen."""
    return number.replace("-", "−")


def number_in(nats: float, in_bits: bool = False) -> str:
    """A loss per character with three decimals, in the unit that stands near it."""
    return with_minus(f"{bits(nats) if in_bits else nats:z.3f}")


def loss_in(nats: float, in_bits: bool = False) -> str:
    """A loss per character with three decimals and its unit."""
    return f"{number_in(nats, in_bits)} {'bits' if in_bits else 'nats'}"


def apart_in(one_nats: float, other_nats: float, in_bits: bool = False) -> str:
    """How far two losses are apart, with its unit: the difference of the two as they are said.

    Whoever takes one number on the screen from the other comes to the same.
    """
    return loss_in(abs(apart_nats(one_nats, other_nats, in_bits)), in_bits)


def apart_nats(one_nats: float, other_nats: float, in_bits: bool = False) -> float:
    """How far the first loss lies above the other, as the two are said, in nats."""
    one, other = (round(bits(n) if in_bits else n, 3) for n in (one_nats, other_nats))
    return (one - other) / (bits(1.0) if in_bits else 1.0)


def is_said_as_zero(nats: float, in_bits: bool = False) -> bool:
    """Whether `number_in` rounds a loss, or a difference of losses, to nothing."""
    return round(bits(nats) if in_bits else nats, 3) == 0.0


def about_in(nats: float, in_bits: bool = False) -> str:
    """An estimate of a loss per character: with two decimals, since the third is luck.

    Of one that went out of hand only the size is said.
    """
    loss, unit = bits(nats) if in_bits else nats, "bits" if in_bits else "nats"
    if loss >= MILLION:
        return f"more than a million {unit}"
    number = f"{float(f'{loss:.2g}'):,.0f}" if loss >= 100 else f"{loss:z.2f}"
    return f"about {number} {unit}"


# --- how large it feels ---------------------------------------------------------------------------


def perplexity(loss_nats: float) -> float:
    """Among how many equally likely characters one would be as unsure: exp(loss)."""
    return math.exp(min(loss_nats, 700.0))  # a float holds no more


def choices(loss_nats: float) -> str:
    """Among how many characters one would be as unsure, as one can imagine it: 3.7, 12, 1,024."""
    return _few(perplexity(loss_nats))


def unsure_among(loss_nats: float) -> str:
    """A loss to feel: "as unsure as among 12 characters".

    No text has a million; a loss that high is no doubt but error.
    """
    if perplexity(loss_nats) >= MILLION:
        return "far worse than guessing at random"
    return f"as unsure as among {choices(loss_nats)} characters"


def is_worse_than_even(loss_nats: float, n_characters: int) -> bool:
    """Whether giving all characters the same chance would be clearly better: no doubt, but error.

    By more than `NEAR_A_LINE_NATS`, since where a training begins losses lie about that line.
    """
    return loss_nats > math.log(n_characters) + NEAR_A_LINE_NATS


def right_chance(loss_nats: float) -> str:
    """The same from the other side: "1 chance in 12 for the right character"."""
    return f"1 chance in {choices(loss_nats)} for the right character"


def unsure_change(before_nats: float, after_nats: float) -> str:
    """A difference to feel: "as unsure as among 20 characters -> 18, 10 % fewer"."""
    before, after = choices(before_nats), choices(after_nats)
    share = math.expm1(min(after_nats - before_nats, 700.0))
    if before == after and abs(share) < 0.005:
        return f"both {unsure_among(after_nats)}"
    said = f"as unsure as among {before} characters -> {after}"
    if share >= 9.0:  # a percentage says nothing any more
        return said
    return f"{said}, {percent(abs(share), 0.01)} {'fewer' if share < 0 else 'more'}"


def size_of(by_nats: float, in_bits: bool = False) -> str:
    """What a difference comes to wherever the loss stands, at a character and over a line.

    Above 0 it is a loss that rose.
    """
    less, fewer, likely = "less", "fewer", "becomes {} times as likely"
    if by_nats > 0:
        less, fewer, likely = "more", "more", "is {} times less likely"
    share = percent(abs(math.expm1(by_nats)), 0.01)
    times = math.exp(min(abs(by_nats) * LINE_LENGTH, 700.0))
    return (
        f"{loss_in(abs(by_nats), in_bits)} {less} is {share} {fewer} characters to choose among at "
        f"every place, and a line of {LINE_LENGTH} characters that somebody wrote "
        f"{likely.format(_few(times))}"
    )


def _few(number: float) -> str:
    """A number of characters as one can imagine it: 3.7, 12, 1,024."""
    if number >= MILLION:
        return "more than a million"
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}".removesuffix(".0")


def percent(share: float, tenths_below: float = 0.0995) -> str:
    """A share as people say it: 26 %, 0.3 %; a small one is not rounded to nothing.

    Under `tenths_below`, tenths of a percent are said too.
    """
    if share == 0:
        return "0 %"
    if 0 < share < 0.0005:
        return "under 0.1 %"
    digits = 0 if share >= tenths_below else 1
    return f"{100 * share:.{digits}f} %"


# --- why a text is garbled ------------------------------------------------------------------------


def why_garbled(
    loss_nats: float,
    sampling: SampleConfig,
    references: Sequence[ReferenceLine] = (),
    *,
    model: ModelKind | None = None,
    steps: tuple[int, int] | None = None,
) -> tuple[str, ...]:
    """Why a text that a model wrote does not read well: sentences, the weightiest reason first.

    Args:
        loss_nats: the validation loss (or its estimate) of the checkpoint that wrote it.
        references: the counted lines of the text that it learned from; without them only the
            loss itself is said.
        model: which of the three it is, where one of its limits may be a reason.
        steps: the steps that the checkpoint has behind it, and those that its run was to take.
    """
    drawn = _from_drawing(sampling)
    learned = [_from_loss(loss_nats, references, model)]
    if steps and steps[0] < steps[1]:
        learned.append(f"It had taken {steps[0]:,} of {steps[1]:,} steps.")
    wild = sampling.temperature > HOT
    return tuple([*drawn, *learned] if wild else [*learned, *drawn])


def _from_drawing(sampling: SampleConfig) -> list[str]:
    heat, top_k, top_p = sampling.temperature, sampling.top_k, sampling.top_p
    is_narrow = heat < COLD or top_k == 1 or top_p < NARROW_TOP_P
    if heat > HOT and not is_narrow:
        return [
            f"Temperature {heat:g} draws unlikely characters more often than the model believes in "
            "them; at 0.8 it keeps to the likelier ones."
        ]
    if is_narrow:
        what = f"temperature {heat:g}" if heat < COLD else "top-k 1" if top_k == 1 else (
            f"top-p {top_p:g}"
        )  # fmt: skip
        always = "always" if heat == 0.0 or top_k == 1 else "nearly always"
        return [f"With {what} it {always} takes the likeliest character, and goes in circles."]
    return []


def _from_loss(loss_nats: float, references: Sequence[ReferenceLine], model: str | None) -> str:
    lines = {line.name: line.loss_nats for line in references}
    said = f"At {loss_in(loss_nats)} it is {unsure_among(loss_nats)}"
    if not {"uniform", "bigram", "3-gram", "5-gram"} <= lines.keys():
        return f"{said}."
    if loss_nats > lines["uniform"] - NEAR_A_LINE_NATS:
        return f"{said}: it has learned nothing yet, and every character is about as likely."
    if loss_nats >= lines["bigram"] - NEAR_A_LINE_NATS or model == "bigram":
        pairs = number_in(lines["bigram"])
        if model == "bigram":
            return (
                f"{said}, and a bigram table sees one character only: counted pairs reach {pairs} "
                "on this text. No table does better, and what looks like a word in it is luck."
            )
        near = abs(loss_nats - lines["bigram"]) <= NEAR_A_LINE_NATS
        compared = "about as good as" if near else "worse than"
        return f"{said}: {compared} counted pairs of characters ({pairs}), which spell no words."
    triples, fives = number_in(lines["3-gram"]), number_in(lines["5-gram"])
    if loss_nats >= lines["3-gram"]:
        return (
            f"{said}: it knows more than pairs of characters tell, but less than counted runs of "
            f"three ({triples}). That gives syllables and short words; longer ones come as the "
            f"loss falls below {triples}."
        )
    if loss_nats >= lines["5-gram"]:
        return (
            f"{said}: better than counted runs of three characters ({triples}), not than runs of "
            f"five ({fives}). Most short words are right, the others look like words."
        )
    return (
        f"{said}, better than counted runs of five characters ({fives}): it spells. That sentences "
        "make no sense is to be expected; models of this size learn words and the shape of lines."
    )
