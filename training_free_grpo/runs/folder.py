"""The folder of a run: everything that people, pandas or a resumed run read.

settings.json      the settings, resolved
manifest.json      versions, and fingerprints of data, prompts and models
checkpoints.sqlite the graph's state at every step
calls.sqlite       every answer of a model, saved as it arrived
library.json       what has been learned so far
problems.jsonl     what it learns from: one line per problem
metrics.jsonl      one line per step
rollouts/          one line per rollout, one file per step
groups/            one line per group, one file per step
libraries/         the library after each step
reviews/           what a person was asked about a step's plan, and the answer
lessons/           the library as it was shown, by content
usage.json         what the model calls cost, by role: tokens and dollars
inspect/           Inspect logs, one per step, if requested
"""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from uuid import uuid4

from training_free_grpo.arguments import argument
from training_free_grpo.errors import UserError
from training_free_grpo.records import JSON, Metrics, Problem
from training_free_grpo.rollouts.attempter import AttempterRecord
from training_free_grpo.runs.lines import read_lines, write_lines
from training_free_grpo.settings import OPERATIONAL, Settings
from training_free_grpo.storage.files import remove_parts, write_json

_MAY_DIFFER = OPERATIONAL | {"created", "versions", "parent", "schema"}
_LOCK = ".lock"
_LONGEST_NAME = 200
"""Bytes; file systems take 255, and files beside a run add to its name."""
_SHOWN = 60


class RunError(UserError, ValueError):
    """A run cannot be started or resumed; the message says why and what to do."""


def name_run(runs_dir: Path, name: str) -> Path:
    """Return the folder of a run, given its name or its path.

    Raise RunError for an invalid name: a run has its own folder inside the folder of runs.
    """
    given = Path(name)
    plain = given.name if given.parent == runs_dir else name
    if plain != Path(plain).name or plain in ("", ".", ".."):
        raise RunError(
            f"{name!r} is not the name of a run: give a word, such as first; "
            f"{argument('runs_dir=', '--runs-dir')} says where runs are kept"
        )
    if not plain.isprintable() or len(plain.encode(errors="replace")) > _LONGEST_NAME:
        shown = plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"
        raise RunError(
            f"{shown!r} is not the name of a run: give one line of at most {_LONGEST_NAME} bytes, "
            "such as first"
        )
    return runs_dir / plain


def check_ours(folder: Path) -> None:
    """Raise RunError for a folder with files that belong to no run or evaluation."""
    if folder.is_file():
        raise RunError(f"{folder} is a file: give the run another name")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _LOCK).exists():
        raise RunError(f"{folder} contains files but no run: give another name, or move them")


class RunFolder:
    """The files of a run, its identity, and its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._schema = f"tfgrpo_{uuid4().hex[:16]}"

    @property
    def exists(self) -> bool:
        """Tell whether a run was started here."""
        return (self.path / "manifest.json").exists()

    def check_free(self) -> None:
        """Raise RunError for a place that holds anything but a run or its remains after a kill."""
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
        """Return where the training problems are; an old run has no such file."""
        return self.path / "problems.jsonl"

    @property
    def calls(self) -> Path:
        """Return where the answers of the models are kept."""
        return self.path / "calls.sqlite"

    @property
    def settings(self) -> Settings:
        """Return the settings of the last session of the run."""
        return Settings.read(self.read_json("settings.json"))

    @property
    def manifest(self) -> JSON:
        """Return what must not change when the run resumes."""
        return self.read_json("manifest.json")

    @property
    def attempter(self) -> AttempterRecord:
        """Return what the manifest says about the attempter.

        Raise RunError for a run that an earlier version started.
        """
        if "attempter" not in (manifest := self.manifest):
            raise RunError(
                f"the run {self.path.name!r} was started by an earlier version of "
                "training-free-grpo: finish it with that version, or start a new run from its "
                f"library with {argument('library=', '--library')}"
            )
        found: AttempterRecord = manifest["attempter"]
        return found

    @property
    def metrics(self) -> list[Metrics]:
        """Return the figures of the finished steps."""
        return cast(list[Metrics], list(read_lines(self.path / "metrics.jsonl", "step").values()))

    @property
    def schema(self) -> str:
        """Return the name of the run in a database that it shares with others."""
        if self.exists:
            return str(self.manifest.get("schema", self._schema))
        return self._schema

    def create(self, settings: JSON, manifest: JSON, problems: Sequence[Problem]) -> None:
        """Start a run: save its inputs, which must not change, and its problems."""
        shown = ({"id": problem["id"], "problem": problem["problem"]} for problem in problems)
        write_lines(self.problems, shown)
        write_json(self.path / "settings.json", settings)
        write_json(self.path / "manifest.json", manifest)

    def check_unchanged(self, settings: JSON, manifest: JSON, or_else: str = "") -> None:
        """Raise RunError with the difference if the run was started with anything else."""
        before = {**self.read_json("settings.json"), **self.read_json("manifest.json")}
        now = {**settings, **manifest}
        changes = [
            f"  {name}: {before.get(name)!r} before, {now.get(name)!r} now"
            for name in sorted(before.keys() | now.keys())
            if before.get(name) != now.get(name) and name not in _MAY_DIFFER
        ]
        if changes:
            fork = (
                f"{argument('fork=', '--fork NEW')} to continue from its library with the changes"
            )
            raise RunError(
                f"the run {self.path.name!r} was started with other inputs:\n"
                + "\n".join(changes)
                + f"\nRerun the first {argument('call', 'command')} to resume, "
                f"or give {or_else or fork}."
            )

    def list_changes(self, settings: JSON) -> list[str]:
        """List the settings that differ from those of the last session."""
        before = self.read_json("settings.json")
        return [
            f"{name} {settings[name]} (before: {before.get(name)})"
            for name in settings
            if settings[name] != before.get(name)
        ]

    def go_on_with(self, settings: JSON) -> None:
        """Save the settings of a resumed run; the caller must hold the lock."""
        if self.list_changes(settings):
            write_json(self.path / "settings.json", settings)

    def claim(self) -> None:
        """Create the folder, and mark it as a run folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / _LOCK).touch()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the run for this process; raise RunError if another process holds it."""
        self.claim()
        with (self.path / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(f"another process is working on the run {self.path}") from None
            remove_parts(self.path)
            yield

    @property
    def at_work(self) -> bool:
        """Tell whether a process is working on the run, without changing anything."""
        try:
            with (self.path / _LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def read_json(self, name: str) -> JSON:
        """Read one of the run's JSON files; raise RunError if it is damaged."""
        try:
            found: JSON = json.loads((self.path / name).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"cannot read {self.path / name}: {error}") from None
        return found
