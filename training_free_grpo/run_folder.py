"""The folder of a run: everything that a person, pandas or the next start of the run reads.

settings.json      the settings, resolved
manifest.json      versions, and fingerprints of data, prompts and models
checkpoints.sqlite the graph's state at every step
    calls.sqlite       every answer of a model, written down as it arrived
library.json       what has been learned so far
metrics.jsonl      one line per step
rollouts/          one line per rollout, one file per step
lessons/           the library as it was shown, by content
usage.json         what the model calls cost, by role
"""

import asyncio
import fcntl
import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training_free_grpo.files import write_atomically
from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.library import save_library
from training_free_grpo.records import JSON, Group, Ledger, Metrics


class RunError(ValueError):
    """A run cannot be started or gone on with; the message says why and what to do."""


class RunFolder:
    """The files of one run, and the archive of its graph."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offsets: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    @property
    def exists(self) -> bool:
        """Tell whether a run was started here."""
        return (self.path / "manifest.json").exists()

    @property
    def checkpoints(self) -> Path:
        """Return where the graph's state is kept."""
        return self.path / "checkpoints.sqlite"

    @property
    def calls(self) -> Path:
        """Return where the answers of the models are kept."""
        return self.path / "calls.sqlite"

    def create(self, settings: JSON, manifest: JSON) -> None:
        """Start a run: write down what it must not change on the way."""
        self._write_json("settings.json", settings)
        self._write_json("manifest.json", manifest)

    def check_unchanged(self, settings: JSON, manifest: JSON) -> None:
        """Raise RunError with the difference if the run was started with anything else."""
        before = {**self.read_json("settings.json"), **self.read_json("manifest.json")}
        now = {**settings, **manifest}
        changes = [
            f"  {name}: {before.get(name)!r} before, {now.get(name)!r} now"
            for name in sorted(before.keys() | now.keys())
            if before.get(name) != now.get(name) and name not in ("created", "versions", "parent")
        ]
        if changes:
            raise RunError(
                f"the run {self.path.name!r} was started differently:\n"
                + "\n".join(changes)
                + "\nRepeat the first command to go on, or give --fork NEW to go on from its "
                "library with the changes."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; raise RunError if another one has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(f"another process is at work on the run {self.path}") from None
            yield

    def save(self, state: JSON) -> None:
        """Write the library, the metrics and the usage of a graph's state; each file whole."""
        save_library(state["library"], self.path / "library.json")
        metrics: Sequence[Metrics] = state.get("metrics", [])
        lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in metrics)
        write_atomically(self.path / "metrics.jsonl", lines)
        ledger: Ledger = {}
        for step in metrics:
            ledger = add_ledgers(ledger, step["usage"])
        # Prices are not known here, and an unknown price is not 0.
        usage = {"roles": ledger, "total": total_usage(ledger), "cost": "unknown"}
        self._write_json("usage.json", usage)

    def read_json(self, name: str) -> JSON:
        """Read one of the run's JSON files; raise RunError if it is damaged."""
        try:
            found: JSON = json.loads((self.path / name).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"cannot read {self.path / name}: {error}") from None
        return found

    async def keep_text(self, text: str) -> Any:
        """Keep a text under its hash; the handle is its file name."""
        name = f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.md"
        file = self.path / "lessons" / name
        if not file.exists():
            await asyncio.to_thread(write_atomically, file, text)
        return name

    async def read_text(self, handle: Any) -> str:
        """Return the text behind a handle."""
        return await asyncio.to_thread((self.path / "lessons" / handle).read_text, "utf-8")

    async def keep_rollout(self, rollout: JSON) -> Any:
        """Append the rollout's line to the file of its step."""
        name = f"step-{rollout['step']:04}.jsonl"
        await asyncio.to_thread(self._append, name, rollout)
        return {"file": name, "id": rollout["id"]}

    async def read_transcript(self, handle: Any) -> Sequence[JSON]:
        """Return the messages of a kept rollout."""
        line = await asyncio.to_thread(self._find, handle["file"], handle["id"])
        messages: Sequence[JSON] = line["messages"]
        return messages

    async def close_step(self, step: int, groups: Sequence[Group]) -> None:
        """Write the rewards into the lines of a step, in the order of problem and attempt."""
        await asyncio.to_thread(self._close_step, f"step-{step:04}.jsonl", groups)

    def _append(self, name: str, rollout: JSON) -> None:
        file = self.path / "rollouts" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(rollout, ensure_ascii=False).encode() + b"\n"
        with self._lock, file.open("ab") as out:
            start = out.tell()
            # The leading newline ends a line that a kill may have torn; readers skip empty ones.
            out.write(b"\n" + line if start else line)
            self._offsets[name, rollout["id"]] = start

    def _find(self, name: str, id: str) -> JSON:
        if (name, id) not in self._offsets:
            self._index(name)
        if (name, id) not in self._offsets:
            raise RunError(f"{self.path / 'rollouts' / name} holds no rollout {id!r}")
        with (self.path / "rollouts" / name).open("rb") as file:
            file.seek(self._offsets[name, id])
            found: JSON = json.loads(next(line for line in file if line.strip()))
        return found

    def _index(self, name: str) -> None:
        """Find the rollouts of a step that an earlier process kept."""
        with self._lock, (self.path / "rollouts" / name).open("rb") as file:
            start = 0
            for line in file:
                if (rollout := read_line(line)) is not None:
                    self._offsets[name, rollout["id"]] = start
                start += len(line)

    def _close_step(self, name: str, groups: Sequence[Group]) -> None:
        file = self.path / "rollouts" / name
        if not file.exists():  # a step without rollouts: lessons from the problems alone
            return
        kept = {}
        for line in file.read_bytes().splitlines():
            if (rollout := read_line(line)) is not None:
                kept[rollout["id"]] = rollout
        attempts = [attempt for group in groups for attempt in group["attempts"]]
        lines = [{**kept[a["id"]], **a} for a in attempts if a["id"] in kept]
        text = "".join(json.dumps(order(line), ensure_ascii=False) + "\n" for line in lines)
        with self._lock:
            write_atomically(file, text)
            self._offsets = {key: at for key, at in self._offsets.items() if key[0] != name}

    def _write_json(self, name: str, value: JSON) -> None:
        text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
        write_atomically(self.path / name, text + "\n")


def read_line(line: bytes) -> JSON | None:
    """Read a rollout's line; None for one that is empty or was torn by a kill."""
    try:
        found: JSON = json.loads(line)
    except ValueError:
        return None
    return found


def order(line: JSON) -> JSON:
    """Put the transcript last, where a person reads it after the figures."""
    return {key: value for key, value in line.items() if key != "messages"} | {
        "messages": line["messages"]
    }
