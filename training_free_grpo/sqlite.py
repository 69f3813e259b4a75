"""Open SQLite the one way that runs are kept."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 30.0


@contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for several threads; what is committed survives the death of the process.

    WAL with NORMAL loses nothing when the process dies; FULL would wait for the disk at every
    write, for the sake of power cuts.
    """
    connection = sqlite3.connect(path, check_same_thread=False, timeout=_PATIENCE)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        yield connection
    finally:
        connection.close()
