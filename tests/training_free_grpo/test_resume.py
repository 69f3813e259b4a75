"""Runs that are killed, interrupted and refused, and go on: real processes on a real server.

A rollout's request says nothing of its attempt, so the stand-in cannot answer each attempt the
same again after a kill. It answers right and wrong in turn instead: whichever attempts of a group
are made again, the group keeps its contrast, and its lessons depend on problem and library alone.
"""

import json
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.job import ATTEMPTS, BATCH, PROBLEMS, WIDTH, Job, new_server, seen, write_problems
from tests.standin import Call, StandIn
from training_free_grpo.runs.folder import RunFolder

TURNS = 2
SHORT = ("--limit", str(BATCH))


@pytest.fixture
def server() -> Iterator[StandIn]:
    with new_server() as server:
        yield server


@dataclass(frozen=True)
class Finished:
    """A run that came to its end."""

    job: Job
    stdout: str
    stderr: str
    calls: dict[str, int]
    """By role, as the server saw them: later tests may use the same server."""


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Job, subprocess.Popen[str]]]:
    """Start a run that nothing interrupts; others are killed meanwhile."""
    with new_server() as server:
        job = Job(tmp_path_factory.mktemp("whole"), server)
        with job.start() as process:
            yield job, process


@pytest.fixture(scope="module")
def whole(started: tuple[Job, subprocess.Popen[str]]) -> Finished:
    """Await the end of a run that nothing interrupts."""
    job, process = started
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    return Finished(job, stdout, stderr, job.server.count())


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, started: object) -> Iterator[Finished]:
    """Run with a kill -9 in the rollouts, in the summaries and in the edit of three steps."""
    with new_server(latency=0.1) as server:
        job = Job(tmp_path_factory.mktemp("killed"), server)
        job.kill(seen(server, "rollout", 6, 0))
        job.kill(seen(server, "summarize", 3, 1))
        job.kill(seen(server, "edit_experiences", 1, 2))
        result = job.here()
        assert result.exit_code == 0, result.stderr
        yield Finished(job, result.stdout, result.stderr, server.count())


def test_a_killed_run_finishes(killed: Finished) -> None:
    summary = json.loads(killed.stdout.splitlines()[-1])
    assert summary["steps"] == len(summary["metrics"]) == len(PROBLEMS) // BATCH


def test_a_killed_run_learns_the_library_of_an_uninterrupted_one(
    whole: Finished, killed: Finished
) -> None:
    assert killed.job.library == whole.job.library
    assert len(whole.job.library["experiences"]) > 2


def test_what_was_finished_before_a_kill_is_not_paid_again(
    whole: Finished, killed: Finished
) -> None:
    paid_again = {role: killed.calls[role] - calls for role, calls in whole.calls.items()}
    # One kill per stage. What was in flight is paid again, but no earlier turn of its rollout; and
    # as much again may have been answered just before, and not yet been written down.
    assert paid_again["rollout"] <= 2 * WIDTH
    assert paid_again["summarize"] <= 2 * WIDTH
    assert paid_again["extract_advantage"] <= BATCH
    assert paid_again["edit_experiences"] <= 1


def test_the_kills_did_hit_calls_in_flight(whole: Finished, killed: Finished) -> None:
    assert sum(killed.calls.values()) > sum(whole.calls.values())


def test_the_figures_of_a_killed_run_are_those_of_an_uninterrupted_one(
    whole: Finished, killed: Finished
) -> None:
    def figures(finished: Finished) -> list[Any]:
        lines = (finished.job.path / "metrics.jsonl").read_text("utf-8").splitlines()
        names = ("step", "rollouts", "missing", "groups_with_contrast", "applied")
        return [[json.loads(line)[name] for name in names] for line in lines]

    assert figures(killed) == figures(whole)


def test_calls_that_came_to_nothing_are_not_counted_twice(
    whole: Finished, killed: Finished
) -> None:
    def calls(finished: Finished) -> dict[str, int]:
        roles = finished.job.read("usage.json")["roles"]
        return {role: row["calls"] for role, row in roles.items()}

    assert calls(killed) == calls(whole) == whole.calls


def test_the_rollout_files_of_a_killed_run_hold_each_attempt_once(killed: Finished) -> None:
    for step in range(1, 5):
        file = killed.job.path / "rollouts" / f"step-{step:04}.jsonl"
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        assert len({line["id"] for line in lines}) == len(lines) == BATCH * ATTEMPTS
        assert all(line["reward"] is not None and line["messages"] for line in lines)


def test_json_is_the_only_output_on_stdout(whole: Finished) -> None:
    summary = json.loads(whole.stdout)
    assert whole.stdout.count("\n") == 1
    assert summary["library"] == whole.job.library
    assert "step 1" in whole.stderr


def test_a_finished_run_costs_nothing_when_it_is_started_again(whole: Finished) -> None:
    before = len(whole.job.server.calls)
    result = whole.job.here()
    assert result.exit_code == 0, result.stderr
    assert len(whole.job.server.calls) == before
    assert json.loads(result.stdout) == json.loads(whole.stdout)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--group-size", "3"),
        ("--temperature", "0.5"),
        ("--seed", "7"),
        ("--epochs", "2"),
        ("--model", "openai:other"),
    ],
)
def test_a_changed_setting_is_refused_with_the_difference(
    whole: Finished, option: str, value: str
) -> None:
    result = whole.job.here(option, value)
    assert result.exit_code == 2
    assert option.strip("-").replace("-", "_") in result.stderr
    assert value.removeprefix("openai:") in result.stderr
    assert "--fork" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--concurrency", "2", "concurrency 2 (before: 4)"),
        ("--set", "call_timeout=30", "call_timeout 30.0 (before: 600.0)"),
        ("--price", "1,1,1", "price 1,1,1 (before: None)"),
    ],
)
def test_a_run_resumes_with_other_request_options_and_says_so(
    whole: Finished, option: str, value: str, said: str
) -> None:
    result = whole.job.here(option, value)
    assert result.exit_code == 0, result.stderr
    assert f"resumes with {said}" in result.stderr
    assert "nothing is left to do" in result.stderr
    whole.job.here()  # as it was, for the other tests


def test_a_run_that_another_process_holds_keeps_its_settings(whole: Finished) -> None:
    file = whole.job.path / "settings.json"
    before = file.read_bytes()
    with RunFolder(whole.job.path).locked():
        result = whole.job.here("--concurrency", "2")
    assert result.exit_code == 2
    assert "another process" in result.stderr
    assert file.read_bytes() == before


def test_a_server_that_has_moved_is_asked_where_it_is(tmp_path: Path) -> None:
    with new_server() as first:
        job = Job(tmp_path, first)
        assert job.here("--max-calls", "9").exit_code == 3
    with new_server() as second:
        done = Job(tmp_path, second).here()
    assert done.exit_code == 0, done.stderr
    assert "resumes with base_url" in done.stderr
    assert second.calls


def test_changed_data_is_refused(whole: Finished, tmp_path: Path) -> None:
    job = Job(whole.job.folder, whole.job.server)
    job.data = write_problems(tmp_path / "other.jsonl", [*PROBLEMS[:-1], "Another puzzle."])
    result = job.here()
    assert result.exit_code == 2
    assert "data" in result.stderr


def test_a_limit_is_a_change_of_the_data(whole: Finished) -> None:
    result = whole.job.here("--limit", "4")
    assert result.exit_code == 2
    assert "data" in result.stderr


def test_the_same_problems_in_another_place_are_the_same_data(
    whole: Finished, tmp_path: Path
) -> None:
    job = Job(whole.job.folder, whole.job.server)
    job.data = write_problems(tmp_path / "moved.jsonl")
    assert job.here().exit_code == 0


def test_a_fork_starts_from_the_library_with_the_changes(whole: Finished) -> None:
    before, calls = whole.job.library, len(whole.job.server.calls)
    result = whole.job.here("--fork", "new", "--group-size", "2", "--limit", "2")
    assert result.exit_code == 0, result.stderr
    first = whole.job.server.calls[calls]
    assert all(
        f"[{id}] {lesson['content']}" in first.system
        for id, lesson in before["experiences"].items()
    )
    assert whole.job.library == before
    assert json.loads((whole.job.path.parent / "new" / "manifest.json").read_text())["parent"]


def test_a_run_that_died_before_its_first_checkpoint_starts_over(
    whole: Finished, tmp_path: Path
) -> None:
    job = Job(tmp_path, whole.job.server)
    job.path.mkdir(parents=True)
    for name in ("settings.json", "manifest.json"):
        shutil.copy(whole.job.path / name, job.path / name)
    result = job.here()
    assert result.exit_code == 0, result.stderr
    assert job.library == whole.job.library


@pytest.mark.parametrize("kept", range(1, 10))
def test_a_kill_between_the_result_of_a_node_and_its_checkpoint_is_not_the_end(
    whole: Finished, tmp_path: Path, kept: int
) -> None:
    job = Job(tmp_path, whole.job.server)
    shutil.copytree(whole.job.path, job.path)
    with closing(sqlite3.connect(job.path / "checkpoints.sqlite")) as checkpoints, checkpoints:
        ours = "FROM checkpoints WHERE checkpoint_ns = ''"
        ids = f"SELECT checkpoint_id {ours} ORDER BY checkpoint_id LIMIT {kept}"
        checkpoints.execute(f"DELETE {ours} AND checkpoint_id NOT IN ({ids})")
    before = len(whole.job.server.calls)
    result = job.here()
    assert result.exit_code == 0, result.stderr
    assert job.library == whole.job.library
    assert len(whole.job.server.calls) == before


@dataclass(frozen=True)
class Interrupted:
    """What came of Ctrl-C, and of a second process while the first was at work."""

    job: Job
    code: int
    stderr: str
    second: Result


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interrupted]:
    with new_server(latency=0.2) as server:
        job = Job(tmp_path_factory.mktemp("interrupted"), server)
        with job.start() as process:
            server.wait_for(seen(server, "rollout", 6, 0))
            second = job.here()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=240)
        yield Interrupted(job, process.returncode, stderr, second)


def test_a_second_process_on_the_same_run_is_refused(interrupted: Interrupted) -> None:
    assert interrupted.second.exit_code == 2
    assert "another process" in interrupted.second.stderr


def test_ctrl_c_exits_as_interrupted_and_says_that_all_is_saved(interrupted: Interrupted) -> None:
    assert interrupted.code == 130
    assert "Rerun the same command to resume" in interrupted.stderr
    assert "Traceback" not in interrupted.stderr
    assert "never awaited" not in interrupted.stderr


def test_an_interrupted_run_resumes_and_pays_nothing_twice(
    whole: Finished, interrupted: Interrupted
) -> None:
    interrupted.job.server.latency = 0.0
    result = interrupted.job.here()
    assert result.exit_code == 0, result.stderr
    assert interrupted.job.library == whole.job.library
    assert interrupted.job.server.count() == whole.calls


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run of one step that nothing interrupts."""
    with new_server() as server:
        job = Job(tmp_path_factory.mktemp("short"), server, options=SHORT)
        assert job.here().exit_code == 0
    return job


@pytest.mark.parametrize(
    ("role", "number"),
    [
        ("rollout", signal.SIGTERM),
        ("summarize", signal.SIGINT),
        ("extract_advantage", signal.SIGINT),
        ("edit_experiences", signal.SIGTERM),
    ],
)
def test_a_run_may_be_stopped_in_every_phase_and_pays_nothing_again(
    tmp_path: Path, short: Job, role: str, number: signal.Signals
) -> None:
    with new_server(latency=0.3) as server:
        job = Job(tmp_path, server, options=SHORT)
        with job.start() as process:
            server.wait_for(seen(server, role, 1, 0))
            process.send_signal(number)
            _, said = process.communicate(timeout=240)
        assert process.returncode == 130, said
        assert "Traceback" not in said
        server.latency = 0.0
        assert job.here().exit_code == 0
        assert job.library == short.library
        assert server.count() == short.server.count()


def test_ctrl_c_twice_pays_only_for_what_was_in_flight_again(tmp_path: Path, short: Job) -> None:
    with new_server(latency=1.0) as server:
        job = Job(tmp_path, server, options=SHORT)
        with job.start() as process:
            server.wait_for(seen(server, "summarize", 1, 0))
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert any("press Ctrl-C again to stop now" in line for line in process.stderr)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=240) == 130
        server.latency = 0.0
        assert job.here().exit_code == 0
        assert job.library == short.library
        assert len(server.calls) <= len(short.server.calls) + WIDTH


def test_ctrl_c_twice_stops_while_a_call_hangs(tmp_path: Path) -> None:
    with new_server(latency=600) as server, Job(tmp_path, server).start() as process:
        server.wait_for(seen(server, "rollout", 1, 0))
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any("press Ctrl-C again to stop now" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=240) == 130


def test_an_endpoint_that_cannot_be_reached_fails_before_anything_is_spent(
    tmp_path: Path,
) -> None:
    with new_server() as gone:
        job = Job(tmp_path, gone)
    result = job.here()
    assert result.exit_code == 1
    assert gone.url in result.stderr


def test_after_an_endpoint_that_could_not_be_reached_the_same_command_may_change(
    tmp_path: Path, server: StandIn
) -> None:
    with new_server() as gone:
        job = Job(tmp_path, gone)
    job.here("--limit", "2")
    job.server = server
    result = job.here("--limit", "2")
    assert result.exit_code == 0, result.stderr


def test_a_wrong_key_fails_at_once_and_the_run_resumes_with_the_right_one(
    tmp_path: Path, server: StandIn
) -> None:
    job = Job(tmp_path, server)
    server.status = 401
    result = job.here("--limit", "2")
    assert result.exit_code == 1
    assert "401" in result.stderr
    assert len(server.calls) <= 2 * WIDTH
    server.status = None
    again = job.here("--limit", "2")
    assert again.exit_code == 0, again.stderr
    assert job.library["experiences"]


def test_a_key_that_is_withdrawn_on_the_way_costs_nothing_that_was_finished(
    tmp_path: Path, server: StandIn, whole: Finished
) -> None:
    job = Job(tmp_path, server)
    server.faults = withdraw_at(server, 30)
    assert job.here().exit_code == 1
    refused = sum(call.usage is None for call in server.calls)
    server.faults, server.status = None, None
    again = job.here()
    assert again.exit_code == 0, again.stderr
    assert job.library == whole.job.library
    paid = len(server.calls) - refused
    assert paid <= sum(whole.calls.values()) + 2 * WIDTH * TURNS


def withdraw_at(server: StandIn, number: int) -> Callable[[Call], str | None]:
    """Refuse the key from a call on."""

    def check(call: Call) -> None:
        if call.number >= number:
            server.status = 401

    return check
