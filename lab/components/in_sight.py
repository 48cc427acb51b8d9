"""A place on a page that the browser scrolls to, once, when an address has asked for it.

Must not know: what stands there.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_IN_SIGHT = st.components.v2.component(
    "lab_in_sight", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def bring_into_sight(what: str, *, key: str) -> None:
    """Let the container that this is called in be seen; again only when `what` is another."""
    _IN_SIGHT(key=key, data={"what": what}, height=1)
