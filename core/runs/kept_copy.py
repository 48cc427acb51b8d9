"""What the registry knows of the run in hand, written into its folder at each of its saves.

So a registry that is lost or damaged, even while the run trains, can be made anew with all that the
run has measured.
"""

from __future__ import annotations

from contextlib import suppress

from core.errors import StorageError
from core.registry import Store
from core.runs.keeping import keep_all_of, keep_run
from core.runs.rebuilding import open_registry, suspect
from core.storage.home import LabHome
from core.storage.journal import Journal, Measured


class KeptCopy:
    """The second copy of one run, for whoever trains it."""

    def __init__(self, home: LabHome, store: Store, run_id: str) -> None:
        self._home, self._store, self._id = home, store, run_id
        self._journal = Journal(home.run_folder(run_id))
        self._unsaved = Measured()
        """What is in the registry and not yet in the folder."""

    def begin(self) -> None:
        """The run is taken up: its rows were cut back, and so is the copy."""
        keep_all_of(self._home, self._store, self._store.run(self._id))

    def note(self, measured: Measured) -> None:
        """Something has come into the registry; it is written at the next save."""
        self._unsaved.steps += measured.steps
        self._unsaved.estimates += measured.estimates
        self._unsaved.health += measured.health

    def write(self) -> None:
        """The run has been saved."""
        with suppress(StorageError):  # then it waits for the next save
            self._journal.add(self._unsaved)
            self._unsaved = Measured()
        self.write_run()

    def write_run(self) -> None:
        """How the run stands has changed."""
        keep_run(self._home, self._store, self._store.run(self._id))

    def make_registry_anew(self) -> None:
        """The registry is gone or damaged: have it made anew, with what this run has measured."""
        suspect(self._home)
        open_registry(self._home)
        unsaved = self._unsaved
        self._store.record(self._id, unsaved.steps, unsaved.estimates, unsaved.health)
