"""Guesses in their text: what is shown of it, where the bracket goes, and the same in words."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from core.interpretability.examples import N_BEFORE, Example
from lab.figures.examples import (
    MOST_CELLS,
    WIDTH_PX,
    examples_alt,
    examples_picture,
    looked_text,
    shown_cells,
)
from lab.figures.palette import DARK, LIGHT, Palette

SVG = "{http://www.w3.org/2000/svg}"


def example(
    text: str = "To <b>\n&", character: str = " ", looked_at: int | None = 1, full: float = 0.75,
    left: float = 0.125,
) -> Example:  # fmt: skip
    return Example(
        text=text, character=character, probability_with=full, probability_without=left,
        looked_at=looked_at,
    )  # fmt: skip


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_text_is_seen_as_it_is_and_the_bars_are_the_probabilities(palette: Palette) -> None:
    root = ElementTree.fromstring(examples_picture([example()], "attention", palette))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert "To␣<b>↵&␣" in texts
    assert "75 % with" in texts and "12 % without" in texts
    bars = [r for r in root.iter(f"{SVG}rect") if r.get("height") == "9.00"]
    widths = [float(bar.get("width") or 0) for bar in bars]
    assert widths[0] == pytest.approx(6 * widths[1])
    assert bars[0].get("fill") == palette.model("attention") != bars[1].get("fill")
    assert float(root.get("width") or 0) == WIDTH_PX


def test_a_part_that_looks_nowhere_has_no_bracket() -> None:
    def n_lines(picture: str) -> int:
        return len(list(ElementTree.fromstring(picture).iter(f"{SVG}path")))

    assert n_lines(examples_picture([example()], "attention", LIGHT)) == 3
    assert n_lines(examples_picture([example(looked_at=None)], "attention", LIGHT)) == 0


def test_of_a_long_text_the_end_is_shown_and_what_was_looked_at() -> None:
    text = "".join(chr(97 + i % 26) for i in range(100))
    signs, place = shown_cells(example(text, "Z", looked_at=3))
    assert signs[:2] == ["d", "…"] and place == 0
    assert signs[2:] == [*text[-N_BEFORE:], "Z"] and len(signs) <= MOST_CELLS
    signs, place = shown_cells(example(text, "Z", looked_at=99))
    assert place is not None and signs[place] == text[99] and len(signs) == N_BEFORE + 1
    assert shown_cells(example(text, "Z", looked_at=None))[1] is None


def test_a_short_text_is_shown_whole() -> None:
    assert shown_cells(example("a b", "c", looked_at=0)) == (["a", "␣", "b", "c"], 0)


def test_the_same_is_said_in_words() -> None:
    said = examples_alt([example("to be", " ", 3), example("to be", "e", 4)])
    assert "After “to be” came ‘␣’" in said and "75" in said and "without it" in said
    assert "it looked at ‘b’, 1 before the last one read." in said
    assert said.endswith("it looked at ‘e’, the last one read.")
    assert "looked" not in examples_alt([example(looked_at=None)])
    assert looked_text(example("abc", "d", 0)) == "at ‘a’, 2 before the last one read"


def test_where_nothing_mattered_that_is_said() -> None:
    assert "No guess" in examples_picture([], "transformer", LIGHT)
