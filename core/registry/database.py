"""The registry's file: opened, brought up to date, and read and written one transaction at a time.

Knows nothing of what the rows mean; the tables are `core.registry.schema`'s.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.errors import RunError
from core.registry.schema import SCHEMA_VERSION, bring_up_to_date


class Database:
    """One SQLite file. A connection lives as long as what is done with it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises RunError when it is none of this version's."""
        self._path = path
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            raise RunError(
                f"{path} cannot be read as the lab's registry ({error}). Move it away to begin "
                "with an empty one, or set LAB_HOME to another folder."
            ) from error

    def _open(self) -> None:
        # Two processes may open a new lab home at once, and SQLite lets none wait for this switch.
        with FileLock(f"{self._path}.lock"), self._connection() as db:
            version = bring_up_to_date(db)
            if version != SCHEMA_VERSION:
                raise RunError(
                    f"{self._path} was written by another version of the lab (schema {version}, "
                    f"expected {SCHEMA_VERSION}). Set LAB_HOME to a new folder, or use that one."
                )
            db.execute("PRAGMA journal_mode=WAL")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """For reading; a statement that writes would be a transaction of its own."""
        db = sqlite3.connect(self._path, timeout=30.0, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("PRAGMA synchronous=FULL")  # a commit survives a power cut
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
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What one query finds."""
        with self._connection() as db:
            return db.execute(query, values).fetchall()
