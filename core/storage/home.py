"""Where the lab keeps what it makes: the layout of the lab home, and nothing about its contents.

<lab home>/corpora/<name>.txt   texts that the user added; those deleted are in corpora/bin/
<lab home>/runs/<id>/           lock, checkpoints and snapshots of one run, and what the registry
                                knows of it a second time (`core.storage.journal`); a mark while it
                                is half made or half gone (`core.storage.unfinished`)
<lab home>/sweeps/<id>.json     what the registry knows of a sweep, a second time
<lab home>/lab.sqlite           the registry of runs and their metrics
<lab home>/calibration.json     how fast the machine is, as it was timed last
<lab home>/challenges.json      what a learner predicted and guessed
<lab home>/visit.json           how far a guided first visit has come
<lab home>/lab.log              what went wrong in the background, for whoever repairs it
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import LabError, StorageError

PROJECT_DATA = Path(__file__).resolve().parents[2] / "data"
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "fuse.sshfs", "ceph"}
)


@dataclass(frozen=True)
class LabHome:
    """A folder on a local disk that holds one lab's corpora and runs."""

    path: Path

    @classmethod
    def open(cls, path: Path | str | None = None) -> LabHome:
        """The lab home at `path`, else at `$LAB_HOME`, else the project's `data/`; made if missing.

        One that may only be read is taken as it is: see `is_writable`. Raises LabError when it is a
        file, cannot be made or read, or lies on a network drive.
        """
        named = Path(path or os.environ.get("LAB_HOME") or PROJECT_DATA)
        try:
            chosen = named.expanduser().resolve()
        except (OSError, RuntimeError) as error:  # links in a circle, an unknown user
            raise LabError(
                f"The lab home {named} cannot be found ({error}). Set LAB_HOME to a folder."
            ) from error
        file_system = _file_system_of(chosen)
        if file_system in _NETWORK_FILE_SYSTEMS or str(chosen).startswith("\\\\"):
            raise LabError(
                f"The lab home {chosen} is on a network drive ({file_system or 'UNC path'}), where "
                "several machines could write at once and spoil the runs. "
                "Set LAB_HOME to a folder on a local disk."
            )
        home = cls(chosen)
        try:
            home.corpora.mkdir(parents=True, exist_ok=True)
            home.runs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EROFS) and _may(os.R_OK | os.X_OK, chosen):
                return home
            raise LabError(
                f"The lab home {chosen} cannot be used ({error.strerror}). "
                "Set LAB_HOME to a folder that you may write to."
            ) from error
        return home

    @property
    def is_writable(self) -> bool:
        """Whether the lab may keep anything here; else what is here can only be looked at."""
        places = (self.path, self.corpora, self.runs, self.database)
        return all(_may(os.W_OK, place) for place in places if place.exists())

    def check_writable(self) -> None:
        """Raise StorageError unless the lab may keep something here."""
        if not self.is_writable:
            raise StorageError(
                f"The lab home {self.path} is read-only for you: what is in it can be looked at. "
                "To train or to change something, set LAB_HOME to a folder of your own."
            )

    @property
    def corpora(self) -> Path:
        return self.path / "corpora"

    @property
    def corpora_bin(self) -> Path:
        return self.corpora / "bin"

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def sweeps(self) -> Path:
        return self.path / "sweeps"

    @property
    def database(self) -> Path:
        return self.path / "lab.sqlite"

    @property
    def calibrations(self) -> Path:
        return self.path / "calibration.json"

    @property
    def challenges(self) -> Path:
        return self.path / "challenges.json"

    @property
    def visit(self) -> Path:
        return self.path / "visit.json"

    @property
    def log(self) -> Path:
        return self.path / "lab.log"

    def run_folder(self, run_id: str) -> Path:
        """The folder of one run; not necessarily there yet."""
        return self.runs / run_id


def _may(do_what: int, path: Path) -> bool:
    """Whether this process may read, write or enter a path, as os.access names it."""
    return os.access(path, do_what, effective_ids=os.access in os.supports_effective_ids)


def _file_system_of(path: Path) -> str:
    """The type of the file system under `path`, or "" where the system does not say (not Linux)."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, folder, file_system, *_ = line.split(" ")
        folder = folder.replace("\\040", " ")
        inside = folder == "/" or path == Path(folder) or Path(folder) in path.parents
        if inside and len(folder) >= len(best):
            best, kind = folder, file_system
    return kind
