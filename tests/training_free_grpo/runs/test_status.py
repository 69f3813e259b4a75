"""How far a run is: while another process is at work on it, after its death, and at its end."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.job import ATTEMPTS, BATCH, Job, new_server
from training_free_grpo.records import JSON
from training_free_grpo.runs.files import find_run, read_groups, read_libraries
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.runs.status import RunStatus, read_status


@dataclass(frozen=True)
class Life:
    """What was seen of a run: at work in its second step, killed there, and gone on with."""

    running: RunStatus
    stopped: RunStatus
    finished: RunStatus
    path: Path
    usage: JSON


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with new_server() as server:
        job = Job(tmp_path_factory.mktemp("runs"), server, options=("--limit", str(BATCH + 1)))
        server.faults = lambda call: (
            "hang" if call.role == "extract_advantage" and server.of("edit_experiences") else None
        )
        folder = RunFolder(job.path)
        with job.start() as process:
            server.wait_for(lambda: len(server.of("extract_advantage")) == BATCH + 1)
            running = read_status(folder)
            process.kill()
        stopped = read_status(folder)
        server.faults = None
        assert job.here().exit_code == 0
        yield Life(running, stopped, read_status(folder), job.path, job.read("usage.json"))


def test_a_run_at_work_is_running_and_says_how_far_its_step_is(life: Life) -> None:
    assert life.running["state"] == "running"
    assert (life.running["steps"], life.running["steps_expected"]) == (1, 2)
    now = life.running["current"]
    assert now
    assert (now["step"], now["epoch"]) == (2, 1)
    assert (now["rollouts"], now["rollouts_expected"]) == (ATTEMPTS, ATTEMPTS)
    assert (now["groups"], now["groups_expected"]) == (0, 1)


def test_what_the_step_at_work_has_used_counts(life: Life) -> None:
    calls = life.running["usage"]["rollout"]["calls"]
    assert calls == life.usage["roles"]["rollout"]["calls"]


def test_a_run_whose_process_died_is_stopped(life: Life) -> None:
    assert life.stopped == life.running | {"state": "stopped"}


def test_a_finished_run_has_no_step_at_work_and_what_its_files_say(life: Life) -> None:
    assert life.finished["state"] == "finished"
    assert life.finished["current"] is None
    assert len(life.finished["rewards"]) == 2
    assert life.finished["usage"] == life.usage["roles"]


def test_asking_changes_nothing(life: Life) -> None:
    def stamps() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in life.path.rglob("*")}

    before = stamps()
    read_status(RunFolder(life.path))
    assert stamps() == before


def test_a_run_that_may_only_be_read_can_be_asked(life: Life, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(life.path, tmp_path / "copy"))
    (copy / ".lock").unlink()
    assert read_status(RunFolder(copy))["state"] == "finished"


def test_every_group_is_kept_with_its_reasoning_and_summaries(life: Life) -> None:
    groups = [group for step in (1, 2) for group in read_groups(life.path, step).values()]
    assert len(groups) == BATCH + 1
    for group in groups:
        assert group["reasoning"]
        assert group["summaries"].keys() == {attempt["id"] for attempt in group["attempts"]}
        assert len(group["answers"]) == 1


def test_the_library_is_kept_as_each_step_left_it(life: Life) -> None:
    steps, libraries = zip(*read_libraries(life.path), strict=True)
    assert steps == (0, 1, 2)
    sizes = [len(library["experiences"]) for library in libraries]
    assert sizes[0] == 0 < sizes[1] < sizes[2]


def test_a_run_is_found_by_its_folder_and_by_its_name(life: Life) -> None:
    assert find_run(life.path, Path("elsewhere")).path == life.path
    assert find_run(Path(life.path.name), life.path.parent).path == life.path


def test_a_run_that_is_not_there_is_refused_with_those_that_are(life: Life) -> None:
    with pytest.raises(RunError, match=f"no training run at other .* there are: {life.path.name}"):
        find_run(Path("other"), life.path.parent)


def test_an_evaluation_is_no_training_run(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").touch()
    with pytest.raises(RunError, match="is an evaluation"):
        find_run(tmp_path, Path("runs"))
