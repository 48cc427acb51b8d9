"""Pieces of SVG text. What is written goes through `escape` here, so none of it is markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

SANS = "Source Sans, Source Sans Pro, Segoe UI, Helvetica, Arial, sans-serif"
MONO = "Source Code Pro, Menlo, Consolas, DejaVu Sans Mono, monospace"


def drawing(width: float, height: float, parts: Sequence[str]) -> str:
    """The whole picture, at its own size in px."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="{SANS}">{"".join(parts)}</svg>'
    )


def box(
    x: float, y: float, width: float, height: float, *,
    fill: str = "none", stroke: str = "none", radius: float = 2,
) -> str:  # fmt: skip
    """A rectangle; its outline lies inside it."""
    inset = 0.0 if stroke == "none" else 0.5
    return (
        f'<rect x="{x + inset:.2f}" y="{y + inset:.2f}" width="{max(0.0, width - 2 * inset):.2f}" '
        f'height="{max(0.0, height - 2 * inset):.2f}" rx="{radius:g}" fill="{fill}" '
        f'stroke="{stroke}"/>'
    )


def line(
    x: float, y: float, to_x: float, to_y: float, color: str, *,
    width: float = 1, dashed: bool = False,
) -> str:  # fmt: skip
    """A straight line."""
    dashes = ' stroke-dasharray="3 2"' if dashed else ""
    return (
        f'<path d="M{x:.2f} {y:.2f}L{to_x:.2f} {to_y:.2f}" stroke="{color}" '
        f'stroke-width="{width:g}"{dashes}/>'
    )


def words(
    x: float, y: float, said: str, color: str, *, size: float = 12, bold: bool = False
) -> str:
    """A line of text that begins at x, on the base line y."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{color}"{weight}>'
        f"{escape(said)}</text>"
    )


def cells(xs: Sequence[float], y: float, signs: Sequence[str], color: str, *, size: float) -> str:
    """Signs in monospace, each in the middle of its own place, whatever font there is."""
    places = " ".join(
        # A place for each of the code units that SVG counts in.
        " ".join([f"{x:g}"] * (len(sign.encode("utf-16-le")) // 2))
        for x, sign in zip(xs, signs, strict=True)
    )
    return (
        f'<text x="{places}" y="{y:g}" font-size="{size:g}" font-family="{MONO}" fill="{color}" '
        f'text-anchor="middle">{escape("".join(signs))}</text>'
    )
