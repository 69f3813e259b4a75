"""The journal of a run: everything from outside, stored the moment it arrives.

A checkpoint is written when a task has finished and the event loop gets to it; with a hundred
answers at once that can be seconds later. After a kill, a call that is repeated word for word finds
its answer here, and is not paid for again.

Besides the answers of models there are notes: tool outputs, the outcomes of rollouts, lost calls.
With them a run can be replayed without any model, network or tool.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from langchain_core.messages import AIMessage, AnyMessage, message_to_dict, messages_from_dict

from training_free_grpo.records import JSON, Role, Usage
from training_free_grpo.storage.serial import SerialThread
from training_free_grpo.storage.sqlite import Database, open_database, read_database, storage

T = TypeVar("T")
_Row = tuple[str, ...]

_TABLES = (
    "CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, role TEXT, usage TEXT, answer TEXT)",
    "CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, kind TEXT, note TEXT)",
)
_UNANSWERED = ("loss", "own agent")
"""Kinds of notes about calls without a cached answer."""


class Kept(NamedTuple):
    """The content of a journal."""

    spent: list[tuple[Role, Usage]]
    """The usage of every call, by its role."""
    notes: dict[str, list[JSON]]
    """The notes, by kind."""


class Journal:
    """Answers and notes by what was asked. Usable from any event loop."""

    def __init__(
        self,
        database: Database,
        thread: ThreadPoolExecutor,
        record: "Journal | None" = None,
        sealed: bool = False,
    ) -> None:
        self._database = database
        # One thread of its own: no busy loop or full pool delays the write to disk.
        self._thread = SerialThread(thread, self._transaction)
        self._record = record
        """The journal of an earlier run, whose entries are reused."""
        self.sealed = sealed
        """Whether new calls are forbidden: a call that is not recorded is lost."""
        self.known = self.unknown = 0
        """The number of cache hits and misses."""
        for table in _TABLES:
            database.execute(table)

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, record: "Journal | None" = None, sealed: bool = False
    ) -> Iterator["Journal"]:
        """Open the journal in a file."""
        with open_database(path) as connection, ThreadPoolExecutor(1, "journal") as thread:
            yield cls(connection, thread, record, sealed)

    async def find(self, key: str) -> tuple[AIMessage, Usage] | None:
        """Return the answer to an earlier identical call, and its usage."""
        row = await self._recall("calls", key)
        if row is None:
            return None
        _, _, usage, answer = row
        found = messages_from_dict([json.loads(answer)])[0]
        assert isinstance(found, AIMessage)
        return found, json.loads(usage)

    async def keep(self, key: str, role: Role, answer: AIMessage, usage: Usage) -> None:
        """Store an answer; once this returns, the death of the process cannot lose it."""
        row = (key, role, json.dumps(usage), json.dumps(message_to_dict(answer)))
        await self._on_thread(self._write, "calls", row)

    async def find_note(self, key: str) -> JSON | None:
        """Return what was noted under a key."""
        row = await self._recall("notes", key)
        return None if row is None else json.loads(row[2])

    async def note(self, key: str, kind: str, note: JSON) -> None:
        """Record something that would not come out the same a second time."""
        await self._on_thread(self._write, "notes", (key, kind, json.dumps(note)))

    async def notes(self, *kinds: str) -> list[JSON]:
        """Return all notes of some kinds."""
        query = f"SELECT note FROM notes WHERE kind IN ({', '.join('?' * len(kinds))})"
        return [json.loads(row[0]) for row in await self._on_thread(self._list, query, kinds)]

    async def spent(self) -> list[tuple[Role, Usage]]:
        """Return the usage of every call, by its role, including calls without a cached answer."""
        rows: Any = await self._on_thread(self._list, "SELECT role, usage FROM calls", ())
        found: list[tuple[Role, Usage]] = [(role, json.loads(usage)) for role, usage in rows]
        lost = await self.notes(*_UNANSWERED)
        return [*found, *((note["role"], note["usage"]) for note in lost)]

    async def _recall(self, table: str, key: str) -> _Row | None:
        """Read a row; one that only the earlier run has is copied."""
        row = await self._on_thread(self._read, table, key)
        if row is None and self._record:
            row = await self._record._recall(table, key)
            if row is not None:
                await self._on_thread(self._write, table, row)
        if table == "calls":
            self.known += row is not None
            self.unknown += row is None
        return row

    async def _on_thread(self, action: Callable[..., T], *given: Any) -> T:
        return await self._thread.run(action, *given)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with storage(), self._database:
            yield

    def _read(self, table: str, key: str) -> _Row | None:
        row: _Row | None
        query = f"SELECT * FROM {table} WHERE key = ?"
        row = self._database.execute(query, (key,)).fetchone()
        return row

    def _list(self, query: str, values: tuple[str, ...]) -> list[_Row]:
        rows: list[_Row] = self._database.execute(query, values).fetchall()
        return rows

    def _write(self, table: str, row: _Row) -> None:
        marks = ", ".join("?" * len(row))
        self._database.execute(f"DELETE FROM {table} WHERE key = ?", row[:1])
        self._database.execute(f"INSERT INTO {table} VALUES ({marks})", row)


def read_journal(path: Path) -> Kept:
    """Read a journal while another process writes it, if there is one."""
    notes: dict[str, list[JSON]] = {}
    with read_database(path) as database:
        known = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if not {"calls", "notes"} <= known:  # its process died before it was a database
            return Kept([], {})
        for kind, note in database.execute("SELECT kind, note FROM notes"):
            notes.setdefault(kind, []).append(json.loads(note))
        rows = database.execute("SELECT role, usage FROM calls").fetchall()
    others = [note for kind in _UNANSWERED for note in notes.get(kind, [])]
    spent = [(role, json.loads(usage)) for role, usage in rows]
    return Kept(spent + [(note["role"], note["usage"]) for note in others], notes)


def call_key(messages: Sequence[AnyMessage], **circumstances: object) -> str:
    """Hash a call: its messages, and everything else that may change the answer.

    The ids that providers give to messages do not count: they differ every time.
    """
    talk = [name_call_message(message) for message in messages]
    text = json.dumps([talk, circumstances], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def name_call_message(message: AnyMessage) -> JSON:
    """Return the part of a message that a model sees."""
    shown: JSON = {"type": message.type, "content": message.content}
    if isinstance(message, AIMessage):
        shown["calls"] = [(call["name"], call["args"]) for call in message.tool_calls]
    return shown
