"""One thing that a browser session holds: the only module that touches Streamlit's session state.

Who may hold what, which `tests/test_architecture.py` keeps:

* What several modules read or write, or what outlives a page, is an entry of this room: those of
  the Train page and its address in `train_choices`, those of Compare in `compare_choices`, those of
  Generate in `generate_choices`, the drafts in `drafts`, the run that all pages look at in `state`.
* What one module alone reads and writes may be an entry of that module, under a private name.
* A widget whose value is only what it returns needs no entry: its `key=` is a plain string, which
  no other module spells.

Must not know: what is held. It is cheap to make an entry, so where a key is made of an id, it is
made where it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

Held = TypeVar("Held")


@dataclass(frozen=True)
class Entry(Generic[Held]):
    """A place in the session, which may be that of a widget: then it is the widget's value."""

    key: str
    """Also the key of the widget, if it has one."""
    default: Held
    """What holds until something is set. Not to be changed: all sessions share it."""

    def get(self) -> Held:
        """What is held; the default where that is nothing, or None."""
        return self._or_default(st.session_state.get(self.key))

    def set(self, value: Held) -> None:
        """Hold this. Before the widget of this key is drawn, or in a callback: not after it."""
        st.session_state[self.key] = value

    def begin(self, value: Held) -> None:
        """Hold this, unless something is held already."""
        st.session_state.setdefault(self.key, value)

    def take(self) -> Held:
        """What is held, which is then held no longer."""
        return self._or_default(st.session_state.pop(self.key, None))

    def clear(self) -> None:
        """Hold nothing."""
        st.session_state.pop(self.key, None)

    def _or_default(self, held: Any) -> Held:
        return self.default if held is None else cast(Held, held)


def only_fragments_run() -> bool:
    """Whether the page is not run as a whole now: so nobody has moved a widget outside fragments.

    A fragment that ticks brings along what the browser says of every widget. On a busy machine that
    may be from before the page set a widget anew, and then it is no wish of the reader's: without
    this, a tick between the press on Rewind and its picture put the old run back on the bench.
    """
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


_DRAW_AGAIN = Entry("draw_page_again", False)


def draw_page_again() -> None:
    """Run the whole page once more: at once at a tick, else when it has been drawn to its end.

    Not in its middle: with the rest of the page, a press on a button in it would be lost.
    """
    if only_fragments_run():
        st.rerun()
    _DRAW_AGAIN.set(True)


def is_to_be_drawn_again() -> bool:
    """Whether somebody asked for it while the page was drawn; asked once, it is forgotten."""
    return _DRAW_AGAIN.take()
