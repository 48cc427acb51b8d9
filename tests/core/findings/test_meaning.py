"""How a loss feels, against hand-made numbers; and why a text is garbled, reason by reason."""

from __future__ import annotations

import math

import pytest
import torch

from core.findings.meaning import (
    about_in,
    apart_in,
    bits,
    is_said_as_zero,
    loss_in,
    number_in,
    percent,
    perplexity,
    right_chance,
    size_of,
    unsure_among,
    unsure_change,
    why_garbled,
)
from core.settings.config import SampleConfig
from tests.curves import LINES

PLAIN = SampleConfig()

# --- the unit -------------------------------------------------------------------------------------


def test_a_nat_is_1_443_bits() -> None:
    assert bits(math.log(2)) == 1.0
    assert (loss_in(1.0), loss_in(1.0, in_bits=True)) == ("1.000 nats", "1.443 bits")


@pytest.mark.parametrize(
    ("nats", "said"),
    [
        (-1e-9, "about 0.00 nats"),
        (2.3456, "about 2.35 nats"),
        (1234.5, "about 1,200 nats"),
        (1034845888.0, "more than a million nats"),
    ],
)
def test_an_estimate_is_said_as_exactly_as_it_is_known(nats: float, said: str) -> None:
    assert about_in(nats) == said
    assert number_in(2.0, in_bits=True) == "2.885"


def test_nothing_has_no_sign() -> None:
    assert number_in(-0.0001) == "0.000"
    assert number_in(-0.0123) == "−0.012"  # no hyphen


# --- how large it feels ---------------------------------------------------------------------------


def test_perplexity_is_one_over_the_geometric_mean_of_the_probabilities() -> None:
    p = torch.tensor([0.5, 0.1, 0.25, 0.8], dtype=torch.float64)
    loss_nats = float(-p.log().mean())
    assert 1 / perplexity(loss_nats) == pytest.approx(float(p.prod()) ** (1 / 4))


@pytest.mark.parametrize("n", [2, 7, 65])
def test_guessing_among_n_characters_is_as_unsure_as_among_n(n: int) -> None:
    assert unsure_among(math.log(n)) == f"as unsure as among {n} characters"
    assert right_chance(math.log(n)) == f"1 chance in {n} for the right character"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (3.0, 2.9, "as unsure as among 20 characters -> 18, 10 % fewer"),
        (2.9, 3.0, "as unsure as among 18 characters -> 20, 11 % more"),
        (2.0, 1.5, "as unsure as among 7.4 characters -> 4.5, 39 % fewer"),
        (2.457, 2.455, "both as unsure as among 12 characters"),
        (2.457, 2.447, "as unsure as among 12 characters -> 12, 1.0 % fewer"),
    ],
)
def test_a_difference_is_said_by_what_one_would_be_as_unsure_among(
    before: float, after: float, said: str
) -> None:
    assert unsure_change(before, after) == said


def test_a_tenth_of_a_nat_is_much_over_a_line() -> None:
    assert size_of(-0.1) == (
        "0.100 nats less is 10 % fewer characters to choose among at every place, and a line of 40 "
        "characters that somebody wrote becomes 55 times as likely"
    )
    assert size_of(-0.1, in_bits=True).startswith("0.144 bits less is 10 % fewer")
    assert size_of(-2.0).endswith("becomes more than a million times as likely")
    assert size_of(0.1) == (
        "0.100 nats more is 11 % more characters to choose among at every place, and a line of 40 "
        "characters that somebody wrote is 55 times less likely"
    )


def test_a_small_share_is_not_rounded_to_nothing() -> None:
    shares = (0.0, 0.0001, 0.0123, 0.0994, 0.0996, 0.26, 1.0)
    said = ["0 %", "under 0.1 %", "1.2 %", "9.9 %", "10 %", "26 %", "100 %"]
    assert [percent(share) for share in shares] == said
    assert [percent(share, 0.01) for share in (0.004, 0.0123)] == ["0.4 %", "1 %"]
    assert [percent(share, 0.0) for share in (0.0, 0.004, 0.57)] == ["0 %", "0 %", "57 %"]


def test_a_loss_beyond_all_bounds_is_still_a_number() -> None:
    assert math.isfinite(perplexity(1e6))
    assert unsure_among(1e6) == "far worse than guessing at random"
    assert unsure_change(2.0, 1e6) == "as unsure as among 7.4 characters -> more than a million"


# --- why a text is garbled ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss_nats", "why"),
    [
        (4.17, "it has learned nothing yet"),
        (2.9, "worse than counted pairs of characters (2.482), which spell no words"),
        (2.472, "about as good as counted pairs of characters (2.482), which spell no words"),
        (2.2, "less than counted runs of three (2.049)"),
        (
            1.8,
            "better than counted runs of three characters (2.049), not than runs of five (1.669)",
        ),
        (1.5, "better than counted runs of five characters (1.669): it spells"),
    ],
)
def test_the_loss_is_a_reason_by_the_counted_lines_around_it(loss_nats: float, why: str) -> None:
    (said,) = why_garbled(loss_nats, PLAIN, LINES)
    assert said.startswith(f"At {loss_nats:.3f} nats it is {unsure_among(loss_nats)}")
    assert why in said


def test_below_what_longer_words_come_is_a_number() -> None:
    (said,) = why_garbled(2.2, PLAIN, LINES)
    assert said.endswith("longer ones come as the loss falls below 2.049.")


def test_a_bigram_table_can_never_be_better_than_pairs() -> None:
    (said,) = why_garbled(2.47, PLAIN, LINES, model="bigram")
    assert "a bigram table sees one character only" in said and "2.482" in said
    (other,) = why_garbled(2.47, PLAIN, LINES, model="transformer")
    assert "bigram table" not in other


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (dict(temperature=1.5), "Temperature 1.5 draws unlikely characters more often"),
        (dict(temperature=0.1), "With temperature 0.1 it nearly always takes the likeliest"),
        (dict(temperature=1.5, top_k=1), "With top-k 1 it always takes the likeliest"),
        (dict(top_p=0.1), "With top-p 0.1 it nearly always takes the likeliest"),
    ],
)
def test_the_way_of_drawing_is_a_reason(settings: dict[str, float], why: str) -> None:
    said = why_garbled(1.5, SampleConfig(**settings), LINES)
    assert len(said) == 2
    assert sum(each.startswith(why) for each in said) == 1


@pytest.mark.parametrize("temperature", [0.5, 0.8, 1.0])
def test_an_ordinary_temperature_is_no_reason(temperature: float) -> None:
    assert len(why_garbled(1.5, SampleConfig(temperature=temperature), LINES)) == 1


def test_a_wild_temperature_comes_first_since_it_can_be_changed_at_once() -> None:
    first, second = why_garbled(1.5, SampleConfig(temperature=1.5), LINES)
    assert first.startswith("Temperature 1.5") and second.startswith("At 1.500 nats")


def test_steps_that_were_not_taken_are_a_reason() -> None:
    assert why_garbled(2.9, PLAIN, LINES, steps=(100, 2000))[-1] == (
        "It had taken 100 of 2,000 steps."
    )
    assert len(why_garbled(2.9, PLAIN, LINES, steps=(2000, 2000))) == 1


def test_without_the_text_only_the_loss_is_said() -> None:
    assert why_garbled(2.9, PLAIN) == ("At 2.900 nats it is as unsure as among 18 characters.",)


@pytest.mark.parametrize("nats", [0.0, 0.0003, 0.0004, -0.0004, 0.00049999, 0.0005, 0.00051, 0.4])
@pytest.mark.parametrize("in_bits", [False, True])
def test_nothing_is_what_is_said_as_nothing(nats: float, in_bits: bool) -> None:
    assert is_said_as_zero(nats, in_bits) == (number_in(nats, in_bits) == "0.000")


def test_a_difference_is_that_of_the_two_numbers_that_are_said() -> None:
    assert apart_in(2.8024, 2.4567) == apart_in(2.4567, 2.8024) == "0.345 nats"  # 2.802 - 2.457
    assert apart_in(2.504, 2.225, in_bits=True) == "0.403 bits"  # 3.613 - 3.210
