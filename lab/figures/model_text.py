"""A stretch of real text, and how much of it one guess may look at.

The same stretch for every setting, each character in a cell of its own and the guess in the last:
so what grows and shrinks is only what lies on the coloured ground. SVG text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.settings.config import ModelKind
from core.text.characters import NO_SHAPE, sign_of
from core.text.corpus import Corpus
from lab.figures import svg
from lab.figures.palette import Palette, ink_on

COLUMNS, ROWS = 49, 6
"""Cells of the stretch of text; the guess is the last of them."""
CELL_PX, ROW_PX = 6.7, 13.0
_SIGN_PX = 11.0
_GUESS = COLUMNS * ROWS - 1


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A stretch of real text that ends with the character to be guessed."""

    text: str
    row: int
    """The row of a bigram's table that guesses it: the place of the last character seen."""

    @classmethod
    def of(cls, corpus: Corpus) -> Passage:
        """From the beginning of a text, up to a character in the middle of a word if there is one
        soon."""
        n_cells = COLUMNS * ROWS
        first = min(n_cells, len(corpus.text)) - 1
        soon = range(first, min(first + 60, len(corpus.text)))
        at = next((i for i in soon if corpus.text[i - 2 : i + 2].isalpha()), first)
        seen = corpus.text[max(0, at - n_cells + 1) : at + 1]
        return cls(text=seen, row=corpus.vocabulary.characters.index(seen[-2]))


def sign_of_cell(character: str) -> str:
    """A character in one cell, which has no room for a mark on its circle."""
    sign = sign_of(character)
    return sign if len(sign) == 1 else NO_SHAPE


def text_cells(
    passage: Passage, n_seen: int, n_before: int, kind: ModelKind, palette: Palette, top: float
) -> list[str]:
    """The text from `top` down, the last `n_seen` characters before the guess on a ground.

    What was added to the `n_before` of then is underlined, what it took away has a dashed
    line.
    """
    first = _GUESS + 1 - len(passage.text)
    edge, old_edge = (max(first, _GUESS - n) for n in (n_seen, n_before))
    parts = []
    for stretch, ink in ((range(first, edge), palette.muted), (range(edge, _GUESS), palette.text)):
        for y, columns, cells in _rows(stretch, top):
            if stretch.start == edge:
                parts.append(_ground(y, columns, palette.model_faded(kind)))
            signs = [sign_of_cell(passage.text[cell - first]) for cell in cells]
            parts.append(_signs(y, columns, signs, ink))
    for y, columns, _ in _rows(range(min(edge, old_edge), max(edge, old_edge)), top):
        left, right, low = CELL_PX * columns[0], CELL_PX * (columns[-1] + 1), y + ROW_PX - 1
        ink = palette.model_text(kind)
        parts.append(svg.line(left, low, right, low, ink, width=1.5, dashed=edge > old_edge))
    for y, columns, _ in _rows(range(_GUESS, _GUESS + 1), top):
        color = palette.model(kind)
        parts += [_ground(y, columns, color), _signs(y, columns, ["?"], ink_on(color))]
    return parts


def _rows(cells: range, top: float) -> list[tuple[float, list[int], range]]:
    """Cells row by row: the top of the row, the columns, and the cells in it."""
    rows: list[tuple[float, list[int], range]] = []
    for row in range(ROWS):
        first = row * COLUMNS
        inside = range(max(cells.start, first), min(cells.stop, first + COLUMNS))
        if inside:
            rows.append((top + row * ROW_PX, [cell - first for cell in inside], inside))
    return rows


def _ground(y: float, columns: Sequence[int], color: str) -> str:
    return svg.box(CELL_PX * columns[0], y, CELL_PX * len(columns), ROW_PX, fill=color, radius=1)


def _signs(y: float, columns: Sequence[int], signs: Sequence[str], color: str) -> str:
    middles = [round(CELL_PX * (column + 0.5), 2) for column in columns]
    return svg.cells(middles, y + 10, signs, color, size=_SIGN_PX)
