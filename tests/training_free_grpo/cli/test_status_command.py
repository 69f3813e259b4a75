"""`tfgrpo status` on a run of the embedded model."""

import json
import shutil
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


@pytest.fixture(scope="module")
def evaluated(runs: Path) -> Path:
    """Evaluate with the library of the run, beside it."""
    options = ["--library", "first", "--baseline", "--k", "2", "--limit", "4", "--allow-overlap"]
    place = ["--run", "ev", "--runs-dir", str(runs)]
    data = str(runs.parent / "data.jsonl")
    assert CliRunner().invoke(main, ["evaluate", data, *options, *place]).exit_code == 0
    return runs / "ev"


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


def test_an_evaluation_says_what_each_arm_found_and_the_difference(evaluated: Path) -> None:
    said = status(str(evaluated)).stdout
    assert f"{evaluated}: evaluation, finished, 16 attempts kept" in said
    for words in ("without library: mean@2", "with library: mean@2", "difference: ", "$0.00"):
        assert words in said


def test_json_of_an_evaluation_has_what_it_found(evaluated: Path) -> None:
    told = json.loads(status(str(evaluated), "--json").stdout)
    assert told["state"] == "finished"
    assert told["found"] == json.loads((evaluated / "evaluation.json").read_text("utf-8"))


def test_a_report_of_an_evaluation_is_refused_with_what_to_ask_instead(evaluated: Path) -> None:
    result = CliRunner().invoke(main, ["report", str(evaluated)])
    assert result.exit_code == 2
    assert f"tfgrpo status {evaluated}" in result.stderr


def test_without_a_run_all_of_them_are_told_in_a_line_each(evaluated: Path) -> None:
    lines = status("--runs-dir", str(evaluated.parent)).stdout.splitlines()
    assert [line.split(": ")[1].split(",")[0] for line in lines] == ["evaluation", "finished"]
    told = json.loads(status("--runs-dir", str(evaluated.parent), "--json").stdout)
    assert [run["state"] for run in told["runs"]] == ["finished", "finished"]


def test_a_damaged_run_does_not_hide_the_others(evaluated: Path, tmp_path: Path) -> None:
    runs = Path(shutil.copytree(evaluated.parent, tmp_path / "runs"))
    (runs / "first" / "settings.json").write_text("{")
    lines = status("--runs-dir", str(runs)).stdout.splitlines()
    assert "evaluation, finished" in lines[0]
    assert "cannot read" in lines[1]


def test_where_there_are_no_runs_it_is_said_how_to_make_one(tmp_path: Path) -> None:
    result = status("--runs-dir", str(tmp_path))
    assert result.exit_code == 2
    assert "start one with tfgrpo demo or tfgrpo train" in result.stderr
