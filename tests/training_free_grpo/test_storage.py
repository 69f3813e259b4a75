"""Runs whose files are damaged, whose disk is full or closed, and whose clock is wrong."""

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.job import START, WIDTH, Job, new_server, seen
from tests.standin import Call, StandIn

SMALL = ("--limit", "4")
AHEAD = """
import time
clock, clock_ns, hour = time.time, time.time_ns, 3600
time.time, time.time_ns = lambda: clock() + hour, lambda: clock_ns() + hour * 10**9
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run that nothing stopped."""
    with new_server() as server:
        job = small(tmp_path_factory.mktemp("whole"), server)
        assert job.here().exit_code == 0
    return job


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """A run that stopped before its last call, for the quota was used up; there is more now."""
    with new_server() as server:
        job = small(tmp_path_factory.mktemp("stopped"), server)
        server.faults = refuse_the_last_edit(server)
        assert job.here().exit_code == 1
        server.faults = None
        yield job


def refuse_the_last_edit(server: StandIn) -> Callable[[Call], str | None]:
    def fault(call: Call) -> str | None:
        last = call.role == "edit_experiences" and server.of("edit_experiences")
        return "no_quota" if last else None

    return fault


@pytest.fixture
def job(stopped: Job, tmp_path: Path) -> Job:
    """Another copy of the stopped run, on the same server."""
    shutil.copytree(stopped.folder, tmp_path, dirs_exist_ok=True)
    return small(tmp_path, stopped.server)


def small(folder: Path, server: StandIn) -> Job:
    job = Job(folder, server)
    job.options = SMALL
    return job


def cut_in_half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwrite(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def scratch(file: Path) -> None:
    with file.open("r+b") as out:
        for at in range(4096, file.stat().st_size, 4096):
            out.seek(at)
            out.write(b"\xff" * 64)


DAMAGE = [cut_in_half, overwrite, scratch, Path.unlink]
"""A file that is gone is no better than a damaged one."""


@pytest.mark.parametrize("damage", DAMAGE)
def test_without_its_checkpoints_a_run_makes_itself_again_from_its_journal_at_no_cost(
    whole: Job, job: Job, damage: Callable[[Path], None]
) -> None:
    before = len(job.server.calls)
    damage(job.path / "checkpoints.sqlite")
    result = job.here()
    assert result.exit_code == 0, result.stderr
    assert job.library == whole.library
    assert len(job.server.calls) == before + 1


@pytest.mark.parametrize("damage", DAMAGE)
def test_without_its_journal_a_run_resumes_from_its_checkpoints(
    whole: Job, job: Job, damage: Callable[[Path], None]
) -> None:
    before = len(job.server.calls)
    damage(job.path / "calls.sqlite")
    result = job.here()
    assert result.exit_code == 0, result.stderr
    assert job.library == whole.library
    assert len(job.server.calls) == before + 1


def test_a_damaged_file_is_kept_beside_the_new_one(job: Job) -> None:
    overwrite(job.path / "checkpoints.sqlite")
    damaged = (job.path / "checkpoints.sqlite").read_bytes()
    assert job.here().exit_code == 0
    assert (job.path / "checkpoints.sqlite.damaged-1").read_bytes() == damaged


def test_a_run_that_lost_both_is_refused_before_it_pays_for_all_again(job: Job) -> None:
    before = len(job.server.calls)
    overwrite(job.path / "checkpoints.sqlite")
    cut_in_half(job.path / "calls.sqlite")
    result = job.here()
    assert result.exit_code == 2
    assert "--fork" in result.stderr
    assert len(job.server.calls) == before


def test_a_run_without_checkpoints_does_not_resume_with_an_agent_that_would_be_paid_again(
    job: Job,
) -> None:
    manifest = job.read("manifest.json") | {"agent": "tests.graphs.test_agent:served_agent"}
    manifest["attempter"] |= {"model": "your agent's", "replayable": False}
    (job.path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    overwrite(job.path / "checkpoints.sqlite")
    result = job.here("--agent", "tests.graphs.test_agent:served_agent")
    assert result.exit_code == 2
    assert "--fork" in result.stderr


@pytest.mark.parametrize(
    ("name", "damage"),
    [("metrics.jsonl", cut_in_half), ("usage.json", overwrite), ("library.json", Path.unlink)],
)
def test_the_files_of_a_run_are_rewritten(
    whole: Job, job: Job, name: str, damage: Callable[[Path], None]
) -> None:
    shutil.copytree(whole.path, job.path, dirs_exist_ok=True)
    damage(job.path / name)
    again = small(job.folder, whole.server)
    result = again.here()
    assert result.exit_code == 0, result.stderr
    assert (job.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_halves_of_files_that_a_kill_left_are_removed(job: Job) -> None:
    half = job.path / "lessons" / ".0123456789ab.md.x7y8z9.part"
    half.write_text("[G0] Hal", "utf-8")
    assert job.here().exit_code == 0
    assert not half.exists()


def test_a_clock_that_was_set_back_changes_nothing(whole: Job, tmp_path: Path) -> None:
    with new_server(latency=0.1) as server:
        job = small(tmp_path, server)
        job.kill(seen(server, "summarize", 2, 1), [*START[:2], AHEAD + START[2]])
        server.latency = 0
        result = job.here()
    assert result.exit_code == 0, result.stderr
    assert job.library == whole.library
    assert json.loads(result.stdout)["steps"] == 2


def test_a_file_that_may_grow_no_further_ends_the_run_with_one_message(
    whole: Job, tmp_path: Path
) -> None:
    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    with new_server() as server:
        job = small(tmp_path, server)
        with job.start(preexec_fn=limit_files) as process:
            _, said = process.communicate(timeout=240)
        assert process.returncode == 1, said
        assert "Traceback" not in said
        assert "rerun the same command to continue" in said
        assert job.here().exit_code == 0
        assert job.library == whole.library
        assert len(server.calls) <= len(whole.server.calls) + WIDTH


class Room:
    """A small disk, which only processes started in it see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        script = f"mount -t tmpfs -o size=36m none {folder} && echo mounted && read _"
        self._holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._holder.stdout
        self.mounted = self._holder.stdout.readline() == "mounted\n"

    @property
    def start(self) -> list[str]:
        return ["nsenter", "-t", str(self._holder.pid), "-m", *START]

    @property
    def seen_from_outside(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/root{self.folder}")

    def make_read_only(self) -> None:
        command = ["nsenter", "-t", str(self._holder.pid), "-m", "mount", "-o", "remount,ro"]
        subprocess.run([*command, str(self.folder)], check=True)

    def close(self) -> None:
        self._holder.communicate("")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("only root can make a small disk for one process")
    (tmp_path / "runs").mkdir()
    room = Room(tmp_path / "runs")
    try:
        if not room.mounted:
            pytest.skip("no file system can be mounted here")
        yield room
    finally:
        room.close()


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=240)
    return process.returncode, stdout, stderr


def test_a_run_stops_before_its_disk_is_full_and_pays_nothing_again(
    whole: Job, room: Room, tmp_path: Path
) -> None:
    with new_server(latency=0.2) as server:
        job = small(tmp_path, server)
        with job.start(start=room.start) as process:
            server.wait_for(seen(server, "rollout", 6, 0))
            filler = room.seen_from_outside / "filler"
            filler.write_bytes(bytes(8 * 2**20))
            code, _, said = end(process)
        assert code == 1
        assert "is full" in said
        assert "rerun the same command to continue" in said
        assert len(server.calls) < len(whole.server.calls)
        assert end(job.start(start=room.start))[0] == 1
        filler.unlink()
        server.latency = 0
        code, stdout, said = end(job.start(start=room.start))
        assert code == 0, said
        assert json.loads(stdout)["library"] == whole.library
        assert len(server.calls) == len(whole.server.calls)


def test_a_folder_that_may_not_be_written_to_is_named(room: Room, tmp_path: Path) -> None:
    room.make_read_only()
    with new_server() as server:
        code, _, said = end(small(tmp_path, server).start(start=room.start))
        assert code == 1
        assert str(tmp_path / "runs") in said
        assert "Read-only" in said
        assert not server.calls
