"""The journal of a run: every answer of a model, written down the moment it arrives.

A checkpoint is written when a task has finished and the event loop comes round to it; with a
hundred answers at once that can be seconds later. After a kill, a call that is made again word
for word finds its answer here, and is not paid again.
"""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from langchain_core.messages import AIMessage, AnyMessage, message_to_dict, messages_from_dict

from training_free_grpo.records import JSON, Usage
from training_free_grpo.sqlite import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, role TEXT, usage TEXT, answer TEXT)
"""


class Journal:
    """Answers by what was asked. Use it from any event loop."""

    def __init__(self, database: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._database = database
        # One thread of its own: no busy loop or full pool stands between an answer and the disk.
        self._thread = thread

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["Journal"]:
        """Open the journal in a file."""
        with open_database(path) as connection, ThreadPoolExecutor(1, "journal") as thread:
            connection.execute(_SCHEMA)
            yield cls(connection, thread)

    async def find(self, key: str) -> tuple[AIMessage, Usage] | None:
        """Return the answer to a call that was made before, and what it cost."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._find, key)

    async def keep(self, key: str, role: str, answer: AIMessage, usage: Usage) -> None:
        """Write an answer down; it is on its way to the disk when this returns."""
        row = (key, role, json.dumps(usage), json.dumps(message_to_dict(answer)))
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._keep, row)

    def _find(self, key: str) -> tuple[AIMessage, Usage] | None:
        query = "SELECT answer, usage FROM calls WHERE key = ?"
        row = self._database.execute(query, (key,)).fetchone()
        if row is None:
            return None
        answer = messages_from_dict([json.loads(row[0])])[0]
        assert isinstance(answer, AIMessage)
        return answer, json.loads(row[1])

    def _keep(self, row: tuple[str, str, str, str]) -> None:
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?)", row)


def call_key(messages: Sequence[AnyMessage], **circumstances: object) -> str:
    """Hash a call: what is said, and what else may change the answer.

    The ids that providers give to messages do not count: they differ every time.
    """
    talk = [describe(message) for message in messages]
    text = json.dumps([talk, circumstances], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def describe(message: AnyMessage) -> JSON:
    """Return what a model is shown of a message."""
    shown: JSON = {"type": message.type, "content": message.content}
    if isinstance(message, AIMessage):
        shown["calls"] = [(call["name"], call["args"]) for call in message.tool_calls]
    return shown
