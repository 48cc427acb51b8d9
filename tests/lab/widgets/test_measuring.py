"""What is seen while something is measured: a field at first, and a sentence later."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lab.components.skeleton import field


def page() -> None:
    import streamlit as st

    from lab.session.address import arrive_at
    from lab.widgets.measuring import measuring

    arrive_at(st.session_state.get("page", "corpus"))
    with measuring("Counting …", 123):
        n_counted = 3
    st.write(f"{n_counted} counted")


def test_whoever_has_just_come_sees_a_field_and_later_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fields: list[int] = []

    def noted(height_px: int, width: str = "100%") -> str:
        fields.append(height_px)
        return field(height_px, width)

    monkeypatch.setattr("lab.widgets.measuring.field", noted)
    app = AppTest.from_function(page).run()
    for n_fields, comes_to in ((1, "corpus"), (1, "compare"), (2, "compare")):
        assert len(fields) == n_fields and set(fields) == {123}
        assert [text.value for text in app.markdown] == ["3 counted"]  # and the field is gone
        assert not app.exception
        app.session_state["page"] = comes_to
        app.run()
