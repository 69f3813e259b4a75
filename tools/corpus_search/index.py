"""The index: a SQLite database of passages, their words and optional vectors, read by many threads.

A database is filled once and never changed. A file is written as a draft that replaces it once
complete, so readers see the old index or the new one, and builders cannot harm each other.
"""

import json
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from training_free_grpo.tools.corpus_search.passages import find_files, load_passages
from training_free_grpo.tools.corpus_search.vectors import embed
from training_free_grpo.tools.web_search import SearchSetupError
from training_free_grpo.tools.words import TOKENIZER, spell_out

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

Passages = Iterable[Mapping[str, str]]

# Increase this when the same files are indexed in another way.
_FORMAT = 2
_MAGIC = b"SQLite format 3\0"
_OWNER = 0x7FC0_4905
_OWNER_AT = slice(68, 72)
_SCHEMA = f"""
PRAGMA application_id = {_OWNER};
PRAGMA journal_mode = OFF;
PRAGMA synchronous = NORMAL;
BEGIN;
CREATE TABLE made (of TEXT);
CREATE TABLE passages (id INTEGER PRIMARY KEY, title TEXT, url TEXT, text TEXT);
CREATE VIRTUAL TABLE words USING fts5(
    title, text, content = '', tokenize = '{TOKENIZER}'
);
CREATE TABLE vectors (passages INTEGER, block BLOB);
"""
_BATCH = 256
_MAPPED = 1 << 30


class Index:
    """A database open for reading: as many connections as searches at once, closed with it."""

    def __init__(self, uri: str, *connections: sqlite3.Connection) -> None:
        self._uri = uri
        self._idle = list(connections)
        weakref.finalize(self, _close, self._idle)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that no other thread uses."""
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                self._idle.append(connection)
        except sqlite3.DatabaseError as error:
            raise SearchSetupError(
                f"The index {self._uri} cannot be read ({error}): delete it to rebuild it"
            ) from error

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return _connect(self._uri)


def index_in_memory(passages: Passages, embeddings: "Embeddings | None") -> Index:
    """Index passages for as long as the index is referenced."""
    # A name beginning with a slash is shared by all connections of the process.
    uri = f"file:/{uuid4()}?vfs=memdb"
    connection = _connect(uri)
    index = Index(uri, connection)
    _fill(connection, passages, embeddings, made_of="")
    return index


def index_in_file(source: Path, path: Path, embeddings: "Embeddings | None") -> Index:
    """Open the index of a source's files; build it first if they have changed."""
    made_of = _describe(source, embeddings)
    if _read_made_of(path) != made_of:
        with _replacing(path) as draft:
            _fill(draft, load_passages(source), embeddings, made_of)
    return Index(_uri(path))


def _fill(
    database: sqlite3.Connection, passages: Passages, embeddings: "Embeddings | None", made_of: str
) -> None:
    database.executescript(_SCHEMA)
    numbered = enumerate(passages, 1)
    while batch := list(islice(numbered, _BATCH)):
        database.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?)",
            ((id, entry["title"], entry.get("url", ""), entry["text"]) for id, entry in batch),
        )
        database.executemany(
            "INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)",
            ((id, spell_out(entry["title"]), spell_out(entry["text"])) for id, entry in batch),
        )
        if embeddings is not None:
            block = embed(embeddings, [f"{entry['title']}\n{entry['text']}" for _, entry in batch])
            database.execute("INSERT INTO vectors VALUES (?, ?)", (len(batch), block))
    database.execute("INSERT INTO words (words) VALUES ('optimize')")
    database.execute("INSERT INTO made VALUES (?)", (made_of,))
    database.execute("COMMIT")


def _describe(source: Path, embeddings: "Embeddings | None") -> str:
    """Describe the source of an index, which is stale when this changes."""
    root = source if source.is_dir() else source.parent
    files = [
        (file.relative_to(root).as_posix(), file.stat().st_size, file.stat().st_mtime_ns)
        for file in find_files(source)
    ]
    kind = type(embeddings)
    model = getattr(embeddings, "model", None) or getattr(embeddings, "model_name", None)
    made_by = [kind.__module__, kind.__qualname__, str(model)] if embeddings is not None else None
    return json.dumps({"format": _FORMAT, "files": files, "embeddings": made_by})


def _read_made_of(path: Path) -> str | None:
    """Read the source of an index. Raises ValueError for a file that is not an index."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return None
    if header and not (
        header.startswith(_MAGIC) and header[_OWNER_AT] == _OWNER.to_bytes(4, "big")
    ):
        raise ValueError(
            f"index={str(path)!r} is not an index: name a new file, or delete this one"
        )
    with suppress(sqlite3.DatabaseError), closing(_connect(_uri(path))) as database:
        return str(database.execute("SELECT of FROM made").fetchone()[0])
    return None


@contextmanager
def _replacing(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield an empty database that replaces the file once it is filled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    try:
        with closing(sqlite3.connect(draft)) as database:
            yield database
        draft.replace(path)
    except sqlite3.OperationalError as error:
        raise OSError(f"The index {path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _uri(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
    return connection


def _close(connections: list[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()
