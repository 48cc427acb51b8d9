"""Grey fields that keep the place of what is not there yet. They do not pulse: that costs time."""

from __future__ import annotations


def field(height_px: int, width: str = "100%") -> str:
    """HTML of one field."""
    return (
        f"<div style='width:{width};height:{height_px}px;margin-bottom:1rem;border-radius:6px;"
        "background:currentColor;opacity:0.06'></div>"
    )


PAGE = field(40, "40%") + field(640)
"""A title and a body."""
