"""Below the table of runs: what they take on the disk, what is in the bin, and other labs' runs.

What cannot be undone stands behind a second click, which says what will be gone.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.archive import ENDING
from core.disk import DiskUse
from lab import words
from lab.plain import plain
from lab.state import the_lab
from lab.training.runs_deeds import (
    button,
    clean,
    empty_bin,
    open_file,
    restore,
    selected_run,
    upload_key,
)

_BINNED = "runs_binned"


def render_disk(use: DiskUse) -> None:
    """What the runs take, and what of it can be freed."""
    st.subheader("On the disk")
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
        button(
            f"Clean up all runs: {words.mib(use.spare_bytes)}", "mop",
            partial(clean, [each.run for each in every]), key="runs_clean_all",
        )  # fmt: skip


def render_bin(use: DiskUse) -> None:
    """The runs in the bin: one to take out, or all to be gone."""
    st.subheader("In the bin")
    deleted = {run.id: run for run in the_lab().deleted_runs()}
    if not deleted:
        st.caption("Empty. A run that is deleted lands here first.")
        return
    if st.session_state.get(_BINNED) not in deleted:  # it was taken out, or is gone
        st.session_state[_BINNED] = next(iter(deleted))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "The last deleted first", list(deleted), key=_BINNED,
            format_func=lambda run_id: f"{deleted[run_id].name} · {deleted[run_id].model}",
        )  # fmt: skip
        button("Restore", "undo", partial(restore, chosen))
    with st.popover("Empty the bin …", icon=":material/delete_forever:", key="runs_emptying"):
        what = "one run" if len(deleted) == 1 else f"{len(deleted):,} runs"
        st.write(
            f"This deletes {what} for good and frees {words.mib(use.bin_bytes)}. It cannot be "
            "undone."
        )
        button("Delete for good", "delete_forever", empty_bin, key="runs_empty")


def render_opening() -> None:
    """A run file from another lab, and how one that is too large for a page comes in."""
    st.subheader("From another lab")
    file = st.file_uploader(
        f"A run file, NAME{ENDING}", type="zip", key=upload_key(),
        help="What Share makes. It is checked before it becomes a run, and no code in it is run.",
    )  # fmt: skip
    if file:
        button(
            "Open the file", "folder_open", partial(open_file, file, file.name),
            key="runs_open_file", primary=True,
        )  # fmt: skip
    st.caption(
        f"Up to {st.get_option('server.maxUploadSize')} MB; a larger one comes in with "
        "`python -m core import FILE`."
    )
