"""What the page's address says beside its run: `?view=…&order=…&source=…&other=…`.

It is taken at its word once in a session; from then on it says what is shown, as short as it can.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import LabError
from core.interpretability.orders import ORDERS
from core.records.records import RunRecord
from lab.session.bigram_choices import OTHER, SOURCE, SOURCES, SWITCHES, TABLE_VIEWS
from lab.session.entry import Entry
from lab.session.state import the_lab
from lab.wording.plain import plain, plain_but_code

_CHOICES: dict[str, tuple[str, ...]] = {
    "view": TABLE_VIEWS,
    "order": ORDERS,
    "source": SOURCES,
}
_READ: Entry[bool] = Entry("bigram_address_read", False)


def read_address() -> list[str]:
    """Choose what the address says, the first time; what it says in vain, in sentences."""
    if _READ.get():
        return []
    _READ.set(True)
    troubles = []
    for name, held in SWITCHES.items():
        value = st.query_params.get(name)
        if value in _CHOICES[name]:
            held.set(value)
        elif value is not None:
            choices = ", ".join(_CHOICES[name])
            troubles.append(
                f"Left out of the address: {name} is one of {choices}, not {plain(value[:40])}."
            )
    if other := st.query_params.get("other"):
        troubles += _choose_other(other)
    return troubles


def _choose_other(name: str) -> list[str]:
    try:
        run = the_lab().run(name)
    except LabError as error:
        return [f"Left out of the address: {plain_but_code(str(error))}"]
    if run.model == "bigram":
        return [f"Left out of the address: {plain(run.name)} is itself a bigram table."]
    OTHER.set(run.id)
    return []


def write_address(other: RunRecord | None) -> None:
    """Let the address say what is shown; `other` is the run of the other model, if one is."""
    wanted: dict[str, Any] = {
        name: held.get() for name, held in SWITCHES.items() if held.get() != held.default
    }
    if other and SOURCE.get() != "table":
        wanted["other"] = other.name
    for name in (*SWITCHES, "other"):
        if name not in wanted:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
