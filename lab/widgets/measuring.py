"""What a reader sees while a number is measured that the page cannot be drawn without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from lab.components.skeleton import field
from lab.session.address import has_just_arrived


@contextmanager
def measuring(sentence: str, height_px: int) -> Iterator[None]:
    """Measure inside, and draw what came of it after: `height_px` is the height of that.

    Whoever has just come to the page sees a field of this height in its place. Later the picture
    from before stands there, and the sentence beside it is enough.
    """
    place = st.empty()  # in each run, so that what follows keeps its own place
    if not has_just_arrived():
        with st.spinner(sentence):
            yield
        return
    place.html(field(height_px))
    try:
        yield
    finally:
        place.empty()
