"""What can be done with a text that is here: train on it, delete it, and take that back.

On the left of the Corpus page. Deleting is no more than putting into the bin, and the runs that
depend on the text are named before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.library.texts import SHIPPED, binned_name, size_bytes
from core.records.records import RunRecord
from core.text.corpus import Corpus
from lab.session.address import Part, one_of, read_address
from lab.session.entry import Entry
from lab.session.state import clear_bench, the_lab, want_view
from lab.widgets.action_buttons import deed_button, seen_before
from lab.widgets.controls import choose_corpus, is_long_enough
from lab.wording import words
from lab.wording.plain import plain

_CHOSEN: Entry[str | None] = Entry("corpus_chosen", None)
_NEXT: Entry[str | None] = Entry("corpus_next", None)
"""The text to choose when the page is drawn next."""
_NEWS = Entry("corpus_news", "")
_DELETED: Entry[str | None] = Entry("corpus_deleted", None)
_BINNED: Entry[str | None] = Entry("corpus_binned", None)
NAMED_RUNS = 5


def chosen_name() -> str:
    """The key under which the session holds the text that is looked at, with one that is there."""
    library = the_lab().library
    wanted = _NEXT.take() or _CHOSEN.get()
    _CHOSEN.set(wanted if wanted in library.names() else library.default)
    return _CHOSEN.key


def take_address(names: Sequence[str]) -> str:
    """Look at the text that the address names; or why that cannot be, in a sentence."""
    return read_address("corpus", [Part("corpus", _CHOSEN, one_of(names))])


def look_at(name: str, news: str) -> None:
    """Choose this text when the page is drawn next, and say why."""
    _NEXT.set(name)
    _NEWS.set(news)


def render_news() -> None:
    """What has just been done; a deletion can be taken back."""
    if news := _NEWS.take():
        st.success(news)
    deleted = _DELETED.get()
    if deleted and deleted in map(binned_name, the_lab().library.in_bin()):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{plain(deleted)} is in the bin.", width="content")
            deed_button("Undo", "undo", partial(_restore, deleted), key="corpus_undo")


def render_deeds(corpus: Corpus) -> None:
    """Train on the text, or delete it."""
    with st.container(horizontal=True):
        if st.button(
            "Train on this", type="primary", key="corpus_train", icon=":material/model_training:",
            disabled=not is_long_enough(corpus.text),
        ):  # fmt: skip
            choose_corpus(corpus.name)
            clear_bench()
            want_view("run")
            st.switch_page("app_pages/train.py")
        if corpus.name == SHIPPED:
            return
        with st.popover("Delete …", icon=":material/delete:", key="corpus_deleting"):
            st.write(_consequences(the_lab().runs_on(corpus.name), _other_name(corpus)))
            deed_button(
                f"Put {plain(corpus.name)} into the bin", "delete", partial(_delete, corpus.name),
                key="corpus_delete",
            )  # fmt: skip


def _other_name(corpus: Corpus) -> str | None:
    """Under what other name the same text is here."""
    same = (c for c in the_lab().library.load_all() if c.fingerprint == corpus.fingerprint)
    return next((c.name for c in same if c.name != corpus.name), None)


def _consequences(runs: list[RunRecord], other_name: str | None) -> str:
    if not runs:
        return "No run has learned from it."
    if other_name:
        return (
            f"The same text is here as **{plain(other_name)}** too: the runs that have learned "
            "from it can be resumed and measured with that."
        )
    names = ", ".join(f"**{plain(run.name)}**" for run in runs[:NAMED_RUNS])
    more = f" and {len(runs) - NAMED_RUNS:,} others" * (len(runs) > NAMED_RUNS)
    verb = "has" if len(runs) == 1 else "have"
    return (
        f"{names}{more} {verb} learned from it. They can still write and be looked at, but neither "
        "be resumed nor be measured against the counts until it is back."
    )


def render_bin() -> None:
    """The texts in the bin, if there are some: one to take out, or all to be gone."""
    files = the_lab().library.in_bin()
    seen = seen_before("corpus_bin", frozenset(files))
    if not files:
        return
    st.header("In the bin")
    names = list(dict.fromkeys(map(binned_name, files)))
    if _BINNED.get() not in names:  # it was taken out, or is gone
        _BINNED.set(names[0])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("The last deleted first", names, key=_BINNED.key)
        deed_button(
            "Restore", "undo", partial(_restore, chosen), key="corpus_restore", primary=False
        )
    size = words.mib(sum(map(size_bytes, files)))
    with st.popover("Empty the bin …", icon=":material/delete_forever:", key="corpus_emptying"):
        st.write(f"This deletes {len(files):,} texts for good and frees {size}.")
        deed_button(
            "Delete for good", "delete_forever", partial(the_lab().library.empty_bin, seen),
            key="corpus_empty",
        )  # fmt: skip


def _delete(name: str) -> None:
    the_lab().bin_corpus(name)
    _DELETED.set(name)


def _restore(name: str) -> None:
    restored = the_lab().library.restore(name)
    _DELETED.clear()
    look_at(restored, f"{plain(restored)} is back.")
