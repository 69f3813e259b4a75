"""The folder of a run: everything that a person, pandas or the next start of the run reads.

settings.json      the settings, resolved
manifest.json      versions, and fingerprints of data, prompts and models
checkpoints.sqlite the graph's state at every step
    calls.sqlite       every answer of a model, written down as it arrived
library.json       what has been learned so far
problems.jsonl     what it learns from: one line per problem
metrics.jsonl      one line per step
rollouts/          one line per rollout, one file per step
groups/            one line per group, one file per step
libraries/         the library as each step left it
reviews/           what a person was asked about a step's plan, and the answer
lessons/           the library as it was shown, by content
usage.json         what the model calls cost, by role: tokens and dollars
inspect/           logs for Inspect, one per step, where they were asked for
"""

import fcntl
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from training_free_grpo.ledger import add_ledgers, total_usage
from training_free_grpo.library import save_library
from training_free_grpo.prices import add_bills
from training_free_grpo.records import (
    JSON,
    Grade,
    Group,
    Ledger,
    Library,
    Metrics,
    Problem,
    RolloutLine,
)
from training_free_grpo.rollouts.attempter import AttempterRecord
from training_free_grpo.settings import OPERATIONAL
from training_free_grpo.storage.files import remove_parts, write_atomically
from training_free_grpo.storage.serial import SerialThread
from training_free_grpo.threads import in_thread, our_pool

_MAY_DIFFER = OPERATIONAL | {"created", "versions", "parent", "schema"}
_LOCK = ".lock"
_FORK = "--fork NEW to go on from its library with the changes"


class RunError(ValueError):
    """A run cannot be started or gone on with; the message says why and what to do."""


def name_run(runs_dir: Path, name: str) -> Path:
    """Return the folder of a run by its name, or by the way to it from here.

    Raise RunError for what is no name: a run goes into a folder of its own in the folder of runs.
    """
    given = Path(name)
    plain = given.name if given.parent == runs_dir else name
    if plain != Path(plain).name or plain in ("", ".", ".."):
        raise RunError(
            f"{name!r} is not the name of a run: give a word, such as first; --runs-dir says where "
            "runs are kept"
        )
    return runs_dir / plain


def check_ours(folder: Path) -> None:
    """Raise RunError for a folder that holds files, and none of a run or an evaluation."""
    if folder.is_file():
        raise RunError(f"{folder} is a file: give the run another name")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _LOCK).exists():
        raise RunError(f"{folder} holds files and is no run: give another name, or move them")


class RunFolder:
    """The files of one run, and the archive of its graph."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._schema = f"tfgrpo_{uuid4().hex[:16]}"
        self._offsets: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._files = SerialThread(our_pool())
        self._texts: dict[Any, str] = {}
        """The text read last: all rollouts of a step read the same lessons."""

    @property
    def exists(self) -> bool:
        """Tell whether a run was started here."""
        return (self.path / "manifest.json").exists()

    def check_free(self) -> None:
        """Raise RunError for a place that holds anything but a run, or what a kill left of one."""
        if self.exists or not self.path.exists():
            return
        if self.calls.exists() and not self.checkpoints.exists():
            raise RunError(f"{self.path} is an evaluation; give the run another name")
        check_ours(self.path)

    @property
    def checkpoints(self) -> Path:
        """Return where the graph's state is kept."""
        return self.path / "checkpoints.sqlite"

    @property
    def problems(self) -> Path:
        """Return where the problems are that the run learns from; an old run has no such file."""
        return self.path / "problems.jsonl"

    @property
    def calls(self) -> Path:
        """Return where the answers of the models are kept."""
        return self.path / "calls.sqlite"

    @property
    def schema(self) -> str:
        """Return the name of the run in a database that it shares with others."""
        if self.exists:
            return str(self.read_json("manifest.json").get("schema", self._schema))
        return self._schema

    @property
    def attempter(self) -> AttempterRecord:
        """Return what the manifest tells of who makes the attempts.

        Raise RunError for a run that an earlier version started.
        """
        manifest = self.read_json("manifest.json")
        if "attempter" not in manifest:
            raise RunError(
                f"the run {self.path.name!r} was started by an earlier version of "
                "training-free-grpo: finish it with that version, or start a new run from its "
                "library with --library"
            )
        found: AttempterRecord = manifest["attempter"]
        return found

    def create(self, settings: JSON, manifest: JSON, problems: Sequence[Problem]) -> None:
        """Start a run: write down what it must not change on the way, and what it learns from."""
        shown = ({"id": problem["id"], "problem": problem["problem"]} for problem in problems)
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in shown)
        write_atomically(self.problems, lines)
        self._write_json("settings.json", settings)
        self._write_json("manifest.json", manifest)

    def check_unchanged(self, settings: JSON, manifest: JSON, or_else: str = _FORK) -> None:
        """Raise RunError with the difference if the run was started with anything else."""
        before = {**self.read_json("settings.json"), **self.read_json("manifest.json")}
        now = {**settings, **manifest}
        changes = [
            f"  {name}: {before.get(name)!r} before, {now.get(name)!r} now"
            for name in sorted(before.keys() | now.keys())
            if before.get(name) != now.get(name) and name not in _MAY_DIFFER
        ]
        if changes:
            raise RunError(
                f"the run {self.path.name!r} was started differently:\n"
                + "\n".join(changes)
                + f"\nRepeat the first command to go on, or give {or_else}."
            )

    def list_changes(self, settings: JSON) -> list[str]:
        """Say which settings differ from those that the run was last at work with."""
        before = self.read_json("settings.json")
        return [
            f"{name} {settings[name]} (before: {before.get(name)})"
            for name in settings
            if settings[name] != before.get(name)
        ]

    def go_on_with(self, settings: JSON) -> None:
        """Write down the settings that the run goes on with; to be called by who holds it."""
        if self.list_changes(settings):
            self._write_json("settings.json", settings)

    def claim(self) -> None:
        """Make the folder, and mark it as one of ours: what stands in it is no stranger's."""
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / _LOCK).touch()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; raise RunError if another one has it."""
        self.claim()
        with (self.path / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(f"another process is at work on the run {self.path}") from None
            remove_parts(self.path)
            yield

    @property
    def at_work(self) -> bool:
        """Tell whether a process is at work on the run; asking changes nothing."""
        try:
            with (self.path / _LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def save(self, state: JSON) -> None:
        """Write the library, the metrics and the usage of a graph's state; each file whole."""
        save_library(state["library"], self.path / "library.json")
        metrics: Sequence[Metrics] = state.get("metrics", [])
        lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in metrics)
        write_atomically(self.path / "metrics.jsonl", lines)
        ledger: Ledger = {}
        for step in metrics:
            ledger = add_ledgers(ledger, step["usage"])
        usage = {"roles": ledger, "total": total_usage(ledger), **add_bills(metrics)}
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
            await in_thread(write_atomically, file, text)
        return name

    async def read_text(self, handle: Any) -> str:
        """Return the text behind a handle."""
        if handle in self._texts:
            return self._texts[handle]
        text = await in_thread((self.path / "lessons" / handle).read_text, "utf-8")
        self._texts = {handle: text}
        return text

    async def keep_rollout(self, rollout: RolloutLine) -> Any:
        """Append the rollout's line to the file of its step."""
        name = f"step-{rollout['step']:04}.jsonl"
        await self._files.run(self._append_rollout, name, rollout)
        return {"file": name, "id": rollout["id"]}

    async def read_transcript(self, handle: Any) -> Sequence[JSON]:
        """Return the messages of a kept rollout."""
        line = await self._files.run(self._find, handle["file"], handle["id"])
        messages: Sequence[JSON] = line["messages"]
        return messages

    async def keep_group(
        self,
        step: int,
        group: Group,
        problem: Problem,
        grades: Mapping[str, Grade],
        summaries: JSON,
    ) -> None:
        """Append the group's line to the file of its step."""
        critiques = {id: grade["critique"] for id, grade in grades.items()}
        line = {"step": step, **group, "answers": problem["answers"]}
        line |= {"critiques": critiques, "summaries": summaries}
        file = self.path / "groups" / f"step-{step:04}.jsonl"
        await self._files.run(self._append, file, line)

    async def keep_library(self, step: int, library: Library) -> None:
        """Keep the library as a step left it, in a file of its own."""
        file = self.path / "libraries" / f"step-{step:04}.json"
        await in_thread(save_library, library, file)

    async def close_step(self, step: int, groups: Sequence[Group]) -> None:
        """Write the rewards into the lines of a step, in the order of problem and attempt."""
        await in_thread(self._close_step, f"step-{step:04}.jsonl", groups)

    def _append_rollout(self, name: str, rollout: RolloutLine) -> None:
        self._offsets[name, rollout["id"]] = self._append(self.path / "rollouts" / name, rollout)

    def _append(self, file: Path, value: Mapping[str, object]) -> int:
        """Append a line to a file, and return where it begins."""
        file.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
        with self._lock, file.open("ab") as out:
            start = out.tell()
            # The leading newline ends a line that a kill may have torn; readers skip empty ones.
            out.write(b"\n" + line if start else line)
        return start

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
        rollouts = read_lines(self.path / "rollouts" / name, "id")
        attempts = [attempt for group in groups for attempt in group["attempts"]]
        lines = [order({**rollouts[a["id"]], **a}) for a in attempts if a["id"] in rollouts]
        kept = read_lines(self.path / "groups" / name, "problem")
        in_order = [kept[g["problem"]] for g in groups if g["problem"] in kept]
        with self._lock:
            self._write_lines("rollouts", name, lines)
            self._write_lines("groups", name, in_order)
            self._offsets = {key: at for key, at in self._offsets.items() if key[0] != name}

    def _write_lines(self, folder: str, name: str, lines: Sequence[JSON]) -> None:
        """Write a file of a step anew; a step that has nothing to write has no such file."""
        if lines:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            write_atomically(self.path / folder / name, text)

    def _write_json(self, name: str, value: JSON) -> None:
        text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
        write_atomically(self.path / name, text + "\n")


def read_lines(file: Path, key: str) -> dict[str, JSON]:
    """Read a file of lines by their key, the later of two; none if there is no such file."""
    found = {}
    if file.exists():
        for line in file.read_bytes().splitlines():
            if (value := read_line(line)) is not None:
                found[value[key]] = value
    return found


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
