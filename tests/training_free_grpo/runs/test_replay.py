"""Runs that are made again from their record, whole and from a step on."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.job import Job, new_server
from tests.standin import Call, StandIn
from training_free_grpo.cli import main

SMALL = ("--limit", "4")


def replay(job: Job, *options: str, run: str = "run") -> Result:
    return CliRunner().invoke(main, ["replay", run, "--runs-dir", str(job.path.parent), *options])


def train(folder: Path, server: StandIn, *options: str) -> Job:
    job = Job(folder, server)
    job.options = (*SMALL, *options)
    result = job.here()
    assert result.exit_code == 0, result.stderr
    return job


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with new_server(tool_share=0.6) as server:
        yield server


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run whose server is gone."""
    with new_server(tool_share=0.6) as server:
        return train(tmp_path_factory.mktemp("trained"), server)


@pytest.fixture
def job(trained: Job, tmp_path: Path) -> Job:
    """Another copy of that run."""
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    return Job(tmp_path, trained.server)


def test_a_run_is_made_again_without_its_server_byte_for_byte(job: Job) -> None:
    result = replay(job, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found == {
        "equal": True,
        "different": [],
        "known": len(job.server.calls),
        "unknown": 0,
    }


def test_a_replay_that_is_kept_is_a_run_that_can_be_replayed(job: Job) -> None:
    assert replay(job, "--to", "again").exit_code == 0
    shutil.rmtree(job.path)
    assert replay(job, run="again").exit_code == 0


def test_a_replay_takes_no_name_that_is_taken(job: Job) -> None:
    result = replay(job, "--to", "run")
    assert result.exit_code == 2
    assert "already" in result.stderr


def test_a_replay_needs_no_key(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    settings = job.read("settings.json") | {"base_url": None}
    (job.path / "settings.json").write_text(json.dumps(settings), "utf-8")
    result = replay(job)
    # The address is part of what was asked, so nothing is found; but nothing is asked, either.
    assert result.exit_code == 1
    assert "OPENAI_API_KEY" not in result.stderr


def test_a_record_that_was_changed_is_told_by_the_files_that_differ(job: Job) -> None:
    with closing(sqlite3.connect(job.path / "calls.sqlite")) as calls, calls:
        calls.execute("UPDATE calls SET answer = replace(answer, 'Rule', 'Law')")
    result = replay(job)
    assert result.exit_code == 1
    assert "different" in result.stdout
    assert "library.json" in result.stdout
    assert "rollouts/step-0001.jsonl" not in result.stdout


def test_answers_that_the_record_lacks_are_counted(job: Job) -> None:
    with closing(sqlite3.connect(job.path / "calls.sqlite")) as calls, calls:
        calls.execute("DELETE FROM calls WHERE role = 'edit_experiences'")
    result = replay(job)
    assert result.exit_code == 1
    assert "2 that it does not hold" in result.stdout


def test_lost_calls_and_rollouts_are_lost_again(tmp_path: Path) -> None:
    def fail(call: Call) -> str | None:
        if call.role == "rollout" and call.rollout == 1 and call.first_turn:
            return "hang"
        if call.role == "summarize" and len(asked.of("summarize")) == 1:
            return "cut_off"
        return None

    with new_server() as asked:
        asked.faults = fail
        job = train(tmp_path, asked, "--set", "rollout_timeout=2", "--set", "max_retries=0")
    steps = (job.path / "metrics.jsonl").read_text("utf-8").splitlines()
    assert json.loads(steps[0])["missing"]
    result = replay(job)
    assert result.exit_code == 0, result.output


def test_a_run_that_has_not_come_to_its_end_is_not_replayed(
    tmp_path: Path, server: StandIn
) -> None:
    job = Job(tmp_path, server)
    server.faults = lambda call: "no_quota" if call.role == "edit_experiences" else None
    assert job.here(*SMALL).exit_code == 1
    server.faults = None
    result = replay(job)
    assert result.exit_code == 2
    assert "step 0 of 2" in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("attempter", {"replayable": False}, "made by the agent 'react'"),
        ("prompts", "other", "other prompts"),
    ],
)
def test_what_cannot_be_made_again_is_refused(job: Job, name: str, value: Any, said: str) -> None:
    manifest = job.read("manifest.json") | {name: value}
    (job.path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    result = replay(job)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "seed=1"], "--from-step"),
        (["--from-step", "2"], "--to"),
        (["--from-step", "4", "--to", "new"], "1 to 3"),
        (["--from-step", "2", "--to", "new", "--set", "sede=1"], "seed"),
    ],
)
def test_a_wrong_request_is_refused(job: Job, options: list[str], said: str) -> None:
    result = replay(job, *options)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory, server: StandIn) -> Job:
    """A run whose server is there."""
    return train(tmp_path_factory.mktemp("alive"), server)


def test_a_fork_pays_only_for_what_its_settings_change(alive: Job, server: StandIn) -> None:
    calls = server.count()
    options = ("--from-step", "2", "--to", "new", "--set", "max_lesson_words=31")
    result = replay(alive, *options)
    assert result.exit_code == 0, result.stderr
    anew = {role: n - calls[role] for role, n in server.count().items() if n > calls[role]}
    assert set(anew) == {"extract_advantage", "edit_experiences"}
    assert f"{sum(anew.values())} new calls" in result.stderr
    before, now = alive.path, alive.path.parent / "new"
    assert (now / "rollouts/step-0001.jsonl").read_bytes() == (
        before / "rollouts/step-0001.jsonl"
    ).read_bytes()
    steps = [(run / "metrics.jsonl").read_text("utf-8").splitlines() for run in (before, now)]
    assert steps[0][0] == steps[1][0]
    assert len(steps[1]) == 2
    paid = len(server.calls)
    assert replay(alive, *options).exit_code == 0
    assert len(server.calls) == paid


@pytest.mark.parametrize("step", ["1", "2", "3"])
def test_a_fork_that_changes_nothing_pays_nothing(alive: Job, server: StandIn, step: str) -> None:
    paid = len(server.calls)
    result = replay(alive, "--from-step", step, "--to", f"same-{step}", "--json")
    assert result.exit_code == 0, result.stderr
    assert len(server.calls) == paid
    assert json.loads(result.stdout)["library"] == alive.library


def test_a_fork_at_the_end_goes_on_for_more_epochs(alive: Job, server: StandIn) -> None:
    result = replay(alive, "--from-step", "3", "--to", "longer", "--set", "epochs=2", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["steps"] == 4
    assert "0 calls reused from the record" in result.stderr
