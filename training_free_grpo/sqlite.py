"""Open SQLite the one way that runs are kept."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

_PATIENCE = 30.0


class Database(Protocol):
    """What the journal needs of a connection, SQLite's or another's; used as a transaction."""

    def execute(self, query: str, values: Sequence[Any] = ..., /) -> Any:
        """Run a statement whose values stand as question marks."""

    def __enter__(self) -> object:
        """Begin a transaction."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
        /,
    ) -> object:
        """Commit it, or roll it back."""


class StorageError(RuntimeError):
    """What is to be kept cannot be written or read: no call may be paid for that would be lost."""


@contextmanager
def storage(path: Path | None = None) -> Iterator[None]:
    """Turn the errors of SQLite into StorageError, which no agent's failure is taken for."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"{path or 'a file of the run'} cannot be used: {error}") from error


@contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for several threads; what is committed survives the death of the process.

    WAL with NORMAL loses nothing when the process dies; FULL would wait for the disk at every
    write, for the sake of power cuts.
    """
    with storage(path):
        connection = sqlite3.connect(path, check_same_thread=False, timeout=_PATIENCE)
    with closing(connection):
        with storage(path):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
        yield connection
