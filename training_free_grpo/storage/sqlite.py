"""Open SQLite databases, always with the same options."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from training_free_grpo.errors import UserError

_PATIENCE = 30.0


class Database(Protocol):
    """What the journal needs of a connection to SQLite or another database; also a transaction."""

    def execute(self, query: str, values: Sequence[Any] = ..., /) -> Any:
        """Run a statement with question marks for its values."""

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


class StorageError(UserError, RuntimeError):
    """A file of the run cannot be written or read, so no call may be paid for: it would be lost."""


@contextmanager
def storage(path: Path | None = None) -> Iterator[None]:
    """Turn the errors of SQLite into StorageError, so that none counts as an agent's failure."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"{path or 'a file of the run'} cannot be used: {error}") from error


@contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for several threads; what is committed survives the death of the process.

    WAL with NORMAL loses nothing when the process dies; FULL would wait for the disk at every
    write, just to survive power cuts.
    """
    with storage(path):
        connection = sqlite3.connect(path, check_same_thread=False, timeout=_PATIENCE)
    with closing(connection):
        with storage(path):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
        yield connection


@contextmanager
def read_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading, even while another process writes it; no file is changed.

    Without a log file next to it, no process is using the database, and SQLite must not create one.
    """
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() else "immutable=1"
    with storage(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    with closing(connection), storage(path):
        yield connection
