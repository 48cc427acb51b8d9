"""Small drawings of what each model may look at when it guesses the next character. SVG text.

They explain and measure nothing: which characters can have a say, and over how many layers.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise

from core.settings.config import ModelKind
from core.text.characters import sign_of
from lab.figures.palette import Palette

EXAMPLE = "To be, or n"
_CELL, _GAP, _HEIGHT = 24, 4, 108
_BASELINE = _HEIGHT - _CELL - 2
_PITCH = _CELL + _GAP


def diagram(kind: ModelKind, palette: Palette) -> str:
    """The drawing of one model: the example's characters, and what leads from them to the guess."""
    width = (len(EXAMPLE) + 1) * _PITCH
    draw = {"bigram": _bigram, "attention": _attention, "transformer": _transformer}[kind]
    used = 1 if kind == "bigram" else len(EXAMPLE)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" '
        f'width="{width}" height="{_HEIGHT}" font-family="monospace" font-size="14">'
        + draw(palette)
        + _cells(kind, palette, used)
        + "</svg>"
    )


def _cells(kind: ModelKind, palette: Palette, used: int) -> str:
    parts = []
    for i, character in enumerate(EXAMPLE):
        strong = i >= len(EXAMPLE) - used
        parts.append(
            _cell(i, sign_of(character), palette.model(kind) if strong else palette.border,
                  palette.text if strong else palette.muted, palette.surface)
        )  # fmt: skip
    guess = palette.model(kind)
    return "".join(parts) + _cell(len(EXAMPLE), "?", guess, palette.ground, guess)


def _cell(place: int, sign: str, border: str, ink: str, fill: str) -> str:
    x = place * _PITCH + 1
    return (
        f'<rect x="{x}" y="{_BASELINE}" width="{_CELL}" height="{_CELL}" rx="4" fill="{fill}" '
        f'stroke="{border}" stroke-width="1.5"/>'
        f'<text x="{x + _CELL / 2}" y="{_BASELINE + 17}" text-anchor="middle" fill="{ink}">'
        f"{escape(sign)}</text>"
    )


def _middle(place: int) -> float:
    return place * _PITCH + 1 + _CELL / 2


def _bigram(palette: Palette) -> str:
    return _arc(len(EXAMPLE) - 1, len(EXAMPLE), palette.model("bigram"), 2.5)


def _attention(palette: Palette) -> str:
    # Thick and thin: a head takes more from some characters than from others.
    weights = [1.0, 0.6, 0.5, 2.2, 0.8, 0.6, 1.2, 3.0, 1.6, 0.8, 2.6]
    return "".join(
        _arc(i, len(EXAMPLE), palette.model("attention"), weight)
        for i, weight in enumerate(weights)
    )


def _arc(start: int, end: int, color: str, width: float) -> str:
    x0, x1 = _middle(start), _middle(end)
    top = _BASELINE - 14 - (x1 - x0) * 0.26
    return (
        f'<path d="M{x0} {_BASELINE - 2} C{x0} {top}, {x1} {top}, {x1} {_BASELINE - 2}" '
        f'fill="none" stroke="{color}" stroke-width="{width}" opacity="0.8"/>'
    )


def _transformer(palette: Palette) -> str:
    color = palette.model("transformer")
    heights = [_BASELINE - 2, 56, 33, 10]
    parts = []
    for below, above in pairwise(heights):
        top = above == heights[-1]
        for i in range(len(EXAMPLE)):
            if top and i < len(EXAMPLE) - 1:
                continue  # only the last character's view leads to the guess
            for j in range(i + 1):
                parts.append(
                    f'<line x1="{_middle(j)}" y1="{below}" x2="{_middle(i)}" y2="{above}" '
                    f'stroke="{color}" stroke-width="{2.0 if i == j else 0.7}" '
                    f'opacity="{0.9 if i == j else 0.28}"/>'
                )
            parts.append(f'<circle cx="{_middle(i)}" cy="{above}" r="4" fill="{color}"/>')
    x0, x1 = _middle(len(EXAMPLE) - 1), _middle(len(EXAMPLE))
    parts.append(
        f'<path d="M{x0} 10 C{x1} 10, {x1} 26, {x1} {_BASELINE - 2}" fill="none" '
        f'stroke="{color}" stroke-width="2"/>'
    )
    return "".join(parts)
