"""Training runs as a user starts them: `tfgrpo train` under one command line, on the stand-in."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from typer.testing import CliRunner, Result

from tests.standin import StandIn
from training_free_grpo.cli import main
from training_free_grpo.records import JSON

PROBLEMS = [f"Puzzle number {n}: how many?" for n in range(8)]
HARD = PROBLEMS[3]
ATTEMPTS, BATCH, WIDTH = 4, 2, 4
START = [sys.executable, "-c", "from training_free_grpo.cli import main; main()"]


def new_server(latency: float = 0.0, tool_share: float = 1.0) -> StandIn:
    """Make a server that knows the problems; its attempts are right in turn, but at a hard one."""
    answers = {problem: str(n) for n, problem in enumerate(PROBLEMS)}
    return StandIn(answers, latency=latency, tool_share=tool_share, right=in_turn)


def in_turn(problem: str, n: int) -> bool:
    """Answer right and wrong in turn, so that every group but one has contrast."""
    return problem != HARD and n % 2 == 0


def write_problems(path: Path, problems: Sequence[str] = PROBLEMS) -> Path:
    """Write a data set."""
    rows = [{"id": f"p{n}", "problem": p, "answer": str(n)} for n, p in enumerate(problems)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


class Process(subprocess.Popen[str]):
    """A process that a test which fails does not leave behind, nor its pipes."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, at)


@dataclass
class Job:
    """A run of `tfgrpo train`, under one command line."""

    folder: Path
    server: StandIn
    name: str = "run"
    data: Path = field(init=False)
    options: Sequence[str] = ()
    """Given to every command."""
    problems: Sequence[str] = tuple(PROBLEMS)

    def __post_init__(self) -> None:
        self.data = write_problems(self.folder / "problems.jsonl", self.problems)

    @property
    def path(self) -> Path:
        """Return the run's folder."""
        return self.folder / "runs" / self.name

    @property
    def library(self) -> JSON:
        """Return what was learned."""
        return self.read("library.json")

    def read(self, name: str) -> JSON:
        """Read one of the run's JSON files."""
        found: JSON = json.loads((self.path / name).read_text("utf-8"))
        return found

    def rewards(self) -> dict[str, list[float]]:
        """Return the rewards by problem: which attempt gets which answer is up to the clock."""
        found: dict[str, list[float]] = {}
        for file in sorted((self.path / "rollouts").iterdir()):
            for line in map(json.loads, file.read_text("utf-8").splitlines()):
                found.setdefault(line["problem_id"], []).append(line["reward"])
        return {problem: sorted(rewards) for problem, rewards in found.items()}

    def command(self, *options: str) -> list[str]:
        """Return the command line; options given here come last, and win."""
        sizes = {"--epochs": 1, "--batch-size": BATCH, "--group-size": ATTEMPTS}
        names = {"--run": self.name, "--runs-dir": self.folder / "runs", "--concurrency": WIDTH}
        model = {"--model": "openai:stand-in", "--base-url": self.server.url}
        pairs = [str(part) for pair in (sizes | names | model).items() for part in pair]
        return ["train", str(self.data), *pairs, "--json", *self.options, *options]

    def start(self, *options: str, start: Sequence[str] = START, **how: Any) -> Process:
        """Start a process, to be used as a context."""
        pipe = subprocess.PIPE
        command = [*start, *self.command(*options)]
        return Process(command, text=True, **{"stdout": pipe, "stderr": pipe} | how)

    def kill(self, when: Callable[[], bool], start: Sequence[str] = START) -> None:
        """Start a process, and kill it at a moment that the server sees."""
        with self.start(start=start) as process:
            self.server.wait_for(when)
            process.kill()
            process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL

    def here(self, *options: str) -> Result:
        """Run in this process, which spares the imports."""
        return CliRunner().invoke(main, self.command(*options))


def seen(server: StandIn, role: str, calls: int, edits: int) -> Callable[[], bool]:
    """Name the moment at which so many calls of a role came in, after so many edits."""

    def met() -> bool:
        edited = [call.number for call in server.of("edit_experiences")]
        if len(edited) < edits:
            return False
        since = edited[edits - 1] if edits else -1
        return sum(call.number > since for call in server.of(role)) >= calls

    return met
