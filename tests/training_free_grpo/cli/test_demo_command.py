"""`tfgrpo demo`, as a person starts it: a process of its own, at a terminal, with no key."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from training_free_grpo.cli import main

FILES = {
    "settings.json",
    "manifest.json",
    "checkpoints.sqlite",
    "library.json",
    "metrics.jsonl",
    "rollouts",
    "lessons",
    "usage.json",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_API_KEY")}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "120"}
    command = [str(Path(sys.executable).with_name("tfgrpo")), "demo", "--json"]
    ours, theirs = pty.openpty()
    with (
        (folder / "stdout").open("w+b") as stdout,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdin=theirs, stderr=theirs, stdout=stdout
        ) as process,
    ):
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # so Linux tells that the other side has gone
            while piece := os.read(ours, 65536):
                shown += piece
        os.close(ours)
        code = process.wait()
        stdout.seek(0)
        said = stdout.read().decode()
    return subprocess.CompletedProcess(command, code, said, shown.decode())


@pytest.fixture(scope="module")
def told(demo: subprocess.CompletedProcess[str]) -> Any:
    """What it prints last on stdout."""
    assert demo.returncode == 0, demo.stderr
    return json.loads(demo.stdout.splitlines()[-1])


def test_agent_is_better_after_than_before(told: Any) -> None:
    assert told["before"]["mean"] < told["after"]["mean"]
    assert told["difference"]["interval"][0] > 0


def test_it_is_shown_from_its_baseline_on(demo: subprocess.CompletedProcess[str]) -> None:
    assert "of 280 rollouts" in demo.stderr
    assert "of 100 rollouts" in demo.stderr


def test_lessons_were_learned(told: Any) -> None:
    assert len(told["library"]["experiences"]) > 3
    assert told["warning"] is None


def test_every_step_is_told(told: Any) -> None:
    assert [m["step"] for m in told["metrics"]] == list(range(1, told["steps"] + 1))


def test_run_folder_is_complete(told: Any, folder: Path) -> None:
    assert {path.name for path in (folder / told["run"]).iterdir()} >= FILES


def test_run_folder_holds_the_library_that_was_told(told: Any, folder: Path) -> None:
    assert json.loads((folder / told["run"] / "library.json").read_text()) == told["library"]


def test_every_rollout_is_kept_with_its_reward(told: Any, folder: Path) -> None:
    files = sorted((folder / told["run"] / "rollouts").iterdir())
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert len(lines) == sum(m["rollouts"] for m in told["metrics"])
    assert all(line["messages"] and line["reward"] is not None for line in lines)
    assert all(line["usage"]["rollout"]["input"] > 0 for line in lines)


def test_progress_and_the_word_simulation_go_to_stderr(
    demo: subprocess.CompletedProcess[str],
) -> None:
    assert "simulated" in demo.stderr
    assert "step 1" in demo.stderr
    assert len(demo.stdout.splitlines()) == 1


def test_learned_library_can_be_shown_and_exported(told: Any, folder: Path) -> None:
    place = str(folder / told["run"])
    shown = CliRunner().invoke(main, ["library", "show", place])
    exported = CliRunner().invoke(main, ["library", "export", place, "--format", "prompt"])
    assert shown.exit_code == exported.exit_code == 0
    assert all(line in shown.stdout for line in exported.stdout.splitlines())
