"""Buttons that do something with runs: done, and the page drawn as they stand, or said why not.

And the place where buttons stand that take turns, such as Pause and Resume: see `one_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypedDict, TypeVar, Unpack

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import LabError, RunError
from core.records.records import RunRecord
from lab.session.entry import Entry
from lab.wording.labels import in_labels
from lab.wording.plain import plain_but_code

Seen = TypeVar("Seen")
WRITE_PX = 104
"""Wide enough for Write and for Stop."""
_TURNS = "[class*=st-key-one_of_]"
CSS = f"""
{_TURNS}:not(:has([data-testid=stAlert])) :is(
  [data-testid=stElementContainer], [data-testid=stButton], button
) {{ width: 100%; }}
{_TURNS} > :nth-child(n+2):has([data-testid=stButton]) {{ display: none; }}
{_TURNS}:has([data-testid=stAlert]) {{ width: 100%; }}
:has(> {_TURNS} [data-testid=stAlert]) {{ flex-basis: 100%; }}
"""
"""While a page is drawn anew, the button of before still stands beside the one that replaces it:
only the first of them is shown. What went wrong needs more room than a button. `lab/Home.py` sends
this once for whichever page."""


def one_of(name: str, width: int | Literal["content"] = "content") -> DeltaGenerator:
    """A place for one of several buttons; the one of before stays until the new one takes over.

    Where others stand beside it that stay, give it a width in px that all have room in: else they
    move under somebody's finger.
    """
    return st.container(key=f"one_of_{name}", width=width)


def seen_before(key: str, now: Seen) -> Seen:
    """What stood here when the page was drawn last, which is what a click is about; else `now`.

    Args:
        key: of the place. What stands there now is remembered under it.
    """
    seen: Entry[Seen | None] = Entry(f"{key}_seen", None)
    before = seen.get()
    seen.set(now)
    return now if before is None else before


def check_seen(key: str, run_id: str) -> Callable[[], None]:
    """What to call before the deed of a button that is about a run: refuses one that nobody saw.

    A click draws the page anew before its deed is done, and by then another run may be chosen:
    where the one on the screen was deleted in another tab, or a newer one was begun.

    Args:
        key: of the button, or of several that are always drawn together.
        run_id: the run that they are about now; "" where there is none, and what is begun then may
            be gone on with.
    """
    before = seen_before(f"{key}_about", run_id)

    def check() -> None:
        if before not in ("", run_id):
            raise RunError(
                "Nothing was done: the run that stood here is no longer the one that is shown. It "
                "was deleted elsewhere, or a newer one has taken its place. Look again."
            )

    return check


class ButtonOptions(TypedDict, total=False):
    """What a button may have besides, as `st.button` takes it."""

    disabled: bool
    shortcut: str
    help: str | None


def deed_button(
    label: str,
    icon: str,
    deed: Callable[[], object],
    *,
    key: str,
    primary: bool = True,
    about: RunRecord | None = None,
    **options: Unpack[ButtonOptions],
) -> None:
    """A button; what cannot be done is said beside it, and nothing is lost.

    `about` is the run that the deed is done to, which must be the one that stood there.
    """
    check = check_seen(key, about.id if about else "")
    clicked = st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary", key=key,
        **options,
    )  # fmt: skip
    if clicked:
        try:
            check()
            deed()
        except LabError as error:
            st.error(plain_but_code(in_labels(str(error))))
        else:
            st.rerun()
