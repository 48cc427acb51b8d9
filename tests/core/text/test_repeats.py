"""What stands more than once, against looking at every stretch there is."""

from __future__ import annotations

import random

import pytest

from core.text.repeats import (
    Passage,
    Repeat,
    covered_share,
    longest_repeats,
    repeated_share,
    verbatim_passages,
)
from tests.helpers import play


def random_text(rng: random.Random, longest: int) -> str:
    """Few characters, so that much stands twice; now and then a stretch is copied."""
    alphabet = rng.choice(["ab", "abc", "a", "ab\U0001f600\n", "abcdefgh"])
    text = "".join(rng.choices(alphabet, k=rng.randint(0, longest)))
    start = rng.randint(0, max(0, len(text) - 1))
    return text + text[start : start + rng.randint(0, 20)]


def places_of(part: str, text: str) -> list[int]:
    return [i for i in range(len(text) - len(part) + 1) if text.startswith(part, i)]


def maximal_passages(text: str, source: str, least: int) -> list[Passage]:
    """Every stretch of the text that is in the source and in no longer one that is."""
    stretches = [
        (start, end)
        for start in range(len(text))
        for end in range(start + least, len(text) + 1)
        if text[start:end] in source
    ]
    maximal = [
        (start, end)
        for start, end in stretches
        if (start - 1, end) not in stretches and (start, end + 1) not in stretches
    ]
    found = [Passage(a, b - a, source.find(text[a:b])) for a, b in maximal]
    return sorted(found, key=lambda passage: (-passage.length, passage.start))


@pytest.mark.parametrize("seed", range(60))
def test_passages_are_those_that_one_finds_by_looking_everywhere(seed: int) -> None:
    rng = random.Random(seed)
    text, source, least = random_text(rng, 30), random_text(rng, 60), rng.randint(1, 6)
    assert verbatim_passages(text, source, least) == maximal_passages(text, source, least)


def test_a_passage_goes_on_where_a_later_place_has_more_of_it() -> None:
    source = "the king of nothing. the king of France and more"
    (passage,) = verbatim_passages("so the king of France and", source, least=8)
    assert passage == Passage(2, 23, 20)


def test_a_text_that_was_learned_by_heart_is_one_passage() -> None:
    source = play(30_000)
    assert verbatim_passages(source[9_000:11_000], source)[0].length == 2_000


def test_nothing_is_found_in_nothing() -> None:
    assert verbatim_passages("", "abc", 1) == verbatim_passages("abc", "", 1) == []
    assert verbatim_passages("ab", "ab", 3) == []


def test_a_lone_surrogate_is_a_character_like_others() -> None:
    assert verbatim_passages("a\udc80b", "xa\udc80b", 2) == [Passage(0, 3, 1)]


def test_shares_count_each_character_once() -> None:
    assert covered_share([Passage(0, 4, 0), Passage(2, 4, 9)], 10) == 0.6
    assert covered_share([], 0) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_the_repeated_share_is_of_windows_that_began_before(seed: int) -> None:
    rng = random.Random(seed)
    text, least = random_text(rng, 40), rng.randint(1, 5)
    inside = {
        start + i
        for start in range(len(text) - least + 1)
        if places_of(text[start : start + least], text)[0] < start
        for i in range(least)
    }
    assert repeated_share(text, least) == pytest.approx(len(inside) / max(1, len(text)))


def test_a_text_that_goes_in_circles_repeats_itself() -> None:
    assert repeated_share("and the king " * 10, 13) == pytest.approx(0.9)
    assert repeated_share("", 5) == 0.0


def maximal_repeats(text: str, least: int) -> list[Repeat]:
    """Every stretch with two places that neither side can make longer at all of its places."""
    found = []
    parts = {text[a:b] for a in range(len(text)) for b in range(a + least, len(text) + 1)}
    for part in sorted(parts, key=lambda part: (-len(part), part)):
        places = places_of(part, text)
        befores = {text[p - 1 : p] for p in places}
        afters = {text[p + len(part) : p + len(part) + 1] for p in places}
        if len(places) > 1 and len(befores) > 1 and len(afters) > 1:
            found.append(Repeat(len(part), tuple(places)))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_repeats_are_those_that_one_finds_by_looking_everywhere(seed: int) -> None:
    rng = random.Random(seed)
    text, least = random_text(rng, 40), rng.randint(1, 4)
    wanted = maximal_repeats(text, least)
    assert longest_repeats(text, 1_000, least) == wanted
    assert longest_repeats(text, 3, least) == wanted[:3]


def test_repeats_longer_than_any_window_that_fits_into_a_number() -> None:
    text = play(400)
    (first, *_) = longest_repeats(f"{text}!{text}?", 5, least=100)
    assert first == Repeat(400, (0, 401))


def test_a_text_of_one_character_is_no_trouble() -> None:
    assert longest_repeats("", 5) == longest_repeats("a", 5) == []
    assert longest_repeats("a" * 100, 1) == [Repeat(99, (0, 1))]
