"""`tfgrpo status` on a run of the embedded model."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from training_free_grpo.cli import main
from training_free_grpo.simulated import training_problems

SIZES = ["--epochs", "1", "--batch-size", "4", "--group-size", "3"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    rows = "".join(json.dumps(row) + "\n" for row in training_problems()[:8])
    (folder / "data.jsonl").write_text(rows, "utf-8")
    runs = ["--run", "first", "--runs-dir", str(folder / "runs")]
    result = CliRunner().invoke(main, ["train", str(folder / "data.jsonl"), *SIZES, *runs])
    assert result.exit_code == 0
    return folder / "runs"


def status(*options: str) -> Result:
    return CliRunner().invoke(main, ["status", *options])


def test_says_how_far_the_run_is_and_what_is_next(runs: Path) -> None:
    said = status("first", "--runs-dir", str(runs)).stdout
    assert "finished, 2 of 2 steps" in said
    assert "$0.00" in said
    assert f"tfgrpo report {runs / 'first'}" in said


def test_json_is_the_status_in_one_object(runs: Path) -> None:
    told = json.loads(status(str(runs / "first"), "--json").stdout)
    assert (told["state"], told["steps"], told["missing"]) == ("finished", 2, {})
    assert told["next"].startswith("tfgrpo report")


def test_a_run_that_is_not_there_is_bad_input(runs: Path) -> None:
    result = status("second", "--runs-dir", str(runs))
    assert result.exit_code == 2
    assert "there are: first" in result.stderr
