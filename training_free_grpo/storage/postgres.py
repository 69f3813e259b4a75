"""Runs on PostgreSQL: each run is a schema of the database, as it is a folder on disk.

Needs the extra `[postgres]`. Passwords stay out of files and messages.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from training_free_grpo.arguments import argument
from training_free_grpo.errors import UserError
from training_free_grpo.storage.checkpoints import Dual
from training_free_grpo.storage.journal import Journal
from training_free_grpo.storage.serial import SerialThread
from training_free_grpo.storage.sqlite import StorageError

if TYPE_CHECKING:
    from psycopg import Connection

_PATIENCE = 10
_AFTER_A_KILL = 3
"""Seconds that the server may need to notice that the previous process is gone."""


class DatabaseError(UserError, ValueError):
    """The database of a run cannot be used; the message gives the reason and the remedy."""


def describe_database(url: str) -> str:
    """Return a database's location without user and password; raise DatabaseError if invalid."""
    psycopg = _load()
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The message quotes the URL, and with it the password.
        parts = {}
    if not url.startswith(("postgresql://", "postgres://")) or not parts:
        raise DatabaseError(
            f"{argument('database', '--database')} is not a PostgreSQL address: write "
            "postgresql://USER@HOST:PORT/NAME, and put the password in PGPASSWORD or ~/.pgpass"
        )
    host, port = parts.get("host", "localhost"), parts.get("port", "5432")
    return f"{host}:{port}/{parts.get('dbname') or parts.get('user', '')}"


def has_password(url: str) -> bool:
    """Return whether a database's address holds a password; raise as describe_database does."""
    describe_database(url)
    return "password" in _load().conninfo.conninfo_to_dict(url)


@contextmanager
def open_postgres(
    url: str,
    schema: str,
    record: Journal | None = None,
    sealed: bool = False,
    *,
    alone: bool = True,
) -> Iterator[tuple[Dual, Journal]]:
    """Open the checkpoints and journal of a run in its schema, which is created if it is new.

    `alone` keeps every other process away. Raise DatabaseError if the database cannot be reached,
    or another process is working on the run.
    """
    from langgraph.checkpoint.postgres import PostgresSaver

    class DualPostgresSaver(Dual, PostgresSaver):
        """PostgresSaver for both sides."""

        @contextmanager
        def _cursor(self, *, pipeline: bool = False) -> Iterator[Any]:
            with _explained(), super()._cursor(pipeline=pipeline) as cursor:
                yield cursor

        def forget_groups(self, before: str) -> None:
            """Delete the checkpoints of groups older than a checkpoint of the run."""
            with self._cursor(pipeline=True) as cursor:
                for table in ("checkpoints", "checkpoint_writes"):
                    query = f"DELETE FROM {table} WHERE checkpoint_ns <> '' AND checkpoint_id < %s"
                    cursor.execute(query, (before,))
                cursor.execute(
                    "DELETE FROM checkpoint_blobs WHERE checkpoint_ns NOT IN "
                    "(SELECT checkpoint_ns FROM checkpoints)"
                )

    with (
        _connect(url) as mine,
        _connect(url) as other,
        ThreadPoolExecutor(1, "checkpoints") as writes,
        ThreadPoolExecutor(1, "journal") as answers,
    ):
        if alone:
            _hold(mine, schema)
        for connection in (mine, other):
            connection.execute("SELECT set_config('search_path', %s, false)", (schema,))
        saver = DualPostgresSaver(mine)
        saver._thread = SerialThread(writes)
        saver.setup()
        saver.outrun_clock()
        yield saver, Journal(_Database(other), answers, record, sealed)


@contextmanager
def open_journal(url: str, schema: str) -> Iterator[Journal]:
    """Open only the journal of a run that another process has open."""
    with _connect(url) as connection, ThreadPoolExecutor(1, "journal") as thread:
        connection.execute("SELECT set_config('search_path', %s, false)", (schema,))
        yield Journal(_Database(connection), thread)


def _hold(connection: "Connection[Any]", schema: str) -> None:
    """Lock the run for this connection, wherever else its folder may be mounted."""
    psycopg = _load()
    name = psycopg.sql.Identifier(schema)
    try:
        connection.execute(f"SET lock_timeout = '{_AFTER_A_KILL}s'")
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (schema,))
        connection.execute("RESET lock_timeout")
        connection.execute(psycopg.sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
    except psycopg.errors.LockNotAvailable:
        raise DatabaseError(
            "another process is working on the run, on this machine or another"
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise DatabaseError(
            "the user may not create a schema in the database, and each run needs one: "
            "GRANT CREATE ON DATABASE … TO … allows it"
        ) from None


@contextmanager
def _connect(url: str) -> Iterator["Connection[Any]"]:
    psycopg = _load()
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            prepare_threshold=0,
            row_factory=psycopg.rows.dict_row,
            connect_timeout=_PATIENCE,
        )
    except psycopg.OperationalError as error:
        said = " ".join(str(error).split())
        raise DatabaseError(f"cannot reach {describe_database(url)}: {said}") from None
    with connection:
        yield connection


@contextmanager
def _explained() -> Iterator[None]:
    """Report that the database failed in words that do not depend on which one it is."""
    psycopg = _load()
    try:
        yield
    except psycopg.Error as error:
        raise StorageError(f"the database failed: {' '.join(str(error).split())}") from error


class _Database:
    """A connection with the interface of SQLite's: question marks, rows as tuples, transactions."""

    def __init__(self, connection: "Connection[Any]") -> None:
        self._connection = connection

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Any:
        with _explained():
            cursor = self._connection.cursor(row_factory=_load().rows.tuple_row)
            return cursor.execute(query.replace("?", "%s"), values)

    def __enter__(self) -> None:
        self._transaction = self._connection.transaction()
        with _explained():
            self._transaction.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with _explained():
            self._transaction.__exit__(kind, error, at)


def _load() -> Any:
    try:
        import psycopg
        import psycopg.conninfo
        import psycopg.sql
    except ImportError:
        raise DatabaseError(
            f"{argument('database', '--database')} needs psycopg: "
            "pip install 'training-free-grpo[postgres]'"
        ) from None
    return psycopg
