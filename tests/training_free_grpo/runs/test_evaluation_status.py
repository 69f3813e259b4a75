"""How far an evaluation is: while another process is at work on it, after its death, at its end."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from training_free_grpo.background import run_sync
from training_free_grpo.runs.evaluation import Arm, EvaluationRun
from training_free_grpo.runs.evaluation_status import EvaluationStatus, read_evaluation_status
from training_free_grpo.runs.folder import RunFolder
from training_free_grpo.settings import Settings
from training_free_grpo.simulated import training_problems

PROBLEMS, ATTEMPTS = 3, 2


@dataclass(frozen=True)
class Life:
    """What was seen of an evaluation: in its second arm, after its end, and once it is written."""

    running: EvaluationStatus
    stopped: EvaluationStatus
    finished: EvaluationStatus
    folder: RunFolder


async def nothing() -> None:
    pass


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "ev")
    seen = []

    def look(arm: Arm) -> None:
        seen.append(read_evaluation_status(folder))

    settings = Settings(attempts=ATTEMPTS)
    arms = [Arm("without library", settings), Arm("with library", settings)]
    evaluation = EvaluationRun(training_problems()[:PROBLEMS], arms, folder=folder.path)
    found = run_sync(evaluation.run(look))
    stopped = read_evaluation_status(folder)
    said: dict[str, Any] = {"evaluations": found, "differences": {}, "notes": {}}
    (folder.path / "evaluation.json").write_text(json.dumps(said), "utf-8")
    return Life(seen[1], stopped, read_evaluation_status(folder), folder)


def test_an_evaluation_at_work_is_running_and_says_what_it_has_begun_and_kept(life: Life) -> None:
    assert life.running["state"] == "running"
    assert [arm["name"] for arm in life.running["arms"]] == ["without library", "with library"]
    assert life.running["attempts"] == PROBLEMS * ATTEMPTS
    assert life.running["total"]["calls"] > 0


def test_what_it_took_is_priced_as_the_command_that_began_it_does(life: Life) -> None:
    assert life.running["cost"] == 0.0
    assert life.running["costs"]["rollout"]["model"] == "simulated"


def test_an_evaluation_that_found_nothing_yet_is_stopped(life: Life) -> None:
    assert (life.stopped["state"], life.stopped["found"]) == ("stopped", None)


def test_a_finished_evaluation_says_what_it_found(life: Life) -> None:
    assert life.finished["state"] == "finished"
    assert life.finished["found"]
    assert life.finished["found"]["evaluations"].keys() == {"without library", "with library"}


def test_what_an_earlier_command_found_is_not_what_a_stopped_one_did(life: Life) -> None:
    found = json.loads((life.folder.path / "evaluation.json").read_text("utf-8"))
    more = EvaluationRun(
        training_problems()[: PROBLEMS - 1],
        [Arm("without library", Settings(attempts=1))],
        folder=life.folder.path,
    )
    run_sync(more.run())
    assert read_evaluation_status(life.folder)["state"] == "stopped"
    assert found["evaluations"]["without library"]["attempts"] == ATTEMPTS


def test_asking_changes_nothing(life: Life) -> None:
    def stamps() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in life.folder.path.rglob("*")}

    before = stamps()
    read_evaluation_status(life.folder)
    assert stamps() == before


def test_an_evaluation_that_died_before_its_first_call_has_kept_nothing(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").touch()
    found = read_evaluation_status(RunFolder(tmp_path))
    assert (found["state"], found["attempts"], found["arms"]) == ("stopped", 0, [])
