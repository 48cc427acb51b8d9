"""What is said of a passage follows from what each character of it cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from core.settings.config import ModelKind
from lab.compare_page.passage_words import (
    N_HELPED,
    Reading,
    difference_of,
    difference_text,
    helped_places,
    helped_table,
    totals_table,
)

PASSAGE = "to be, or\nnot"


def reading(
    name: str, bits: Sequence[float], n_right: int = 3, model: ModelKind = "bigram"
) -> Reading:
    return Reading(name, name, model, bits, PASSAGE[1:], [0.5] * len(bits), n_right)


DEAR, CHEAP = reading("dear_one", [4.0] * 12), reading("cheap", [3.0] * 12, n_right=6)


def test_the_cheapest_stands_first_with_every_number_in_its_unit() -> None:
    table = totals_table([DEAR, CHEAP])
    assert table["run"] == ["cheap", "dear\\_one"]
    assert table["bits in all"] == ["36", "48"]
    assert table["bits per character"] == ["3.000", "4.000"]
    assert table["nats per character"] == ["2.079", "2.773"]
    assert table["perplexity"] == ["8.0 characters", "16.0 characters"]
    assert table["likeliest guess right"] == ["5.0 of ten", "2.5 of ten"]


@pytest.mark.parametrize("pair", [(DEAR, CHEAP), (CHEAP, DEAR)])
def test_a_tenth_of_a_nat_is_said_with_the_numbers_of_the_passage(
    pair: tuple[Reading, Reading],
) -> None:
    said = difference_text(*pair)
    assert "**dear\\_one** needs 0.693 nats per character more than **cheap**" in said
    assert "over the 12 characters guessed here is 12 bits" in said
    assert f"{0.1 * 12 / math.log(2):.0f} bits of 48" in said
    assert f"a perplexity of {16 * math.exp(-0.1):.1f} in place of 16.0 characters" in said
    assert "2.5 and 5.0 are right: 0.36 more for each 0.1 nats" in said


def test_of_two_that_hardly_differ_no_guesses_are_divided() -> None:
    said = difference_text(DEAR, reading("near", [3.95] * 12))
    assert "0.035 nats" in said and "likeliest" not in said
    assert "the same number of bits" in difference_text(DEAR, reading("same", [4.0] * 12))


def test_a_cheaper_run_may_have_fewer_right_guesses() -> None:
    assert "fewer for each 0.1 nats" in difference_text(DEAR, reading("odd", [2.0] * 12, n_right=1))


def test_the_places_that_gained_most_come_first_and_small_gains_not_at_all() -> None:
    bits = [4.0, 1.0, 3.5, 0.0, 2.9, 4.0, 9.0, 2.0, 1.5, 3.1, 4.0, 4.0]
    second = reading("second", bits)
    assert difference_of(DEAR, second)[6] == -5.0
    assert helped_places(DEAR, second) == (4, 2, 9, 8, 5)
    assert len(helped_places(reading("worst", [20.0] * 12), second)) == N_HELPED
    assert helped_places(second, second) == ()


def test_the_context_that_did_it_is_shown_as_one_can_see_it() -> None:
    costs = [{1: 3.0, 2: 2.9, 3: 0.3, 4: 0.1}, {1: 1.0}]
    table = helped_table(PASSAGE, (10, 1), DEAR, CHEAP, costs)
    assert table["character"] == ["‘n’", "‘o’"]
    assert table["after"] == ["to␣be\\,␣or↵", "t"]
    assert table["dear\\_one, bits"] == ["4.0", "4.0"]
    assert table["context that did it"] == ["or↵ (3 characters)", "t (1 character)"]


def test_of_a_long_passage_only_the_end_is_shown_before_a_character() -> None:
    passage = "abcdefghij" * 5
    one = reading("one", [3.0] * 49)
    table = helped_table(passage, (45,), one, one, [{1: 1.0}])
    assert table["after"] == [f"…{passage[21:45]}"]
