"""The guesses that a part was for, against a loop that looks at every guess by itself."""

from __future__ import annotations

import math

import pytest
import torch

from core.errors import ConfigError
from core.interpretability.examples import MIN_PROBABILITY, Example, where_it_mattered
from core.interpretability.parts import Part, without
from core.models import LanguageModel
from core.text.corpus import Vocabulary
from tests.core.interpretability.test_parts import HOW, T, V, some_model, windows

VOCABULARY = Vocabulary("abcdefg")
HEAD = Part("head", 1, 2)


def probability(model: LanguageModel, seen: torch.Tensor, target: int) -> float:
    with torch.no_grad():
        return float(model(seen[None])[0, -1].softmax(dim=-1)[target])


def by_hand(model: LanguageModel, part: Part, n: int) -> list[Example]:
    """Every guess of every window by itself, the worst of each window, and the worst of these."""
    assert len(VOCABULARY) == V
    rest, worst = without(model, [part]), []
    for window in windows(8):
        found = []
        for place in range(T):
            seen, target = window[: place + 1], int(window[place + 1])
            full, left = probability(model, seen, target), probability(rest, seen, target)
            rise = math.log(full) - math.log(left)
            if full >= MIN_PROBABILITY and rise > 0:
                found.append((rise, seen, target, full, left))
        if found:
            worst.append(max(found, key=lambda each: each[0]))
    worst.sort(key=lambda each: -each[0])
    examples = []
    for _, seen, target, full, left in worst[:n]:
        looks = model.trace(seen[None]).attention[part.layer - 1, 0, part.head - 1, -1]
        examples.append(
            Example(
                text=VOCABULARY.decode(seen), character=VOCABULARY.characters[target],
                probability_with=full, probability_without=left, looked_at=int(looks.argmax()),
            )
        )  # fmt: skip
    return examples


@pytest.mark.parametrize("name", HOW)
def test_the_places_where_it_mattered_most(name: str) -> None:
    model = some_model(name)
    found = where_it_mattered(model, VOCABULARY, windows(8), HEAD, 5)
    expected = by_hand(model, HEAD, 5)
    assert expected
    assert [(e.text, e.character, e.looked_at) for e in found] == [
        (e.text, e.character, e.looked_at) for e in expected
    ]
    for mine, loop in zip(found, expected):
        assert mine.probability_with == pytest.approx(loop.probability_with, rel=1e-4)
        assert mine.probability_without == pytest.approx(loop.probability_without, rel=1e-4)


def test_only_the_end_of_what_was_read_is_kept_but_with_what_was_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = some_model("classic")
    whole = where_it_mattered(model, VOCABULARY, windows(8), HEAD, 8)
    monkeypatch.setattr("core.interpretability.examples.N_BEFORE", 3)
    short = where_it_mattered(model, VOCABULARY, windows(8), HEAD, 8)
    assert len(short) == len(whole) and {len(e.text) for e in short} != {len(e.text) for e in whole}
    for end, example in zip(short, whole):
        assert example.text.endswith(end.text)
        assert end.n_back == example.n_back and end.looked_at is not None
        assert len(end.text) == min(len(example.text), max(3, (end.n_back or 0) + 1))
        assert 0 <= end.looked_at < len(end.text)


def test_what_is_no_head_looks_nowhere() -> None:
    found = where_it_mattered(some_model("classic"), VOCABULARY, windows(8), Part("mlp", 1), 2)
    assert len(found) == 2
    assert all(example.looked_at is None and example.n_back is None for example in found)


def test_the_model_is_left_as_it_was_and_must_have_the_part() -> None:
    model = some_model("classic").train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    where_it_mattered(model, VOCABULARY, windows(2), HEAD, 1)
    assert model.training
    assert all(torch.equal(before[n], w) for n, w in model.state_dict().items())
    with pytest.raises(ConfigError, match=r"no 7\.1"):
        where_it_mattered(model, VOCABULARY, windows(2), Part("head", 7, 1), 1)
