"""Answers in a SQLite file that threads and processes share."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

_PATIENCE = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    provider TEXT, query TEXT, max_results INTEGER, found REAL, results TEXT,
    PRIMARY KEY (provider, query, max_results)
)
"""
_GET = """
SELECT results FROM answers WHERE provider = ? AND query = ? AND max_results = ? AND found > ?
"""
_PUT = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)"

Key = tuple[str, str, int]
"""Provider, query and maximum number of results."""


class AnswerStore:
    """A file of answers; if it is unusable, that is logged once and searches run without it."""

    def __init__(self, path: Path, ttl: float) -> None:
        self._path = path
        self._ttl = ttl
        self._reported = False

    def get(self, key: Key) -> str | None:
        """Return the answer, unless there is none or it is too old."""
        with self._reporting(), self._open() as database:
            row = database.execute(_GET, (*key, time.time() - self._ttl)).fetchone()
            return str(row[0]) if row else None
        return None

    def put(self, key: Key, answer: str) -> None:
        """Store an answer."""
        with self._reporting(), self._open() as database, database:
            database.execute(_PUT, (*key, time.time(), answer))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one statement: no connection survives into a fork or another thread."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute(_SCHEMA)
            yield database

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if not self._reported:
                self._reported = True
                log.warning("Searches continue without their cache %s: %s", self._path, error)
