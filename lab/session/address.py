"""A view of a page as an address: what stands behind the `?`, read once and then written.

An address is input from outside. Each part of it is checked, and what cannot be is left out and
said. Read when the reader comes to a page, it is put into the entries from which the page is drawn,
before their widgets are; from then on the address says what is on the screen.

The run of an address is `lab.widgets.pickers`'s, all of the Train page's `lab.train_page.link`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import quoted
from lab.session.entry import Entry, only_fragments_run

_SHOWN = 40
"""So much of a value that cannot be is quoted."""
SAID_FOR_S = 8.0
"""So long a complaint stays, however often its page is drawn meanwhile."""
_HERE: Entry[str | None] = Entry("address_page", None)
"""The page that was drawn last."""
_IS_NEW = Entry("address_page_is_new", False)


@dataclass(frozen=True)
class Part:
    """One part of an address, and the entry that it is about."""

    name: str
    entry: Entry[Any]
    read: Callable[[str], Any]
    """What the entry is to hold. Raises ValueError, whose text says what is expected: "is …"."""


def whole_number(at_most: int, at_least: int = 1) -> Callable[[str], int]:
    """Reads a whole number from `at_least`, which is not below 0, to `at_most`."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdecimal() and len(text) <= 10
        if is_number and at_least <= int(text) <= at_most:
            return int(text)
        what = f"a whole number from {at_least} to {at_most}" if at_most > at_least else at_least
        raise ValueError(f"is {what} here, not {quoted(text, _SHOWN)}")

    return read


def number(at_least: float, at_most: float) -> Callable[[str], float]:
    """Reads a number between these two, or one of them."""

    def read(text: str) -> float:
        with suppress(ValueError):
            if at_least <= (value := float(text)) <= at_most:
                return value
        raise ValueError(
            f"is a number from {at_least:g} to {at_most:g}, not {quoted(text, _SHOWN)}"
        )

    return read


def short_text(at_most: int) -> Callable[[str], str]:
    """Reads a text of one line, of 1 to `at_most` characters."""

    def read(text: str) -> str:
        if not text or len(text) > at_most:
            raise ValueError(f"has 1 to {at_most:,} characters, not {len(text):,}")
        if any(ord(c) < 32 for c in text):
            raise ValueError("is one line, without control characters")
        return text

    return read


def lines_of_text(at_most: int) -> Callable[[str], str]:
    """Reads a text of any number of lines, of at most `at_most` characters; it may be empty."""

    def read(text: str) -> str:
        if len(text) > at_most:
            raise ValueError(f"has at most {at_most:,} characters, not {len(text):,}")
        if any(ord(c) < 32 and c != "\n" for c in text):
            raise ValueError("is text, without control characters")
        return text

    return read


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """Reads one of these words."""

    def read(text: str) -> str:
        if text in choices:
            return text
        raise ValueError(f"is one of {', '.join(choices)}, not {quoted(text, _SHOWN)}")

    return read


def arrive_at(page: str) -> None:
    """Note that a page is being drawn; one that the reader has just come to reads its address.

    By a link from another page, that is: a page that is drawn again has written the address itself,
    and a browser may still say the one before.
    """
    _IS_NEW.set(_HERE.get() != page)
    if has_just_arrived():
        _HERE.set(page)
        _is_read(page).clear()


def has_just_arrived() -> bool:
    """Whether the page is drawn for the first time since the reader came to it."""
    return _IS_NEW.get() and not only_fragments_run()


def read_address(page: str, parts: Sequence[Part]) -> str:
    """Put into the entries what the address says; why some of it cannot be, in a sentence.

    Once for each time that the reader comes to `page`, before the widgets of these entries are
    drawn. Nothing to complain of is an empty text. It quotes what came from outside: show it as
    plain text. A page may draw itself again at once, so what there was to complain of is returned
    for some seconds more.
    """
    if _is_read(page).get():
        said, until_s = _complaint(page).get()
        return said if time.monotonic() < until_s else ""
    _is_read(page).set(True)
    complaints = []
    for part in parts:
        if part.name not in st.query_params:
            continue
        try:
            part.entry.set(part.read(st.query_params[part.name]))
        except ValueError as error:
            complaints.append(f"{part.name} {error}")
    said = f"Left out of the address: {'; '.join(complaints)}." if complaints else ""
    _complaint(page).set((said, time.monotonic() + SAID_FOR_S))
    return said


def _is_read(page: str) -> Entry[bool]:
    return Entry(f"address_read_{page}", False)


def _complaint(page: str) -> Entry[tuple[str, float]]:
    """What there was to complain of, and until when that is said (`time.monotonic`)."""
    return Entry(f"address_complaint_{page}", ("", 0.0))


def write_address(values: Mapping[str, Any]) -> None:
    """Let the address say these; None takes a part out. Other parts of it stay as they are."""
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != str(value):
            st.query_params[name] = str(value)
