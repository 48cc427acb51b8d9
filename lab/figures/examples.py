"""The guesses that a head was for: the text that was read, where the head looked, what it changed.

Plain data in, SVG text out. Under each text a bracket leads from the character that was guessed to
the one that the head gave most of its weight to.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.interpretability.examples import N_BEFORE, Example
from core.text.characters import quoted_character, sign_of
from lab.figures import svg
from lab.figures.map_axes import NBSP, percent
from lab.figures.palette import Palette

WIDTH_PX = 680.0
MOST_CELLS = 46
"""So many characters have room; where the head looked further back, some between are left out."""
_ROW_PX, _HEAD_PX, _CELL_PX, _SIZE_PX = 50.0, 24.0, 9.4, 14.0
_BARS_X, _BAR_PX, _BAR_HEIGHT_PX = 470.0, 92.0, 9.0
_LEFT_OUT = "…"


def examples_picture(examples: Sequence[Example], kind: str, palette: Palette) -> str:
    """One row for each example, `WIDTH_PX` wide; only a sentence where there are none."""
    height = _HEAD_PX + _ROW_PX * len(examples)
    parts = [svg.box(0, 0, WIDTH_PX, height, fill=palette.ground, radius=0)]
    if not examples:
        said = "No guess that the model had an idea of gets worse without this head."
        return svg.drawing(WIDTH_PX, height, [*parts, svg.words(0, 14, said, palette.muted)])
    parts.append(svg.words(0, 14, "It had read … and then came", palette.muted))
    parts.append(svg.words(_BARS_X, 14, "probability of that character", palette.muted))
    for row, example in enumerate(examples):
        parts += _row(example, _HEAD_PX + _ROW_PX * row, kind, palette)
    return svg.drawing(WIDTH_PX, height, parts)


def examples_alt(examples: Sequence[Example]) -> str:
    """The same in words, for those who do not see the picture."""
    return " ".join(
        f"After “{example.text}” came {quoted_character(example.character)}: "
        f"{_share(example.probability_with)} with the head, "
        f"{_share(example.probability_without)} without it"
        + ("" if example.n_back is None else f"; it looked {looked_text(example)}")
        + "."
        for example in examples
    )


def looked_text(example: Example) -> str:
    """Where the head looked: at which character, how far back from the last that was read."""
    assert example.looked_at is not None and example.n_back is not None
    at = f"at {quoted_character(example.text[example.looked_at])}"
    if not example.n_back:
        return f"{at}, the last one read"
    return f"{at}, {example.n_back} before the last one read"


def shown_cells(example: Example) -> tuple[list[str], int | None]:
    """The signs that have room, the guessed character last, and which of them was looked at."""
    signs, looked_at = [*map(sign_of, example.text + example.character)], example.looked_at
    if len(signs) <= MOST_CELLS:
        return signs, looked_at
    tail = signs[-N_BEFORE - 1 :]
    if looked_at is None or looked_at >= len(signs) - len(tail):
        return tail, None if looked_at is None else looked_at - (len(signs) - len(tail))
    return [signs[looked_at], _LEFT_OUT, *tail], 0


def _row(example: Example, top: float, kind: str, palette: Palette) -> list[str]:
    signs, looked_at = shown_cells(example)
    color, base = palette.model(kind), top + 18
    centres = [_CELL_PX * (i + 0.5) for i in range(len(signs))]
    guess = centres[-1] + 6  # a little apart from what was read
    parts = [
        svg.box(guess - 8, top + 3, 16, 21, fill=palette.surface, stroke=palette.border),
        svg.cells([*centres[:-1], guess], base, signs, palette.text, size=_SIZE_PX),
    ]
    if looked_at is not None:
        at, low = centres[looked_at], top + 32
        parts += [
            svg.box(at - 6, top + 3, 12, 21, stroke=color),
            svg.line(at, top + 24, at, low, color, width=1.5),
            svg.line(at, low, guess, low, color, width=1.5),
            svg.line(guess, low, guess, top + 24, color, width=1.5),
        ]
    for y, share, name, fill in (
        (top + 3, example.probability_with, "with", color),
        (top + 17, example.probability_without, "without", palette.muted),
    ):
        width = max(1.0, share * _BAR_PX)
        said = f"{_share(share)} {name}"
        parts.append(svg.box(_BARS_X, y, width, _BAR_HEIGHT_PX, fill=fill, radius=1))
        parts.append(svg.words(_BARS_X + width + 6, y + 9, said, palette.text))
    return parts


def _share(share: float) -> str:
    return percent(share).replace(NBSP, " ")
