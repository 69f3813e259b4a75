"""Kill -9 at random moments of a training run: what is paid again, what is lost, what is left over.

    python -m benchmarks.crash [--points 50] [--seed 0] [--database]

Each point starts `tfgrpo train` against the tests' stand-in server, kills it once or more (with its
process group, or alone, so that its children must end by themselves), and starts the same command
again until it comes to its end. Then everything is compared with a run that nothing stopped.
`--database` keeps checkpoints and answers in a PostgreSQL server of its own.

A rollout's request does not say which attempt it is, so which attempt of a group gets which answer
depends on the order of arrival; rewards are therefore compared as the sorted rewards of each group.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.job import WIDTH, Job, new_server
from tests.postgres import postgres_server
from tests.tools.python_sandbox.processes import descendants, is_alive

LATENCY = 0.04
CALLS = ("rollout", "summarize", "extract_advantage", "edit_experiences")
WRITES = {"checkpoint": 400, "journal": 100, "step": 3}
"""Moments that files tell of, and how many of them a run has: pages written, steps finished."""
_PATIENCE = 10.0
"""Seconds that the children of a killed process may take to end."""


@dataclass(frozen=True)
class Kill:
    """A moment to kill at: so long after so many calls of a role, or writes of a file."""

    moment: str
    count: int
    delay: float
    alone: bool
    """Whether only the command is killed, and not its process group."""

    def __str__(self) -> str:
        who = "alone" if self.alone else "group"
        return f"{self.moment} {self.count} +{1000 * self.delay:.0f} ms ({who})"


@dataclass
class Victim(Job):
    """A run that is killed; it has a folder for temporary files to itself."""

    database: str | None = None
    processes_left: int = 0
    lost: list[set[int]] = field(default_factory=list)
    """For every kill, the calls whose answers were not written down."""

    def __post_init__(self) -> None:
        """Write the data set."""
        super().__post_init__()
        self.temporary.mkdir()
        self.options = ["--database", self.database] if self.database else []

    @property
    def temporary(self) -> Path:
        """Return where the command keeps its temporary files."""
        return self.folder / "tmp"

    def begin(self) -> subprocess.Popen[str]:
        """Start the command, in a process group of its own."""
        with (self.folder / "said").open("wb") as said:
            environment = os.environ | {"TMPDIR": str(self.temporary)}
            return self.start(env=environment, start_new_session=True, stdout=said, stderr=said)

    def finish(self) -> None:
        """Run the command to its end."""
        code = self.begin().wait(timeout=300)
        assert code == 0, (self.folder / "said").read_text("utf-8")

    def kill_at(self, kill: Kill) -> bool:
        """Run the command until a moment, and kill it; False if it came to its end before."""
        with self.begin() as process:
            while not self.reached(kill) and process.poll() is None:
                time.sleep(0.001)
            time.sleep(kill.delay)
            if process.poll() is not None:
                return False
            children = descendants(process.pid)
            if kill.alone:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes_left += wait_for_the_end(children)
        self.note_lost()
        return True

    def reached(self, kill: Kill) -> bool:
        """Tell whether the moment of a kill has come."""
        if kill.moment in CALLS:
            return len(self.server.of(kill.moment)) >= kill.count
        if kill.moment == "step":
            return (self.path / "libraries" / f"step-{kill.count:04}.json").exists()
        name = {"checkpoint": "checkpoints.sqlite-wal", "journal": "calls.sqlite-wal"}[kill.moment]
        return size_of(self.path / name) > 4096 * kill.count

    def note_lost(self) -> None:
        """Count the calls whose answers died with the process, and have them numbered anew."""
        while self.server.in_flight:
            time.sleep(0.001)
        earlier = set().union(*self.lost)
        lost = {call.number for call in self.server.calls} - self.kept() - earlier
        self.server.forget(lost)
        self.lost.append(lost)

    def kept(self) -> set[int]:
        """Return the numbers of the calls whose answers the journal holds."""
        told = (json.loads(a)["data"]["response_metadata"]["id"] for a in self.read_journal())
        return {int(id.removeprefix("chatcmpl-")) for id in told}

    def read_journal(self) -> list[str]:
        """Return the answers that were written down."""
        query = "SELECT answer FROM calls"
        manifest = self.path / "manifest.json"
        if not manifest.exists():
            return []
        if self.database:
            import psycopg

            schema = json.loads(manifest.read_text("utf-8"))["schema"]
            with psycopg.connect(self.database, options=f"-c search_path={schema}") as server:
                return [answer for (answer,) in server.execute(query)]
        # A copy: to open the file itself would mend what the kill left.
        with tempfile.TemporaryDirectory() as name:
            for file in self.path.glob("calls.sqlite*"):
                shutil.copy(file, name)
            with closing(sqlite3.connect(Path(name) / "calls.sqlite")) as database:
                return [answer for (answer,) in database.execute(query)]


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    calls: int
    library: Any
    rewards: Any
    ledger: Any

    @classmethod
    def of(cls, job: Victim) -> "Outcome":
        """Read a finished run."""
        usage = json.loads((job.path / "usage.json").read_text("utf-8"))["roles"]
        groups: dict[tuple[int, str], list[float]] = {}
        for file in sorted((job.path / "rollouts").iterdir()):
            for line in map(json.loads, file.read_text("utf-8").splitlines()):
                groups.setdefault((line["step"], line["problem_id"]), []).append(line["reward"])
        return cls(
            calls=len(job.server.calls),
            library=json.loads((job.path / "library.json").read_text("utf-8")),
            rewards={group: sorted(rewards) for group, rewards in groups.items()},
            # What a provider's cache held depends on the order of arrival.
            ledger={
                role: {name: used[name] for name in used if name != "cached"}
                for role, used in usage.items()
            },
        )


@dataclass(frozen=True)
class Point:
    """What came of killing a run."""

    kills: list[Kill]
    lost: list[int]
    paid_again: int
    equal: Mapping[str, bool]
    processes: int
    folders: list[str]
    files: list[str]

    @property
    def holds(self) -> bool:
        """Tell whether only what was in flight was paid again, and nothing differs or is left."""
        # An answer that has just come may wait for the disk while the next call has begun.
        in_flight = all(lost <= 2 * WIDTH for lost in self.lost)
        in_flight = in_flight and self.paid_again <= sum(self.lost)
        return in_flight and all(self.equal.values()) and not (
            self.processes or self.folders or self.files
        )  # fmt: skip


def size_of(file: Path) -> int:
    """Return the size of a file; 0 for one that is not there."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def wait_for_the_end(processes: set[int]) -> int:
    """Wait for processes to end, and count those that do not."""
    deadline = time.monotonic() + _PATIENCE
    while (left := {p for p in processes if is_alive(p)}) and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(left)


@contextmanager
def new_victim(database: str | None) -> Iterator[Victim]:
    """Make an empty folder, and a server that has not been asked yet."""
    with tempfile.TemporaryDirectory() as name, new_server(LATENCY, tool_share=0.7) as server:
        yield Victim(Path(name), server, database=database)


def draw_kills(dice: random.Random, calls: Mapping[str, int], files: bool) -> list[Kill]:
    """Draw one to three moments of a run that makes so many calls."""
    counts = {name: calls[name] for name in CALLS} | {"step": WRITES["step"]}
    counts |= WRITES if files else {}
    kills = []
    for name in dice.choices(list(counts), k=dice.choice((1, 1, 2, 3))):
        longest = LATENCY / 8 if name in WRITES else 2 * LATENCY
        count, delay = dice.randint(1, counts[name]), dice.uniform(0, longest)
        kills.append(Kill(name, count, delay, dice.random() < 0.5))
    return sorted(kills, key=lambda kill: kill.count / counts[kill.moment])


def try_point(kills: list[Kill], whole: Outcome, database: str | None) -> Point:
    """Kill a run at these moments, let it come to its end, and compare."""
    with new_victim(database) as job:
        done = [kill for kill in kills if job.kill_at(kill)]
        job.finish()
        found = Outcome.of(job)
        names = ("library", "rewards", "ledger")
        return Point(
            kills=done,
            lost=[len(lost) for lost in job.lost],
            paid_again=found.calls - whole.calls,
            equal={name: getattr(found, name) == getattr(whole, name) for name in names},
            processes=job.processes_left,
            folders=[path.name for path in job.temporary.iterdir()],
            files=[path.name for path in job.path.rglob(".*.*")],
        )


def run_whole(database: str | None) -> tuple[Outcome, dict[str, int]]:
    """Run once without a kill; return what it came to, and its calls by role."""
    with new_victim(database) as job:
        job.finish()
        return Outcome.of(job), job.server.count()


def measure(
    points: int, seed: int, database: str | None, tell: Callable[[int, Point], None]
) -> list[Point]:
    """Try so many points, and tell of each."""
    dice = random.Random(seed)
    whole, roles = run_whole(database)
    found = []
    for number in range(points):
        found.append(try_point(draw_kills(dice, roles, files=not database), whole, database))
        tell(number + 1, found[-1])
    return found


def tell(number: int, point: Point) -> None:
    """Print a line of the table."""
    marks = "  ".join(f"{'yes' if equal else 'NO':>7}" for equal in point.equal.values())
    kills = "; ".join(map(str, point.kills)) or "ended before"
    left = f"{point.processes:>9}  {len(point.folders):>7}  {len(point.files):>5}"
    fine = "" if point.holds else f"  <-- {point.folders} {point.files}"
    print(
        f"{number:>3}  {sum(point.lost):>6}  {point.paid_again:>4}  {marks}  {left}  {kills}{fine}"
    )


def main(options: argparse.Namespace) -> None:
    """Print the table, and fail if a point does not hold."""
    print("     not     paid                                processes  folders  files")
    print("  #  kept   again  library  rewards   ledger       left     left   left  killed at")
    server = postgres_server() if options.database else nullcontext(None)
    with server as database:
        points = measure(options.points, options.seed, database, tell)
    kills = sum(len(point.kills) for point in points)
    calls = sum(point.paid_again for point in points)
    wrong = sum(not point.holds for point in points)
    print(f"{len(points)} points, {kills} kills: {calls} calls paid again, {wrong} points wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", action="store_true", help="keep the runs in PostgreSQL")
    main(parser.parse_args())
