import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training_free_grpo.cli.app import main
from training_free_grpo.simulated import training_problems

TRAIN = ("--model", "simulated", "--epochs", "2", "--batch-size", "20", "--group-size", "5")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train one run that hides lessons, and one that does not."""
    found = tmp_path_factory.mktemp("effects")
    data = found / "train.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in training_problems()[:40]), "utf-8")
    for run, more in ("hidden", ["--set", "hide=0.2"]), ("plain", []):
        ran = CliRunner().invoke(
            main, ["train", str(data), *TRAIN, "--run", run, "--runs-dir", str(found), *more]
        )
        assert ran.exit_code == 0, ran.output
    return found


def run(folder: Path, *arguments: str) -> str:
    found = CliRunner().invoke(main, ["library", "effects", *arguments, "--runs-dir", str(folder)])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_every_lesson_has_its_effect_and_the_attempts_behind_it(folder: Path) -> None:
    effects = json.loads(run(folder, "hidden", "--json"))["effects"]
    library = json.loads((folder / "hidden" / "library.json").read_text("utf-8"))
    assert {effect["id"] for effect in effects} == set(library["experiences"])
    known = [effect for effect in effects if effect["interval"]]
    assert known
    for effect in known:
        assert effect["interval"][0] < effect["effect"] < effect["interval"][1]
        assert 4 * effect["without_it"] == effect["with_it"]


def test_attempts_record_what_was_hidden_from_them(folder: Path) -> None:
    file = folder / "hidden" / "rollouts" / "step-0002.jsonl"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert any(line["hidden"] for line in lines)
    assert not any(set(line["hidden"]) & set(line["lessons"]) for line in lines)


def test_the_table_names_each_lesson(folder: Path) -> None:
    said = run(folder, "hidden")
    assert "G0" in said
    assert "95 % interval" in said


def test_a_run_without_hidden_lessons_says_how_to_measure_them(folder: Path) -> None:
    assert "--set hide=0.2" in run(folder, "plain")


def test_a_run_that_is_not_there_is_refused(folder: Path) -> None:
    found = CliRunner().invoke(main, ["library", "effects", "none", "--runs-dir", str(folder)])
    assert found.exit_code == 2
