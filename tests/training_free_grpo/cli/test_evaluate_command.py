"""`tfgrpo evaluate` on the embedded model."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from training_free_grpo import Settings, build_training_graph, save_library
from training_free_grpo.cli import main
from training_free_grpo.records import Library
from training_free_grpo.simulated import heldout_problems, training_problems

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("TFGRPO_DATA") or ROOT.parent / "shared" / "data").resolve()
SOLUTIONS = "labelled_math_qwen800.jsonl"


@pytest.fixture(scope="module")
def library() -> Library:
    given = {"problems": training_problems()[:42]}
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


def without_times(value: Any) -> Any:
    """Return what an evaluation found, without what differs from one day to the next."""
    if isinstance(value, dict):
        return {name: without_times(v) for name, v in value.items() if name != "seconds"}
    return value


def record(*rows: tuple[str, str, str]) -> None:
    """Write recorded answers: problem, gold, response."""
    fields = ("problem", "gold", "response")
    lines = (json.dumps(dict(zip(fields, row, strict=True))) + "\n" for row in rows)
    Path("answers.jsonl").write_text("".join(lines), "utf-8")


def grade(*options: str) -> Result:
    """Grade recorded answers."""
    return CliRunner().invoke(main, ["evaluate", "--recorded", "answers.jsonl", *options])


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


@pytest.mark.long
def test_baseline_shows_the_paired_gain_of_the_library() -> None:
    found = told("--library", "lessons.json", "--baseline", "--k", "8")
    before, after = found["evaluations"].values()
    assert before["mean"] < after["mean"]
    assert found["difference"]["interval"][0] > 0
    assert found["difference"]["problems"] == 14


def test_an_evaluation_that_is_kept_is_not_made_twice() -> None:
    first = told("--run", "kept", "--k", "2")
    assert json.loads(Path("runs/kept/evaluation.json").read_text()) == first
    calls = sqlite3.connect("runs/kept/calls.sqlite")
    count = "SELECT COUNT(*), MAX(rowid) FROM calls"
    made = calls.execute(count).fetchone()
    assert without_times(told("--run", "kept", "--k", "2")) == without_times(first)
    assert calls.execute(count).fetchone() == made
    calls.close()


def test_an_evaluation_does_not_go_into_the_folder_of_a_training_run() -> None:
    trained = CliRunner().invoke(main, ["train", "data.jsonl", "--run", "first", "--epochs", "1"])
    assert trained.exit_code == 0, trained.output
    result = CliRunner().invoke(main, ["evaluate", "data.jsonl", "--run", "first"])
    assert result.exit_code == 2
    assert "another name" in result.stderr


def test_problems_that_were_trained_on_are_refused_unless_allowed() -> None:
    trained = CliRunner().invoke(main, ["train", "data.jsonl", "--run", "first", "--epochs", "1"])
    assert trained.exit_code == 0, trained.output
    result = CliRunner().invoke(main, ["evaluate", "data.jsonl", "--library", "first"])
    assert result.exit_code == 2
    assert "--allow-overlap" in result.stderr
    assert "mean@1" in evaluate("--library", "first", "--allow-overlap").stdout


def test_baseline_is_told_in_words_too() -> None:
    assert "paired by problem" in evaluate("--library", "lessons.json", "--baseline").stdout


@pytest.mark.long
def test_a_difference_beyond_noise_is_called_so() -> None:
    said = evaluate("--library", "lessons.json", "--baseline", "--k", "8").stdout.splitlines()[-1]
    assert ": more than noise; about" in said


def test_a_difference_within_noise_is_called_so_with_the_problems_it_takes() -> None:
    few = ("--library", "lessons.json", "--baseline", "--limit", "3")
    assert ": not distinguishable from noise" in evaluate(*few).stdout.splitlines()[-1]


def test_more_attempts_tell_more_figures() -> None:
    said = evaluate("--k", "4").stdout
    assert [name for name in ("pass@2 ", "pass@4 ", "pass^4 ", "majority@4 ") if name in said] == [
        "pass@2 ",
        "pass@4 ",
        "pass^4 ",
        "majority@4 ",
    ]


def test_table_has_a_line_for_every_problem_of_every_arm() -> None:
    said = evaluate("--library", "lessons.json", "--baseline", "--k", "2", "--table").stdout
    ids = [row["id"] for row in heldout_problems()[:14]]
    assert [sum(line.startswith(f"{id} ") for line in said.splitlines()) for id in ids] == [2] * 14


def test_json_has_the_rows_of_every_problem() -> None:
    found = told("--k", "2")["evaluations"]["without library"]
    rows = found["by_problem"]
    assert rows.keys() == found["rewards"].keys()
    assert all(row["usage"]["input"] > 0 and row["seconds"] > 0 for row in rows.values())
    assert sum(row["usage"]["calls"] for row in rows.values()) == found["usage"]["rollout"]["calls"]


def test_recorded_answers_are_graded_by_problem_without_a_model() -> None:
    record(
        ("1 + 1?", "2", r"\boxed{2}"),
        ("2 + 2?", "4", r"\boxed{5}"),
        ("1 + 1?", "2", r"\boxed{3}"),
        ("1 + 1?", "2", r"\boxed{2}"),
    )
    result = grade("--json")
    found = json.loads(result.stdout)["evaluations"]["recorded"]
    assert sorted(found["rewards"].values()) == [[0.0], [1.0, 0.0, 1.0]]
    assert (found["mean"], found["attempts"]) == (pytest.approx(1 / 3), 3)
    assert (found["majority"]["value"], found["usage"]) == (0.5, {})


def test_recorded_answers_that_cannot_be_graded_are_missing_and_not_wrong() -> None:
    Path("strict.py").write_text("def grade(problem, answer):\n    return {'8': 1.0}[answer]\n")
    record(("3 + 5?", "8", "8"), ("3 + 5?", "8", "eight"))
    result = grade("--grader", "strict:grade")
    assert "mean@2 100.0 %" in result.stdout
    assert "1 attempts missing" in result.stdout
    assert "KeyError" in result.stdout


def test_undecided_answers_are_told_apart_from_missing_ones_with_a_remedy() -> None:
    record(("Who?", "Barack Obama", "Obama"), ("Where?", "Paris", "Paris"))
    result = grade("--grader", "qa")
    assert "1 undecided by the grader" in result.stdout
    assert "missing" not in result.stdout
    assert "the grader left 1 of 2 attempts undecided (50%)" in result.stdout
    assert "Set judge_model" in result.stdout
    assert "whether the answer Obama means the expected Barack Obama" in " ".join(
        result.stdout.split()
    )


def test_recorded_answers_leave_nothing_to_say_about_how_to_make_them() -> None:
    record(("1 + 1?", "2", "2"))
    result = grade("--library", "lessons.json", "--k", "2")
    assert result.exit_code == 2
    assert "leave out --library, --k" in result.stderr


def test_a_row_without_an_answer_is_named() -> None:
    Path("answers.jsonl").write_text('{"problem": "1 + 1?", "gold": "2"}\n')
    result = grade()
    assert result.exit_code == 2
    assert "answers.jsonl, line 1" in result.stderr
    assert "'response'" in result.stderr


def test_nothing_to_evaluate_is_refused_with_the_remedy() -> None:
    result = CliRunner().invoke(main, ["evaluate"])
    assert result.exit_code == 2
    assert "--recorded FILE" in result.stderr


@pytest.mark.skipif(
    not (DATA / SOLUTIONS).exists(),
    reason=f"no recorded solutions in {DATA}; name their folder in TFGRPO_DATA",
)
def test_published_solutions_fall_apart_as_people_found() -> None:
    result = CliRunner().invoke(main, ["evaluate", "--recorded", str(DATA / SOLUTIONS), "--json"])
    found = json.loads(result.stdout)["evaluations"]["recorded"]
    assert (found["problems"], found["attempts"]) == (100, 8)
    assert found["mean"] == pytest.approx(0.91, abs=0.005)
    # 10, 86 and 4 as published; a hand decided otherwise for one of the four.
    assert (found["all_right"], found["all_wrong"]) == (86, 3)


def test_library_may_be_a_run_folder() -> None:
    Path("run").mkdir()
    Path("lessons.json").rename("run/library.json")
    assert list(told("--library", "run")["evaluations"]) == ["with library"]


def test_the_same_evaluation_twice_is_identical() -> None:
    assert without_times(told("--k", "2")) == without_times(told("--k", "2"))


def test_limit_takes_the_first_problems() -> None:
    assert told("--limit", "3")["evaluations"]["without library"]["problems"] == 3


def test_nothing_is_written() -> None:
    evaluate("--library", "lessons.json")
    assert {path.name for path in Path.cwd().iterdir()} == {"data.jsonl", "lessons.json"}
