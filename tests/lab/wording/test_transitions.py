"""A pair of the learned table that has not arrived, and one that has gone past the counts."""

from __future__ import annotations

import pytest

from lab.wording.transitions import stray_text


@pytest.mark.parametrize(
    ("learned", "counted", "said"),
    [
        (0.61, 0.40, "has gone past the counts"),
        (0.30, 0.40, "is still on its way"),
        (0.001, 0.004, "has gone past the counts"),
        (0.010, 0.004, "is still on its way"),
        (0.010, 0.40, "has gone astray"),
    ],
)
def test_the_sentence_follows_from_where_the_pair_began(
    learned: float, counted: float, said: str
) -> None:
    sentence = stray_text(learned, counted, 64)
    assert sentence.startswith("The table began at 1 in 64 here") and said in sentence
    assert ("slow to arrive" in sentence) == ("on its way" in said)
