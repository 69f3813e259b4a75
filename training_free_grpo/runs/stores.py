"""The stores of the checkpoints and the journal of a run: its folder, or PostgreSQL.

Either of the two survives the loss of the other: a damaged journal costs only answers whose tasks
had not finished, and from the journal a run without checkpoints makes itself again at no cost.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from training_free_grpo.arguments import argument
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.storage.checkpoints import Dual, DualSqliteSaver
from training_free_grpo.storage.journal import Journal
from training_free_grpo.storage.postgres import open_postgres

log = logging.getLogger(__name__)
_PARTS = ("", "-wal", "-shm")


@contextmanager
def open_stores(
    folder: RunFolder,
    database: str | None,
    record: Journal | None = None,
    sealed: bool = False,
    *,
    rebuilds: bool = True,
) -> Iterator[tuple[Dual, Journal]]:
    """Open the checkpoints and the journal of a run that this process has locked.

    Damaged files are moved aside if the run can resume without them; else RunError is raised.
    `rebuilds` says whether its calls are in the journal: those of a user's agent are not.
    """
    if database is not None:
        with open_postgres(database, folder.schema, record, sealed) as stores:
            yield stores
        return
    files = (folder.checkpoints, folder.calls)
    damaged = [path for path in files if is_damaged(path)]
    enough = [path for path in (files if rebuilds else files[:1]) if path not in damaged]
    begun = damaged or (folder.path / "metrics.jsonl").exists()
    if begun and not any(path.exists() for path in enough):
        raise RunError(
            f"the run {folder.path.name!r} cannot be resumed: checkpoints.sqlite and calls.sqlite "
            "are damaged or missing, and its work is stored nowhere else. Restore a copy, or give "
            f"{argument('fork=', '--fork NEW')} to continue from its library."
        )
    for path in damaged:
        log.warning("%s is damaged and was moved to %s", path, move_aside(path).name)
    with (
        DualSqliteSaver.open(folder.checkpoints) as saver,
        Journal.open(folder.calls, record, sealed) as journal,
    ):
        yield saver, journal


@contextmanager
def read_stores(folder: RunFolder, database: str | None) -> Iterator[tuple[Dual, Journal]]:
    """Open the checkpoints and the journal of a run for reading, even while it is running."""
    if database is not None:
        with open_postgres(database, folder.schema, alone=False) as stores:
            yield stores
        return
    for path in (folder.checkpoints, folder.calls):
        if is_damaged(path) or not path.exists():
            raise RunError(f"{path} is damaged or missing: rerun the command that started the run")
    with (
        DualSqliteSaver.open(folder.checkpoints) as saver,
        Journal.open(folder.calls) as journal,
    ):
        yield saver, journal


def is_damaged(path: Path) -> bool:
    """Tell whether a database exists but cannot be read completely."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as database:
        try:
            found: tuple[str] = database.execute("PRAGMA quick_check(1)").fetchone()
            return found != ("ok",)
        except sqlite3.DatabaseError as error:
            # A full disk or a read-only folder is a different error.
            return error.sqlite_errorcode in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def move_aside(path: Path) -> Path:
    """Rename a database and its companion files to an unused name."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for part in _PARTS:
        file = path.with_name(path.name + part)
        if file.exists():
            file.rename(aside.with_name(aside.name + part))
    return aside
