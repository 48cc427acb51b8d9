"""What an address may say of a view, and what is said of the rest of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lab.session.address import SAID_FOR_S, lines_of_text, number, one_of, short_text, whole_number


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (whole_number(4), "1", 1),
        (whole_number(4), "4", 4),
        (whole_number(4, 0), "0", 0),
        (whole_number(2**31 - 1, 0), "2147483647", 2**31 - 1),
        (number(0.0, 2.0), "0.35", 0.35),
        (number(0.0, 2.0), "2", 2.0),
        (lines_of_text(9), "OWL:\nhoo", "OWL:\nhoo"),
        (lines_of_text(9), "", ""),
        (short_text(3), "a b", "a b"),
        (short_text(3), "é<", "é<"),
        (one_of(["even", "share"]), "share", "share"),
    ],
)
def test_what_can_be_is_read(read: Callable[[str], Any], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (whole_number(4), "0", "is a whole number from 1 to 4 here"),
        (whole_number(4), "5", "not '5'"),
        (whole_number(4), "-1", "not '-1'"),
        (whole_number(4), "²", "from 1 to 4"),
        (whole_number(4), "", "from 1 to 4"),
        (whole_number(1), "2", "is 1 here"),
        (whole_number(4), "9" * 5000, "9" * 40 + "'"),
        (whole_number(9, 2), "1", "is a whole number from 2 to 9 here"),
        (number(0.0, 2.0), "2.01", "is a number from 0 to 2, not '2.01'"),
        (number(0.0, 2.0), "nan", "is a number from 0 to 2"),
        (number(0.0, 2.0), "", "is a number from 0 to 2"),
        (lines_of_text(3), "abcd", "has at most 3 characters, not 4"),
        (lines_of_text(3), "a\tb", "without control characters"),
        (short_text(3), "abcd", "has 1 to 3 characters, not 4"),
        (short_text(3), "", "not 0"),
        (short_text(3), "a\nb", "is one line"),
        (one_of(["even", "share"]), "x" * 99, "is one of even, share"),
    ],
)
def test_what_cannot_be_is_said_in_few_words(
    read: Callable[[str], Any], text: str, says: str
) -> None:
    with pytest.raises(ValueError) as error:
        read(text)
    assert says in str(error.value) and len(str(error.value)) < 100


def page() -> None:
    import streamlit as st

    from lab.session.address import Part, read_address, whole_number, write_address
    from lab.session.entry import Entry

    size: Entry[int] = Entry("size", 1)
    trouble = read_address("sizes", [Part("size", size, whole_number(9))])
    st.text(trouble)
    st.number_input("Size", 1, 9, key=size.key)
    write_address({"size": None if size.get() == 1 else size.get()})


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(page)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def test_the_address_is_read_once_and_then_says_what_is_shown() -> None:
    app = opened(size="7", other="x")
    assert app.number_input[0].value == 7 and app.text[0].value == ""
    app.number_input[0].set_value(3).run()
    assert app.number_input[0].value == 3
    assert dict(app.query_params) == {"size": "3", "other": "x"}
    app.number_input[0].set_value(1).run()
    assert "size" not in app.query_params


def test_what_cannot_be_is_left_out_and_said_for_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = opened(size="70")
    assert app.number_input[0].value == 1 and "size" not in app.query_params
    said = "Left out of the address: size is a whole number from 1 to 9 here, not '70'."
    assert app.text[0].value == said
    app.run()
    assert app.text[0].value == said, "a page that draws itself again at once must not take it away"
    later_s = time.monotonic() + SAID_FOR_S
    monkeypatch.setattr("lab.session.address.time.monotonic", lambda: later_s)
    app.run()
    assert app.text[0].value == ""


def page_among_others() -> None:
    import streamlit as st

    from lab.session.address import Part, arrive_at, one_of, read_address
    from lab.session.entry import Entry

    name = st.query_params.get("page", "maps")
    arrive_at(name)
    scale: Entry[str] = Entry("scale", "even")
    if name == "maps":
        read_address("maps", [Part("scale", scale, one_of(["even", "share"]))])
    st.text(scale.get())


def test_a_page_reads_its_address_again_when_one_comes_back_to_it_by_another() -> None:
    app = AppTest.from_function(page_among_others)
    app.query_params["scale"] = "share"
    app.run()
    assert app.text[0].value == "share"
    app.query_params["scale"] = "even"  # as a browser says it that has not heard of a change
    assert app.run().text[0].value == "share"
    app.query_params["page"] = "elsewhere"
    app.run()
    app.query_params["page"] = "maps"
    assert app.run().text[0].value == "even"
