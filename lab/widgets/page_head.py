"""What all pages have in common: the head, and the words of a chart explained beside it."""

from __future__ import annotations

import streamlit as st

from lab.wording.glossary import explained


def page_head(title: str, introduction: str, *more: str) -> None:
    """Draw the title with an introduction in Markdown at its side, so that more room is left.

    Words of the field in the introduction, and in `more`, are explained behind its question mark.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(title, width="content")
        with st.container(width="stretch"):
            st.caption(introduction, help=explained(introduction, *more))


def words_help(*texts: str) -> None:
    """A small question mark that explains the words of the field in these texts: a chart's, say."""
    st.caption("words", help=explained(*texts), width="content")
