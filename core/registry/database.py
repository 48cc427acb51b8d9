"""The registry's file: opened, brought up to date, and read and written one transaction at a time.

Knows nothing of what the rows mean; the tables are `core.registry.schema`'s. What SQLite says when
something is wrong becomes an error with a sentence here: a full or read-only disk a `StorageError`,
a damaged file a `RegistryDamaged`.

Where nothing can be written, the file is still read: as it is, or, where changes wait in its log or
it is of an older version, from a copy in the system's folder for temporary files.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.errors import LabError, RegistryDamaged, RunError, StorageError
from core.registry.schema import SCHEMA_VERSION, bring_up_to_date
from core.storage.trouble import disk_full, in_words

BUSY_S = 30.0
"""How long one process waits for another that writes."""
_ERROR = 1  # SQLITE_ERROR: of a statement, not of the file
_BUSY = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED
_READ_ONLY, _FULL = 8, 13
_DISK = (10, 14)
"""SQLITE_IOERR and SQLITE_CANTOPEN: of a full disk too, where no log can be made."""
_DAMAGED = (11, 26)  # SQLITE_CORRUPT, SQLITE_NOTADB
_NO_TABLE = ("no such table", "no such column", "malformed")


class Database:
    """One SQLite file. A connection lives as long as what is done with it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file, or make it.

        Args:
            read_only: whether nothing may be written: neither the file nor beside it.

        Raises RunError when it is of another version, RegistryDamaged when it cannot be read,
        StorageError when the system does not let it.
        """
        self._path = path
        self._read_only = read_only
        self.mend: Callable[[], None] | None = None
        """What makes the file anew, where a reader comes upon damage and somebody can."""
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._copied: object = None
        if read_only:
            with self._connection() as db:
                _check_version(path, _version(db))
        else:
            self._open()

    def _open(self) -> None:
        # Two processes may open a new lab home at once, and SQLite lets none wait for this switch.
        lock = FileLock(f"{self._path}.lock")
        try:
            with in_words(self._path):
                lock.acquire(timeout=BUSY_S)
        except Timeout:
            raise StorageError(f"{self._path} is being opened by another process.") from None
        except StorageError as error:
            if not (error.is_full and self._path.is_file()):
                raise
        try:
            with self._connection() as db:
                if db.execute("PRAGMA query_only").fetchone()[0]:  # the disk is full
                    _check_version(self._path, _version(db))
                    return
                _check_version(self._path, self._brought_up_to_date(db))
                db.execute("PRAGMA journal_mode=WAL")
        finally:
            lock.release()

    def _brought_up_to_date(self, db: sqlite3.Connection) -> int:
        try:
            return bring_up_to_date(db)
        except sqlite3.OperationalError as error:
            if _code(error) == _ERROR:
                raise RunError(
                    f"{self._path} cannot be read as the lab's registry ({error}); it is left as "
                    "it was. Set LAB_HOME to another folder."
                ) from error
            raise

    def check(self) -> None:
        """Read all of the file. Raises RegistryDamaged where it is not whole."""
        with self._connection() as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _damaged(self._path, found)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """For reading; a statement that writes would be a transaction of its own."""
        with self._explained():
            db = self._connect()
            try:
                db.row_factory = sqlite3.Row
                db.text_factory = _text  # a spoiled byte is a spoiled character, and no end of all
                yield db
            finally:
                db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """For writing: all that is done inside, or nothing of it."""
        with self._connection() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # SQLite takes back by itself what no disk has room for
                    db.execute("ROLLBACK")
                raise

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What one query finds; of a damaged file, once it has been made anew."""
        try:
            return self._found(query, values)
        except RegistryDamaged:
            if self.mend is None:
                raise
            self.mend()
        return self._found(query, values)

    def _found(self, query: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        with self._connection() as db:
            return db.execute(query, values).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Inside, what SQLite says of the disk and the file becomes an error with a sentence."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            path, code, said = self._path, _code(error), str(error)
            may_write = not self._read_only and os.access(path, os.W_OK)
            if code == _FULL or "is full" in said or (code == _READ_ONLY and may_write):
                raise disk_full(path) from error
            if code in _DAMAGED or any(words in said for words in _NO_TABLE):
                raise _damaged(path, said) from error
            if code == _READ_ONLY:
                raise StorageError(
                    f"The registry {path} is read-only, so nothing can be changed or trained "
                    "here. Set LAB_HOME to a folder of your own."
                ) from error
            if code in _BUSY:
                raise StorageError(
                    f"Another process has held the registry {path} for {BUSY_S:.0f} s. Try again."
                ) from error
            if code in _DISK and not path.parent.exists():
                raise StorageError(
                    f"The lab home {path.parent} is not there any more. Put it back where it was, "
                    "or set LAB_HOME to another folder and start again."
                ) from error
            if code in _DISK:
                raise StorageError(f"The registry {path} cannot be used ({said}).") from error
            raise

    # --- with nothing to write on -----------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        if self._read_only:
            return self._connect_to_read()
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        try:
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("PRAGMA synchronous=FULL")  # a commit survives a power cut
            db.execute("PRAGMA user_version")  # makes the log, which takes room
        except sqlite3.OperationalError as error:
            db.close()
            if _code(error) not in (_FULL, *_DISK) or not self._path.is_file():
                raise
            return self._connect_to_read()
        return db

    def _connect_to_read(self) -> sqlite3.Connection:
        log = self._path.with_name(f"{self._path.name}-wal")
        path = self._path
        if _size(log) or _is_old(path):
            path = self._copied_with(log)
        db = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        db.execute("PRAGMA query_only=ON")
        return db

    def _copied_with(self, log: Path) -> Path:
        """A copy of this version, with what waits in the log; made anew once it is behind."""
        if self._copy is None:
            self._copy = tempfile.TemporaryDirectory(prefix="lab-registry-")
        copy, state = Path(self._copy.name) / self._path.name, (_state(self._path), _state(log))
        if state != self._copied:
            with in_words(copy):
                for old in copy.parent.iterdir():
                    old.unlink()
                shutil.copyfile(self._path, copy)
                if _size(log):
                    shutil.copyfile(log, copy.with_name(log.name))
            db = sqlite3.connect(copy, isolation_level=None)
            db.row_factory = sqlite3.Row
            with suppress(LabError):
                bring_up_to_date(db)
            db.execute("PRAGMA journal_mode=DELETE")  # all into the one file
            db.close()
            self._copied = state
        return copy


def _damaged(path: Path, said: str) -> RegistryDamaged:
    return RegistryDamaged(
        f"The registry {path} is damaged ({said}). Open the lab again: it is made anew from the "
        "folders of the runs."
    )


def _text(raw: bytes) -> str:
    return str(raw, "utf-8", "replace")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary code of an error; 0 where it has none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _check_version(path: Path, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise RunError(
            f"{path} was written by a newer version of the lab (schema {version}, expected "
            f"{SCHEMA_VERSION}). Take that version, or set LAB_HOME to a new folder."
        )
    if version != SCHEMA_VERSION:
        raise RunError(
            f"{path} was written by another version of the lab (schema {version}, "
            f"expected {SCHEMA_VERSION}). Set LAB_HOME to a new folder, or use that one."
        )


def _is_old(path: Path) -> bool:
    """Whether a registry is of an older version, by the version number in its header."""
    try:
        with path.open("rb") as file:
            header = file.read(64)
    except OSError:
        return False
    return len(header) == 64 and 0 < int.from_bytes(header[60:64], "big") < SCHEMA_VERSION


def _state(path: Path) -> tuple[int, int]:
    """By what a file is known to have changed."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _size(path: Path) -> int:
    return _state(path)[1]
