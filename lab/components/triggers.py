"""What components have in common that send something back."""

from __future__ import annotations


def nothing() -> None:
    """Streamlit reports a component's value only if a callback is named for it."""
