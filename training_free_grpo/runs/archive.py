"""Transcripts and lesson texts in the folder of a run: what its graph reads back by handles."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training_free_grpo.records import JSON, RolloutLine
from training_free_grpo.runs.folder import RunError
from training_free_grpo.runs.lines import append_line, read_line
from training_free_grpo.storage.files import write_atomically
from training_free_grpo.threads import in_thread


class RunArchive:
    """Keeps rollouts in one file per step, and lesson texts by their content."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offsets: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._texts: dict[Any, str] = {}
        """The text that was read last: all rollouts of a step read the same lessons."""

    async def keep_text(self, text: str) -> Any:
        """Keep a text under its hash; the handle is its file name."""
        name = f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.md"
        file = self._path / "lessons" / name
        if not file.exists():
            await in_thread(write_atomically, file, text)
        return name

    async def read_text(self, handle: Any) -> str:
        """Return the text behind a handle."""
        if handle in self._texts:
            return self._texts[handle]
        text: str = await in_thread((self._path / "lessons" / handle).read_text, "utf-8")
        self._texts = {handle: text}
        return text

    async def keep_rollout(self, rollout: RolloutLine) -> Any:
        """Append the rollout's line to the file of its step."""
        name = f"step-{rollout['step']:04}.jsonl"
        await in_thread(self._append, name, rollout)
        return {"file": name, "id": rollout["id"]}

    async def read_transcript(self, handle: Any) -> Sequence[JSON]:
        """Return the messages of a kept rollout."""
        line = await in_thread(self._find, handle["file"], handle["id"])
        messages: Sequence[JSON] = line["messages"]
        return messages

    def _append(self, name: str, rollout: RolloutLine) -> None:
        with self._lock:
            start = append_line(self._path / "rollouts" / name, rollout)
            self._offsets[name, rollout["id"]] = start

    def _find(self, name: str, id: str) -> JSON:
        if (found := self._read(name, id)) is None:
            # An earlier process kept it, or the end of its step has rewritten the file.
            self._index(name)
            found = self._read(name, id)
        if found is None:
            raise RunError(f"{self._path / 'rollouts' / name} holds no rollout {id!r}")
        return found

    def _read(self, name: str, id: str) -> JSON | None:
        """Return the rollout that stands where it was last seen; None if another one does."""
        if (name, id) not in self._offsets:
            return None
        with (self._path / "rollouts" / name).open("rb") as file:
            file.seek(self._offsets[name, id])
            found = read_line(next((line for line in file if line.strip()), b""))
        return found if found and found["id"] == id else None

    def _index(self, name: str) -> None:
        """Find the rollouts in the file of a step."""
        with self._lock, (self._path / "rollouts" / name).open("rb") as file:
            start = 0
            for line in file:
                if (rollout := read_line(line)) is not None:
                    self._offsets[name, rollout["id"]] = start
                start += len(line)
