"""What `tfgrpo train` does with the data sets it is given, and what a run has seen."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from training_free_grpo.cli import main
from training_free_grpo.datasets import DatasetError, read_problems
from training_free_grpo.library import load_library
from training_free_grpo.session.places import read_library_like
from training_free_grpo.session.problems import check_unseen, compares, defaults_of, grader_of
from training_free_grpo.simulated import training_problems

QUICK = ["--epochs", "1", "--batch-size", "4", "--group-size", "2"]
ROWS = training_problems()[:8]
UNTRUE = "def accept(problem, answer):\n    return 1.0\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own, with data sets in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFGRPO_DATA", "copies")
    Path("copies").mkdir()
    write("copies/aime24.jsonl", ROWS)
    write("data.jsonl", ROWS)


def write(name: str, rows: list[Any]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def train(dataset: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["train", dataset, *QUICK, *options])


def problems_of(result: Result) -> int:
    assert result.exit_code == 0, result.output
    steps = json.loads(result.stdout.splitlines()[-1])["metrics"]
    return sum(step["problems"] for step in steps)


@pytest.mark.process
def test_a_named_set_is_trained_on_from_its_copy() -> None:
    assert problems_of(train("aime24", "--json")) == 8


def test_a_sample_is_drawn_and_a_limit_taken() -> None:
    assert problems_of(train("data.jsonl", "--sample", "5", "--limit", "3", "--json")) == 3


def test_fields_are_mapped() -> None:
    rows = [{"Q": row["problem"], "A": {"value": row["answers"][0]}} for row in ROWS[:4]]
    write("other.jsonl", rows)
    options = ["--map", "problem=Q", "--map", "answer=A.value", "--json"]
    assert problems_of(train("other.jsonl", *options)) == 4


def test_what_is_noteworthy_is_said_on_stderr() -> None:
    write("repeats.jsonl", ROWS[:4] * 2)
    assert "note: repeats.jsonl: 4 of 8 rows repeat a problem" in train("repeats.jsonl").stderr


def test_a_set_without_truths_is_trained_on_with_a_grader_that_needs_none() -> None:
    Path("lenient.py").write_text(UNTRUE)
    write("untrue.jsonl", [{"problem": row["problem"]} for row in ROWS[:4]])
    options = ["--grader", "lenient:accept", "--json"]
    assert problems_of(train("untrue.jsonl", *options)) == 4


def test_a_set_without_truths_is_enough_for_lessons_from_the_problems_alone() -> None:
    write("untrue.jsonl", [{"problem": row["problem"]} for row in ROWS[:4]])
    assert problems_of(train("untrue.jsonl", "--set", "directly_generated=true", "--json")) == 4


@pytest.mark.parametrize("id", ["../../../escape", "/escape", "a/b", "..", "con:aux"])
def test_an_id_that_looks_like_a_path_leads_nowhere(id: str, tmp_path: Path) -> None:
    write("paths.jsonl", [{**ROWS[0], "id": id}])
    before = set(tmp_path.parent.rglob("*"))
    assert problems_of(train("paths.jsonl", "--json")) == 1
    new = set(tmp_path.parent.rglob("*")) - before
    assert all(tmp_path / "runs" in [path, *path.parents] for path in new)


@pytest.mark.parametrize(
    ("grader", "dataset", "name"),
    [
        ("auto", "aime24", "math"),
        ("auto", "popqa", "qa"),
        ("auto", "webwalkerqa", "judge"),
        ("auto", "data.jsonl", "math"),
        ("math", "popqa", "math"),
        ("mine:grade", "popqa", "mine:grade"),
    ],
)
def test_the_grader_is_that_of_the_set_unless_another_is_named(
    grader: str, dataset: str, name: str
) -> None:
    assert grader_of(grader, dataset) == name
    assert compares(name) == (name != "mine:grade")


@pytest.mark.parametrize(
    ("dataset", "defaults"),
    [
        ("aime25", {"attempts": 32, "tools": "python"}),
        ("afm-100", {"attempts": 1, "tools": "search,pages"}),
        ("a.csv", {}),
    ],
)
def test_a_named_set_is_measured_as_results_are_published(
    dataset: str, defaults: dict[str, Any]
) -> None:
    assert defaults_of(dataset) == defaults


@pytest.mark.parametrize(("said", "tools"), [([], "python"), (["--set", "tools=none"], "none")])
def test_a_named_set_brings_its_tools_unless_others_are_named(said: list[str], tools: str) -> None:
    assert train("aime24", "--run", "first", *said).exit_code == 0
    assert json.loads(Path("runs/first/settings.json").read_text())["tools"] == tools


@pytest.mark.parametrize(
    "library", ["first", "runs/first", "runs/first/library.json", "second"], ids=str
)
def test_problems_that_a_library_was_learned_from_are_refused(library: str) -> None:
    assert train("data.jsonl", "--run", "first", "--limit", "4").exit_code == 0
    write("more.jsonl", ROWS[4:6])
    assert train("more.jsonl", "--run", "first", "--fork", "second").exit_code == 0
    seen, _ = read_problems([ROWS[0], {"problem": "never seen"}])
    with pytest.raises(DatasetError, match=f"1 of 2 problems .*ids {ROWS[0]['id']}"):
        check_unseen([read_library_like(Path(library), Path("runs"))], seen, allowed=False)


def test_problems_that_a_library_was_not_learned_from_are_fine() -> None:
    assert train("data.jsonl", "--run", "first", "--limit", "4").exit_code == 0
    check_unseen([read_library_like(Path("first"), Path("runs"))], ROWS[4:], allowed=False)


@pytest.mark.parametrize("how", ["directly_generated", "before its first rollout"])
def test_problems_that_were_never_attempted_are_known_too(how: str) -> None:
    options = ["--set", "directly_generated=true"] if how == "directly_generated" else []
    assert train("data.jsonl", "--run", "first", *options).exit_code == 0
    shutil.rmtree("runs/first/rollouts", ignore_errors=True)
    with pytest.raises(DatasetError, match="8 of 8 problems were trained on"):
        check_unseen([read_library_like(Path("first"), Path("runs"))], ROWS, allowed=False)


def test_an_old_run_tells_its_problems_by_its_rollouts() -> None:
    assert train("data.jsonl", "--run", "first", "--limit", "4").exit_code == 0
    Path("runs/first/problems.jsonl").unlink()
    with pytest.raises(DatasetError, match="4 of 8 problems were trained on"):
        check_unseen([read_library_like(Path("first"), Path("runs"))], ROWS, allowed=False)


@pytest.mark.parametrize("fork", [True, False])
def test_a_library_to_start_from_brings_the_problems_of_its_run(fork: bool) -> None:
    write("few.jsonl", ROWS[:4])
    write("others.jsonl", ROWS[4:6])
    assert train("few.jsonl", "--run", "first").exit_code == 0
    assert train("others.jsonl", "--run", "second").exit_code == 0
    new = ["--run", "second", "--fork", "third"] if fork else ["--run", "third"]
    assert train("others.jsonl", *new, "--library", "first").exit_code == 0
    with pytest.raises(DatasetError, match="4 of 4 problems were trained on"):
        check_unseen([read_library_like(Path("third"), Path("runs"))], ROWS[:4], allowed=False)


def test_a_library_that_was_copied_out_of_its_run_names_its_problems_by_their_ids() -> None:
    assert train("data.jsonl", "--run", "first").exit_code == 0
    lessons = load_library("runs/first")["experiences"].values()
    named = {id for lesson in lessons for id in lesson["created"]["problems"]}
    assert named
    Path("elsewhere").mkdir()
    shutil.copy("runs/first/library.json", "elsewhere/lessons.json")
    with pytest.raises(DatasetError, match=f"{len(named)} of 8 problems have ids of problems"):
        check_unseen(
            [read_library_like(Path("elsewhere/lessons.json"), Path("runs"))], ROWS, allowed=False
        )


def test_another_problem_under_the_id_of_one_that_a_run_knows_is_fine() -> None:
    assert train("data.jsonl", "--run", "first").exit_code == 0
    others, _ = read_problems([{"id": row["id"], "problem": f"not {row['id']}"} for row in ROWS])
    check_unseen([read_library_like(Path("first"), Path("runs"))], others, allowed=False)


def test_an_overlap_that_is_allowed_is_noted() -> None:
    assert train("data.jsonl", "--run", "first", "--limit", "4").exit_code == 0
    (noted,) = check_unseen([read_library_like(Path("first"), Path("runs"))], ROWS, allowed=True)
    assert "4 of 8 problems were trained on" in noted
    assert "--allow-overlap" not in noted
