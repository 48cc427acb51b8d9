"""What can be done with the runs there are, and what is said of it: the buttons of the runs view.

One deed at a time. What came of it is said on top of the view until the next one; what cannot be
done is said in the same place, and nothing has then changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import streamlit as st

from core.errors import LabError, RunError
from core.exchange.archive import open_run
from core.exchange.export_import import import_run
from core.records.records import RunRecord
from core.runs.disk import clean_run
from lab.session.entry import Entry
from lab.session.state import the_lab, the_service
from lab.wording import words
from lab.wording.plain import plain_but_code


@dataclass(frozen=True)
class Outcome:
    """What came of the last deed."""

    text: str
    failed: bool = False
    undo: str | None = None
    """Id of the run in the bin that one click brings back."""


Check = Callable[[], None]
"""Refuses a deed by RunError, as `lab.widgets.action_buttons.check_seen` gives it."""

_SELECTED: Entry[str | None] = Entry("runs_selected", None)
_OUTCOME: Entry[Outcome | None] = Entry("runs_said", None)
_UPLOADS = Entry("runs_uploads", 0)


def selected_run() -> str | None:
    """Id of the run that is selected in the table."""
    return _SELECTED.get()


def select_run(run_id: str) -> None:
    """Let the table show this run as selected when it is drawn next."""
    _SELECTED.set(run_id)


def turn_to(run_id: str) -> None:
    """Let the table show a run that the reader has clicked; a refusal was about another."""
    said = _OUTCOME.get()
    if said and said.failed:
        _OUTCOME.clear()
    select_run(run_id)


def upload_key() -> str:
    """Key of the uploader: a new one, and so an empty box, once its file has been opened."""
    return f"runs_file_{_UPLOADS.get()}"


def render_outcome() -> None:
    """What came of the last deed, and where it can be undone, a button for that."""
    said = _OUTCOME.get()
    if said is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="runs_notice"):
        (st.error if said.failed else st.success)(plain_but_code(said.text))
        if said.undo:
            button("Undo", "undo", partial(restore, said.undo))


def button(
    label: str,
    icon: str,
    deed: Callable[[], Outcome | None],
    *,
    key: str | None = None,
    primary: bool = False,
    help_text: str | None = None,
    disabled: bool = False,
) -> None:
    """A button for a deed; its key is made of its label where it has none."""
    if st.button(
        label, icon=f":material/{icon}:", type="primary" if primary else "secondary",
        key=key or f"runs_{label.lower()}", help=help_text, disabled=disabled,
    ):  # fmt: skip
        do(deed)


def do(deed: Callable[[], Outcome | None]) -> None:
    """Do it, and draw the page anew with what came of it."""
    try:
        _OUTCOME.set(deed())
    except LabError as error:
        _OUTCOME.set(Outcome(str(error), failed=True))
    st.rerun()


def after(check: Check, deed: Callable[[], Outcome | None]) -> Callable[[], Outcome | None]:
    """The deed, unless the check refuses it."""

    def checked() -> Outcome | None:
        check()
        return deed()

    return checked


# --- deeds ----------------------------------------------------------------------------------------


def rename(run: RunRecord, name: str) -> Outcome:
    renamed = the_lab().rename_run(run.id, name)
    return Outcome(f"{run.name} is now called {renamed.name}.")


def resume(run: RunRecord) -> Outcome:
    the_service().resume(run.id)
    return Outcome(f"{run.name} goes on from step {words.count(the_lab().run(run.id).step)}.")


def finish(run: RunRecord) -> Outcome:
    the_service().finish(run.id)
    return Outcome(f"{run.name} ends here.")


def delete(run: RunRecord) -> Outcome:
    """Put a run into the bin, but for one that is in hand here, paused or not."""
    if run.id in the_service().in_hand:
        raise RunError(f"{run.name} is in training here. Finish it first, then delete it.")
    binned = the_lab().bin_run(run.id)
    return Outcome(f"Deleted {binned.name}.", undo=binned.id)


def restore(run_id: str) -> Outcome:
    restored = the_lab().restore_run(run_id)
    select_run(restored.id)
    return Outcome(f"{restored.name} is back.")


def clean(runs: Sequence[RunRecord]) -> Outcome:
    freed_bytes, busy = 0, []
    for run in runs:
        try:
            freed_bytes += clean_run(the_lab(), run.id)
        except LabError as error:
            if len(runs) == 1:
                raise
            busy.append(str(error))  # the others are no worse for it
    return Outcome(" ".join([f"Freed {words.mib(freed_bytes)}.", *busy]))


def empty_bin(seen: Collection[str]) -> Outcome:
    """Delete for good what is in the bin of what the reader saw there, and nothing else."""
    gone = the_lab().empty_bin(only=seen)
    return Outcome(f"Deleted for good: {', '.join(run.name for run in gone) or 'nothing'}.")


def open_file(file: IO[bytes], name: str) -> Outcome:
    opened = open_run(the_lab(), file, name)
    _came_in(opened)
    return Outcome(f"Opened {opened.name}, with {words.count(opened.step)} steps.")


def import_file(file: IO[bytes], file_name: str, corpus: str | None, name: str) -> Outcome:
    """Make a run of a model in a file; `corpus` None is the one that the file names."""
    with TemporaryDirectory() as folder, st.spinner("Reading it and measuring its loss …"):
        path = Path(folder) / (Path(file_name).name or "model")
        path.write_bytes(file.read())
        imported = import_run(the_lab(), path, corpus, name.strip() or None)
    _came_in(imported)
    loss = f"{imported.val_loss_nats:.3f} nats per character on {imported.corpus}"
    return Outcome(f"Imported {imported.name}, of step {words.count(imported.step)}: {loss}.")


def _came_in(run: RunRecord) -> None:
    """Select a run that came from a file, and empty the box."""
    select_run(run.id)
    _UPLOADS.set(_UPLOADS.get() + 1)
