"""Rollouts in the workers of a real Ray cluster, some of them killed, against a run without one."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from tests.job import PROBLEMS as EVERY
from tests.job import WIDTH, Job, Process
from tests.postgres import PASSWORD, find_binaries, postgres_server
from tests.standin import Call, StandIn
from training_free_grpo.executors import make_setup
from training_free_grpo.executors.pool import divide
from training_free_grpo.executors.worker import Worker
from training_free_grpo.settings import Settings, SettingsError

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is not installed: pip install '.[ray]'"
)

PROBLEMS = EVERY[:4]
SHARE = WIDTH // 2
"""Rollouts at once in each of two workers."""
RAY = ("--executor", "ray")
BARE = ("--set", "tools=none")
NOT_THERE = """
import sys

if "worker" in sys.argv[0]:
    raise RuntimeError("no such package on this machine")


def answer(messages):
    return "It is 0."
"""


def new_server() -> StandIn:
    answers = {problem: str(n) for n, problem in enumerate(PROBLEMS)}
    return StandIn(answers, tool_share=1.0, right=lambda problem, n: n % 2 == 0)


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with new_server() as server:
        yield server


def new_job(folder: Path, server: StandIn) -> Job:
    return Job(folder, server, problems=PROBLEMS)


def start(job: Job, *options: str) -> Process:
    """Start a run in a process group of its own, as a terminal does."""
    return job.start(*options, cwd=job.folder, start_new_session=True)


def run(job: Job, *options: str) -> tuple[int, str]:
    """Run in a process of its own; return its exit code and what it said."""
    with start(job, *options) as process:
        _, stderr = process.communicate(timeout=240)
    return process.returncode, stderr


def workers_of(process: int) -> list[psutil.Process]:
    """Return the workers among the processes that a process has started."""
    children = psutil.Process(process).children(recursive=True)
    return [child for child in children if cmdline(child).startswith("ray::Worker")]


def cmdline(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def folder_of(processes: Sequence[psutil.Process]) -> Path:
    """Return the folder of the cluster that a run has made for itself."""
    found = re.search(r"/tmp/tfgrpo-ray-\w+", " ".join(map(cmdline, processes)))
    assert found
    return Path(found[0])


class Victim:
    """Keeps the second turns of one worker waiting; when all that it has wait, it is killed."""

    def __init__(self) -> None:
        self.driver = 0
        self.pid = 0
        self.waiting = 0
        self.processes: list[psutil.Process] = []
        """All that the driver had started by then."""
        self.folder = Path()

    def __call__(self, call: Call) -> str | None:
        if call.role != "rollout" or call.first_turn or self.waiting == SHARE:
            return None
        pid = self._caller(call)
        if pid != (self.pid or pid):
            return None
        self.pid = pid
        self.waiting += 1
        if self.waiting == SHARE:
            self.processes = psutil.Process(self.driver).children(recursive=True)
            self.folder = folder_of(self.processes)
            os.kill(pid, signal.SIGKILL)
        return "hang"

    def _caller(self, call: Call) -> int:
        for worker in workers_of(self.driver):
            if any(str(c.laddr.port) in call.connection for c in worker.net_connections()):
                return int(worker.pid)
        raise AssertionError(f"no worker holds {call.connection}")


@dataclass(frozen=True)
class Finished:
    """A run that came to its end."""

    job: Job
    calls: dict[str, int]
    stderr: str = ""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """Run without a cluster."""
    with new_server() as server:
        job = new_job(tmp_path_factory.mktemp("whole"), server)
        result = job.here()
        assert result.exit_code == 0, result.stderr
        yield Finished(job, server.count())


@pytest.fixture(scope="module")
def victim() -> Victim:
    return Victim()


@pytest.fixture(scope="module")
def bereft(tmp_path_factory: pytest.TempPathFactory, victim: Victim) -> Iterator[Finished]:
    """Run in two workers, of which one is killed in the middle of its rollouts."""
    with new_server() as server:
        job = new_job(tmp_path_factory.mktemp("bereft"), server)
        server.faults = victim
        with start(job, *RAY) as process:
            victim.driver = process.pid
            _, stderr = process.communicate(timeout=240)
        assert process.returncode == 0, stderr
        yield Finished(job, server.count(), stderr)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Run a cluster that is there before the runs, with room for one worker."""
    port, ray = free_port(), str(Path(sys.executable).with_name("ray"))
    with TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        command = [ray, "start", "--head", f"--port={port}", "--num-cpus=1", "--block"]
        command += ["--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={folder}"]
        keys = {**os.environ, "PGPASSWORD": PASSWORD}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=keys
        ) as process:
            assert process.stdout is not None
            assert any("Ray runtime started" in line for line in process.stdout)
            yield f"127.0.0.1:{port}"
            process.terminate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@needs_ray
class TestWorkerThatIsKilled:
    """Two workers, one of them killed while all that it has are in their second turn."""

    def test_the_library_is_that_of_a_run_without_a_cluster(
        self, whole: Finished, bereft: Finished
    ) -> None:
        assert bereft.job.read("library.json") == whole.job.read("library.json")
        assert len(whole.job.read("library.json")["experiences"]) > 1

    def test_no_rollout_is_missing_or_scored_otherwise(
        self, whole: Finished, bereft: Finished
    ) -> None:
        assert bereft.job.rewards() == whole.job.rewards()

    def test_only_the_calls_in_flight_are_made_again(
        self, whole: Finished, bereft: Finished, victim: Victim
    ) -> None:
        again = {role: bereft.calls[role] - calls for role, calls in whole.calls.items()}
        assert again == {role: SHARE if role == "rollout" else 0 for role in again}
        assert victim.waiting == SHARE

    def test_the_ledger_holds_what_was_charged_to_all_workers(self, bereft: Finished) -> None:
        roles = bereft.job.read("usage.json")["roles"]
        names = ("calls", "input", "cached", "output")
        assert {
            role: {name: used[name] for name in names} for role, used in roles.items()
        } == bereft.job.server.usage()

    def test_it_is_said(self, bereft: Finished) -> None:
        assert "a worker was lost" in bereft.stderr

    def test_the_cluster_of_a_run_ends_with_it(self, bereft: Finished, victim: Victim) -> None:
        assert victim.pid in [process.pid for process in victim.processes]
        _, alive = psutil.wait_procs(victim.processes, timeout=240)
        assert not alive
        assert not victim.folder.exists()


@needs_ray
def test_a_run_whose_driver_is_killed_goes_on_and_its_workers_end(
    tmp_path: Path, whole: Finished
) -> None:
    with new_server() as server:
        job = new_job(tmp_path, server)
        server.faults = lambda call: "hang" if call.number >= 6 else None
        with start(job, *RAY) as process:
            server.wait_for(lambda: len(server.calls) == 6 + WIDTH, seconds=240)
            children = psutil.Process(process.pid).children(recursive=True)
            logs = folder_of(children)
            # Ray's own agents look after their parent only now and then.
            processes = [child for child in children if "Agent" not in child.name()]
            process.kill()
            process.communicate(timeout=240)
        _, alive = psutil.wait_procs(processes, timeout=240)
        assert not alive
        shutil.rmtree(logs)
        server.faults = None
        result = job.here()
        assert result.exit_code == 0, result.stderr
        assert job.read("library.json") == whole.job.read("library.json")
        assert job.rewards() == whole.job.rewards()
        assert len(server.calls) == sum(whole.calls.values()) + WIDTH


@needs_ray
def test_ctrl_c_lets_the_rollouts_in_the_workers_end_and_nothing_is_paid_twice(
    tmp_path: Path, whole: Finished, address: str
) -> None:
    with new_server() as server:
        server.latency = 0.3
        job = new_job(tmp_path, server)
        with start(job, *RAY, "--ray-address", address) as process:
            server.wait_for(lambda: len(server.calls) >= WIDTH, seconds=240)
            # As a terminal does it: every process of the group gets the signal.
            os.killpg(process.pid, signal.SIGINT)
            _, stderr = process.communicate(timeout=240)
        assert process.returncode == 130, stderr
        assert all(call.usage for call in server.calls)
        assert "lost" not in stderr
        server.latency = 0
        again = job.here()
        assert again.exit_code == 0, again.stderr
        assert server.count() == whole.calls
        assert job.read("library.json") == whole.job.read("library.json")


@needs_ray
def test_a_budget_ends_a_run_with_the_rollouts_in_flight(
    tmp_path: Path, server: StandIn, address: str
) -> None:
    job, before = new_job(tmp_path, server), len(server.calls)
    code, stderr = run(job, *RAY, "--ray-address", address, *BARE, "--max-calls", "6")
    assert code == 3, stderr
    # Rollouts in the workers, and calls of the driver for those that were done.
    assert 6 <= len(server.calls) - before <= 6 + 2 * WIDTH


@needs_ray
def test_a_refusal_in_a_worker_ends_the_run(tmp_path: Path, address: str) -> None:
    with new_server() as server:

        def withdraw(call: Call) -> None:
            if call.number == 6:
                server.status = 401

        server.faults = withdraw
        code, stderr = run(new_job(tmp_path, server), *RAY, "--ray-address", address, *BARE)
    assert code == 1
    assert "401" in stderr
    assert "Traceback" not in stderr
    assert len(server.calls) <= 6 + 2 * WIDTH


@needs_ray
def test_an_agent_that_workers_cannot_import_costs_nothing(
    tmp_path: Path, server: StandIn, address: str
) -> None:
    (tmp_path / "not_there.py").write_text(NOT_THERE, "utf-8")
    job, before = new_job(tmp_path, server), len(server.calls)
    code, stderr = run(job, *RAY, "--ray-address", address, "--agent", "not_there:answer")
    assert code == 2, stderr
    assert "no such package on this machine" in stderr
    assert len(server.calls) == before


@needs_ray
@pytest.mark.skipif(find_binaries() is None, reason="PostgreSQL is not installed")
def test_workers_keep_their_answers_in_postgresql(
    tmp_path: Path, whole: Finished, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_server() as server, postgres_server() as url:
        job = new_job(tmp_path, server)
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        database = url.replace(f":{PASSWORD}", "")
        options = (*RAY, "--ray-address", address, *BARE, "--database", database)
        code, stderr = run(job, *options)
        assert code == 0, stderr
        assert job.read("library.json") == whole.job.read("library.json")
        before = len(server.calls)
        assert run(job, *options)[0] == 0
        assert len(server.calls) == before
        assert not (job.path / "calls.sqlite").exists()


def test_without_ray_the_remedy_is_named(
    tmp_path: Path, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = new_job(tmp_path, server).here(*RAY)
    assert result.exit_code == 2
    assert "pip install 'training-free-grpo[ray]'" in result.stderr


@needs_ray
def test_a_cluster_that_is_not_there_is_named_at_once(tmp_path: Path, server: StandIn) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    job = new_job(tmp_path, server)
    result = job.here(*RAY, "--ray-address", nobody)
    assert result.exit_code == 2
    assert f"--ray-address '{nobody}' cannot be reached" in result.stderr
    assert not job.path.exists()


@needs_ray
@pytest.mark.skipif(find_spec("psycopg") is None, reason="psycopg is not installed")
def test_a_password_is_not_sent_to_workers(tmp_path: Path, server: StandIn) -> None:
    url = "postgresql://learner:secret@127.0.0.1/runs"
    result = new_job(tmp_path, server).here(*RAY, "--database", url)
    assert result.exit_code == 2
    assert "PGPASSWORD" in result.stderr
    assert "secret@" not in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--executor", "slurm"), "--executor 'slurm' is unknown; there are: local, ray"),
        (("--ray-address", "auto"), "--ray-address 'auto' is for --executor ray"),
    ],
)
def test_an_executor_that_is_none_is_refused(
    tmp_path: Path, server: StandIn, options: tuple[str, ...], said: str
) -> None:
    result = new_job(tmp_path, server).here(*options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_workers_share_the_limits_of_a_run() -> None:
    settings = Settings(concurrency=128, requests_per_minute=500, endpoint_concurrency=3)
    share = divide(settings, 8)
    assert (share.concurrency, share.requests_per_minute) == (16, 62)
    assert share.endpoint_concurrency == 1
    assert share.tokens_per_minute is None


def test_a_worker_on_another_machine_asks_for_a_database(tmp_path: Path) -> None:
    plan = make_setup(Settings(), None, str(tmp_path / "calls.sqlite"))
    plan["host"] = "another-machine"
    with pytest.raises(SettingsError, match="--database postgresql://"):
        asyncio.run(Worker(plan).start())
    assert not Path(plan["journal"]).exists()
