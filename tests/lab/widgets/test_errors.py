"""Errors that a user can put right are sentences; others stay loud."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from core.errors import RunError
    from lab.widgets.errors import errors_said

    raised = st.session_state.get("raised")

    @st.fragment
    @errors_said()
    def part() -> None:
        if raised == "lab":
            raise RunError("There is no run **owl**.")
        if raised == "system":
            raise PermissionError(13, "Permission denied", "/home/x/lab.sqlite")
        if raised == "bug":
            raise ZeroDivisionError
        st.write("all of it")

    part()
    st.write("the rest of the page")


@pytest.mark.parametrize(
    ("raised", "said"), [("lab", r"There is no run \*\*owl\*\*"), ("system", "Permission denied")]
)
def test_what_a_user_can_put_right_is_a_sentence_and_the_page_goes_on(
    raised: str, said: str
) -> None:
    app = AppTest.from_function(page)
    app.session_state["raised"] = raised
    app.run()
    (error,) = app.error
    assert said in error.value and not app.exception
    assert [text.value for text in app.markdown] == ["the rest of the page"]


def test_a_bug_is_not_hidden() -> None:
    app = AppTest.from_function(page)
    app.session_state["raised"] = "bug"
    assert app.run().exception and not app.error


def test_where_nothing_is_wrong_nothing_is_said() -> None:
    app = AppTest.from_function(page).run()
    assert [text.value for text in app.markdown] == ["all of it", "the rest of the page"]
