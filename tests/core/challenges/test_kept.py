"""What a learner said is kept whole, and a damaged file is kept beside and begun anew."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.challenges.kept import Kept, keep_guess, keep_prediction, kept_if_readable, load_kept
from core.errors import LabError
from core.runs.lab import Lab


def test_what_was_said_is_kept_in_order(lab: Lab) -> None:
    assert load_kept(lab.home) == load_kept(lab.home)
    assert not lab.home.challenges.exists()
    keep_prediction(lab.home, "small", "f", 1.9)
    keep_prediction(lab.home, "quick", "f", 4)
    keep_guess(lab.home, "f", 17, "\n")
    keep_guess(lab.home, "other", 3, "é")
    kept, trouble = load_kept(lab.home)
    assert trouble == ""
    assert [(p.challenge, p.expected) for p in kept.predictions] == [("small", 1.9), ("quick", 4.0)]
    assert [p.expected for p in kept.predictions_of("quick", "f")] == [4.0]
    assert [(g.place, g.character) for g in kept.guesses_on("f")] == [(17, "\n")]
    assert kept.guesses[1].character == "é" and kept.guesses[0].said_at > 1e9


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version": 2, "predictions": [], "guesses": []}',
        b'{"version": 1}', b'{"version": 1, "predictions": 3, "guesses": []}',
        b'{"version": 1, "predictions": [{"challenge": "small"}], "guesses": []}',
        b'{"version": 1, "predictions": [{"challenge": "fly", "fingerprint": "f", "expected": 1, '
        b'"said_at": 1}], "guesses": []}',
        b'{"version": 1, "predictions": [{"challenge": "small", "fingerprint": "f", '
        b'"expected": NaN, "said_at": 1}], "guesses": []}',
        b'{"version": 1, "predictions": [], "guesses": [{"fingerprint": "f", "place": "3", '
        b'"character": "e", "said_at": 1}]}',
        b'{"version": 1, "predictions": [], "guesses": [{"fingerprint": "f", "place": 3, '
        b'"character": "ee", "said_at": 1}]}',
        b'{"version": 1, "predictions": [], "guesses": [{"fingerprint": 1, "place": 3, '
        b'"character": "e", "said_at": 1}]}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_kept_beside_and_begun_anew(lab: Lab, content: bytes) -> None:
    path = lab.home.challenges
    path.write_bytes(content)
    assert kept_if_readable(lab.home) == Kept()
    assert path.read_bytes() == content, "who only looks leaves it to be said"
    kept, trouble = load_kept(lab.home)
    assert kept.guesses == kept.predictions == ()
    assert "challenges.damaged.json" in trouble and trouble.endswith(".") and "\n" not in trouble
    assert path.with_name("challenges.damaged.json").read_bytes() == content
    assert load_kept(lab.home)[1] == ""  # said once
    keep_guess(lab.home, "f", 1, "e")
    assert len(load_kept(lab.home)[0].guesses) == 1


def test_a_second_damaged_file_does_not_take_the_place_of_the_first(lab: Lab) -> None:
    for content in (b"one", b"two"):
        lab.home.challenges.write_bytes(content)
        assert load_kept(lab.home)[1]
    beside = {p.read_bytes() for p in lab.home.path.glob("challenges.damaged*.json")}
    assert beside == {b"one", b"two"}


def test_a_damaged_file_is_said_by_whoever_writes_next(lab: Lab) -> None:
    lab.home.challenges.write_bytes(b"{")
    assert "begin anew" in keep_prediction(lab.home, "small", "f", 2.0)
    assert json.loads(lab.home.challenges.read_bytes())["predictions"][0]["expected"] == 2.0


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_number_is_no_prediction(lab: Lab, number: float) -> None:
    with pytest.raises(LabError, match="is a number"):
        keep_prediction(lab.home, "small", "f", number)


def test_who_only_looks_sees_the_same(lab: Lab) -> None:
    assert kept_if_readable(lab.home) == Kept()
    keep_prediction(lab.home, "small", "f", 1.9)
    assert kept_if_readable(lab.home) == load_kept(lab.home)[0]


def test_two_who_write_at_once_lose_nothing(lab: Lab) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda place: keep_guess(lab.home, "f", place, "e"), range(1, 21)))
    assert {g.place for g in load_kept(lab.home)[0].guesses} == set(range(1, 21))
