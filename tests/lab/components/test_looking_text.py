"""The text that looks: what it is sent is small and exact, and what comes back is checked."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import numpy as np
import pytest

from lab.components import looking_text as module
from lab.components.looking_text import (
    SHARE_STEPS,
    LookingText,
    looking_text,
    packed,
    place_in,
    spoken,
)
from lab.figures.map_axes import Matrix
from lab.figures.palette import DARK, LIGHT

TEXT = "to be\n"
T = len(TEXT)


def weights(n_heads: int = 2, n_characters: int = T) -> Matrix:
    """Random weights (H, T, T) whose rows sum to 1 and look back only."""
    raw = np.tril(np.random.default_rng(0).random((n_heads, n_characters, n_characters)))
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)


def shown(**changes: Any) -> LookingText:
    about: dict[str, Any] = dict(text=TEXT, weights=weights(), layer=2, head=1, place=3)
    return LookingText(**about | changes)


class Browser:
    """Takes what would be sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_LOOKING_TEXT", self.mount)

    def mount(self, *, key: str, data: dict[str, Any], on_chosen_change: Any) -> Browser:
        self.data = data
        return self


def test_weights_arrive_row_by_row_to_the_fourth_digit() -> None:
    sent = np.frombuffer(b64decode(packed(weights())), "<u2").reshape(2, T * (T + 1) // 2)
    for head in range(2):
        for row in range(T):
            begin = row * (row + 1) // 2
            found = sent[head, begin : begin + row + 1] / SHARE_STEPS
            np.testing.assert_allclose(found, weights()[head, row, : row + 1], atol=1e-5)


def test_a_layer_of_six_heads_over_256_characters_is_half_a_megabyte() -> None:
    assert len(packed(weights(6, 256))) < 600_000


def test_every_character_has_a_sign_a_name_and_every_head_a_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for palette in (LIGHT, DARK):
        browser = Browser(monkeypatch)
        looking_text(shown(weights=weights(9)), palette, key="text")
        data = browser.data
        assert "".join(data["characters"]) == TEXT
        assert [data["signs"][c] for c in TEXT] == list("to␣be↵")
        assert data["said"]["\n"] == "‘↵’" and data["spoken"]["\n"] == "new line"
        assert data["colors"] == [*palette.heads, palette.heads[0]]
        assert data["most"][8][4] == weights(9)[8, 4].argmax()
        assert (data["layer"], data["head"], data["place"]) == (2, 1, 3)


@pytest.mark.parametrize(
    ("chosen", "found"), [(0, 0), (5, 5), (6, None), (-1, None), ("2", None), (True, None)]
)
def test_a_choice_is_a_place_of_the_text_or_nothing(chosen: Any, found: int | None) -> None:
    assert place_in(len(TEXT), chosen) == found


def test_characters_are_spoken_by_name_where_they_are_no_letters() -> None:
    assert [spoken(c) for c in "eÉ7 ,"] == ["e", "É", "7", "space", "comma"]
