"""Below the table of runs: what they take on the disk, what is in the bin, and what files bring.

What cannot be undone stands behind a second click, which says what will be gone.
"""

from __future__ import annotations

from functools import partial
from typing import IO

import streamlit as st

from core.exchange.archive import ENDING
from core.runs.disk import DiskUse
from core.runs.lab import MAX_RUN_NAME
from lab.session.entry import Entry
from lab.session.state import the_lab
from lab.train_page.runs.actions import (
    button,
    clean,
    empty_bin,
    import_file,
    open_file,
    restore,
    selected_run,
    upload_key,
)
from lab.widgets.action_buttons import seen_before
from lab.wording import words
from lab.wording.plain import plain

_BINNED: Entry[str | None] = Entry("runs_binned", None)
MAX_UPLOAD_MB = 200
"""A file is held in memory until it is a run."""


def render_disk(use: DiskUse) -> None:
    """What the runs take, and what of it can be freed."""
    st.header("On the disk")
    if not use.total_bytes:
        st.caption("Nothing yet. Checkpoints and snapshots of runs take space.")
        return
    st.caption(
        f"All runs together take {words.mib(use.total_bytes)}, "
        f"{words.mib(use.bin_bytes)} of it in the bin."
    )
    every = [each for each in use.runs if each.run.deleted_at is None and each.spare_bytes]
    if not every:
        st.caption("Nothing can be cleaned up: no run has snapshots or spare checkpoints.")
        return
    with st.popover("Clean up …", icon=":material/mop:", key="runs_cleaning"):
        st.write(
            "The last and the best checkpoint of a run stay, so it can be resumed and looked at. "
            "Its other checkpoints go, and its snapshots, which show how it came to be. This "
            "cannot be undone."
        )
        for each in every:
            if each.run.id == selected_run():
                button(
                    f"Clean up {plain(each.run.name)}: {words.mib(each.spare_bytes)}", "mop",
                    partial(clean, [each.run]), key="runs_clean",
                )  # fmt: skip
        seen = seen_before("runs_to_clean", frozenset(each.run.id for each in every))
        button(
            f"Clean up all runs: {words.mib(use.spare_bytes)}", "mop",
            partial(clean, [each.run for each in every if each.run.id in seen]),
            key="runs_clean_all",
        )  # fmt: skip


def render_bin(use: DiskUse) -> None:
    """The runs in the bin: one to take out, or all to be gone."""
    st.header("In the bin")
    deleted = {run.id: run for run in the_lab().deleted_runs()}
    seen = seen_before("runs_bin", frozenset(deleted))
    if not deleted:
        st.caption("Empty. A run that is deleted lands here first.")
        return
    if _BINNED.get() not in deleted:  # it was taken out, or is gone
        _BINNED.set(next(iter(deleted)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "The last deleted first", list(deleted), key=_BINNED.key,
            format_func=lambda run_id: f"{deleted[run_id].name} · {deleted[run_id].model}",
        )  # fmt: skip
        button("Restore", "undo", partial(restore, chosen))
    with st.popover("Empty the bin …", icon=":material/delete_forever:", key="runs_emptying"):
        what = "one run" if len(deleted) == 1 else f"{len(deleted):,} runs"
        st.write(
            f"This deletes {what} for good and frees {words.mib(use.bin_bytes)}. It cannot be "
            "undone."
        )
        button("Delete for good", "delete_forever", partial(empty_bin, seen), key="runs_empty")


def render_opening() -> None:
    """A run or a model from a file, and how one that is too large for a page comes in."""
    st.header("From a file")
    file = st.file_uploader(
        f"A run file (NAME{ENDING}), nanoGPT's ckpt.pt, or a safetensors export of a lab",
        type=["zip", "pt", "safetensors"], key=upload_key(), max_upload_size=MAX_UPLOAD_MB,
        help="It is checked before it becomes a run, and no code in it is run.",
    )  # fmt: skip
    if file and file.name.endswith(".zip"):
        deed = partial(open_file, file, file.name)
        button("Open the file", "folder_open", deed, key="runs_open_file", primary=True)
    elif file:
        _render_import(file, file.name)
    st.caption(
        f"Up to {MAX_UPLOAD_MB} MB; a larger one comes in with `python -m core import FILE`."
    )


def _render_import(file: IO[bytes], file_name: str) -> None:
    """What a model in a file needs to become a run: the text it learned from, and a name."""
    names: list[str | None] = list(the_lab().library.names())
    if file_name.endswith(".safetensors"):  # which names its text; nanoGPT's does not
        names.insert(0, None)
    corpus = st.selectbox(
        "The text it learned from", names, key="runs_import_corpus",
        format_func=lambda name: name or "the one that the file names",
        help="Its characters must be those of the model; its validation tenth measures the loss.",
    )  # fmt: skip
    name = st.text_input(
        "Name", key="runs_import_name", max_chars=MAX_RUN_NAME, placeholder="found for you if empty"
    )
    deed = partial(import_file, file, file_name, corpus, name or "")
    button("Import the model", "folder_open", deed, key="runs_import_file", primary=True)
