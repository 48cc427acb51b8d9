"""How often pages tick: less often each, the more sessions there are on the server.

A tick takes some 50 ms of Python, and while one runs the thread of the trainer waits for its turn.
Twenty sessions that tick each second would leave it one step in thirty.
"""

from __future__ import annotations

import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lab.session.entry import Entry, draw_page_again

N_UNHURRIED = 4
"""So many sessions tick as often as they like."""
GONE_AFTER_S = 30.0
"""A session that has not ticked for so long has left: longer than the slowest pace."""
MOST_SLOWED = 8
_DRAWN_AT = Entry("pace_drawn_at", 1)
"""The slowing that the page was drawn with."""


@st.cache_resource(show_spinner=False)
def _last_seen_s() -> dict[str, float]:
    """By session: when it was drawn or ticked last."""
    return {}


def note_session() -> None:
    """Count the session among those that are there. At each run of a page, and at its ticks."""
    context, seen_s = get_script_run_ctx(), _last_seen_s()
    if context:
        seen_s[context.session_id] = time.monotonic()


def n_sessions() -> int:
    """How many sessions are there, this one among them."""
    seen_s, now_s = _last_seen_s(), time.monotonic()
    for session, at_s in list(seen_s.items()):
        if now_s - at_s > GONE_AFTER_S:
            seen_s.pop(session, None)
    return max(1, len(seen_s))


def slowed(n: float) -> int:
    """How many times longer the pauses between ticks are, where there are n sessions."""
    factor = 1
    while factor * N_UNHURRIED < n and factor < MOST_SLOWED:
        factor *= 2
    return factor


def paced(every_s: float | None) -> float | None:
    """The pause of a fragment that would tick each `every_s`; None for one that does not."""
    return None if every_s is None else every_s * _DRAWN_AT.get()


def begin_page() -> None:
    """Choose the pace for the page that is about to be drawn."""
    note_session()
    _DRAWN_AT.set(slowed(n_sessions()))


def keep_pace() -> None:
    """At a tick: draw the page again, with other pauses, when many have come or gone."""
    note_session()
    n, drawn_at = n_sessions(), _DRAWN_AT.get()
    # When some have gone a few more may go: not to and fro for one who comes and goes.
    if slowed(n) > drawn_at or slowed(1.3 * n) < drawn_at:
        draw_page_again()
