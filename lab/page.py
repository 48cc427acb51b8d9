"""The head of a page: its title and, beside it, what one sees there."""

from __future__ import annotations

import streamlit as st

from lab.glossary import explained


def page_head(title: str, introduction: str) -> None:
    """Draw the title with an introduction in Markdown at its side, so that more room is left.

    Words of the field in the introduction are explained behind its question mark.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(title, width="content")
        with st.container(width="stretch"):
            st.caption(introduction, help=explained(introduction))
