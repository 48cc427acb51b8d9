"""What pages have in common: the head, and the words of a chart explained beside it."""

from __future__ import annotations

import streamlit as st

from lab.wording.glossary import explained

FOLD = "The words on this chart"


def page_head(title: str, introduction: str, *more: str) -> None:
    """Draw the title with an introduction in Markdown at its side, so that more room is left.

    Words of the field in the introduction, and in `more`, are explained behind its question mark.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(title, width="content")
        with st.container(width="stretch"):
            st.caption(introduction, help=explained(introduction, *more))


def words_fold(*texts: str) -> None:
    """The words of the field in these texts, a chart's say, explained where one unfolds them.

    For a place below or beside what they explain: a help would lie over it while one reads.
    """
    fold = st.expander(FOLD, icon=":material/dictionary:", key="words_fold", on_change="rerun")
    if fold.open:
        fold.caption(explained(*texts) or "")
