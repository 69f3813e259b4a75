"""`tfgrpo evaluate` on the embedded model."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from training_free_grpo import Settings, build_training_graph, save_library
from training_free_grpo.cli import main
from training_free_grpo.records import Library
from training_free_grpo.simulated import heldout_problems, training_problems


@pytest.fixture(scope="module")
def library() -> Library:
    given = {"problems": training_problems()[:14]}
    context = Settings(epochs=1, batch_size=14)
    learned: Library = build_training_graph().invoke(given, context=context)["library"]
    return learned


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Library) -> None:
    """Work in a folder of one's own, with a data set and a library in it."""
    monkeypatch.chdir(tmp_path)
    rows = heldout_problems()[:14]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    save_library(library, "lessons.json")


def evaluate(*options: str) -> Result:
    result = CliRunner().invoke(main, ["evaluate", "data.jsonl", *options])
    assert result.exit_code == 0, result.output
    return result


def told(*options: str) -> Any:
    return json.loads(evaluate(*options, "--json").stdout.splitlines()[-1])


def test_prints_the_mean_over_k_attempts() -> None:
    result = evaluate("--k", "2")
    assert "mean@2" in result.stdout
    assert "14 problems" in result.stdout


def test_json_is_one_object_alone_on_stdout() -> None:
    assert len(evaluate("--json").stdout.splitlines()) == 1


def test_progress_goes_to_stderr() -> None:
    assert "14 problems × 2" in evaluate("--k", "2", "--json").stderr


def test_without_baseline_there_is_one_evaluation() -> None:
    found = told("--library", "lessons.json")
    assert list(found["evaluations"]) == ["with library"]
    assert found["difference"] is None


def test_without_a_library_there_is_one_evaluation_without_it() -> None:
    assert list(told()["evaluations"]) == ["without library"]


def test_baseline_without_a_library_is_refused_with_the_remedy() -> None:
    result = CliRunner().invoke(main, ["evaluate", "data.jsonl", "--baseline"])
    assert result.exit_code == 2
    assert "name one with --library" in result.stderr


def test_baseline_shows_the_paired_gain_of_the_library() -> None:
    found = told("--library", "lessons.json", "--baseline", "--k", "2")
    before, after = found["evaluations"].values()
    assert before["mean"] < after["mean"]
    assert found["difference"]["interval"][0] > 0
    assert found["difference"]["problems"] == 14


def test_an_evaluation_that_is_kept_is_not_made_twice() -> None:
    first = told("--run", "kept", "--k", "2")
    calls = sqlite3.connect("runs/kept/calls.sqlite")
    count = "SELECT COUNT(*), MAX(rowid) FROM calls"
    made = calls.execute(count).fetchone()
    assert told("--run", "kept", "--k", "2") == first
    assert calls.execute(count).fetchone() == made
    calls.close()
    assert json.loads(Path("runs/kept/evaluation.json").read_text()) == first


def test_an_evaluation_does_not_go_into_the_folder_of_a_training_run() -> None:
    trained = CliRunner().invoke(main, ["train", "data.jsonl", "--run", "first", "--epochs", "1"])
    assert trained.exit_code == 0, trained.output
    result = CliRunner().invoke(main, ["evaluate", "data.jsonl", "--run", "first"])
    assert result.exit_code == 2
    assert "another name" in result.stderr


def test_baseline_is_told_in_words_too() -> None:
    assert "paired by problem" in evaluate("--library", "lessons.json", "--baseline").stdout


def test_library_may_be_a_run_folder() -> None:
    Path("run").mkdir()
    Path("lessons.json").rename("run/library.json")
    assert list(told("--library", "run")["evaluations"]) == ["with library"]


def test_the_same_evaluation_twice_is_identical() -> None:
    assert told("--k", "2") == told("--k", "2")


def test_limit_takes_the_first_problems() -> None:
    assert told("--limit", "3")["evaluations"]["without library"]["problems"] == 3


def test_nothing_is_written() -> None:
    evaluate("--library", "lessons.json")
    assert {path.name for path in Path.cwd().iterdir()} == {"data.jsonl", "lessons.json"}
