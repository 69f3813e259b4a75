"""`tfgrpo train` on the embedded model."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from training_free_grpo.cli import main
from training_free_grpo.simulated import training_problems

QUICK = ["--epochs", "1", "--batch-size", "4", "--group-size", "4"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own, with a data set in it."""
    monkeypatch.chdir(tmp_path)
    rows = training_problems()[:8]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def train(*options: str) -> Result:
    return CliRunner().invoke(main, ["train", "data.jsonl", *QUICK, *options])


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def test_prints_the_lessons_it_learned() -> None:
    result = train()
    assert result.exit_code == 0
    assert "[G0]" in result.stdout


def test_json_is_one_object_alone_on_stdout() -> None:
    result = train("--json")
    assert len(result.stdout.splitlines()) == 1
    assert told(result)["steps"] == 2


def test_progress_goes_to_stderr() -> None:
    result = train("--json")
    assert "step 1 (epoch 1)" in result.stderr
    assert "step 2 (epoch 1)" in result.stderr


def test_says_that_the_model_is_simulated() -> None:
    assert "simulated" in train("--json").stderr


def test_run_lies_in_the_folder_of_its_name() -> None:
    train("--run", "first", "--runs-dir", "elsewhere")
    settings = json.loads(Path("elsewhere/first/settings.json").read_text())
    assert (settings["epochs"], settings["group_size"]) == (1, 4)


def test_flags_go_before_pairs_and_pairs_before_the_file_and_the_file_before_the_preset() -> None:
    Path("options.toml").write_text("group_size = 2\nmax_turns = 5\nmax_operations = 3\n")
    pairs = ["--set", "max_operations=4", "--set", "batch_size=3"]
    train("--preset", "quick", "--config", "options.toml", *pairs)
    found = json.loads(Path("runs/default/settings.json").read_text())
    names = ("epochs", "batch_size", "group_size", "max_turns", "max_operations")
    assert [found[name] for name in names] == [1, 4, 4, 5, 4]


def test_limit_takes_the_first_problems() -> None:
    assert told(train("--limit", "3", "--json"))["metrics"][0]["problems"] == 3


def test_the_same_command_again_changes_nothing() -> None:
    first = told(train("--json"))
    assert told(train("--json")) == first


def test_changed_settings_are_refused_with_the_difference() -> None:
    train()
    result = train("--seed", "7")
    assert result.exit_code == 2
    assert "seed: 42 before, 7 now" in result.stderr
    assert "--fork" in result.stderr


def test_fork_goes_on_from_the_library_of_the_run() -> None:
    first = told(train("--json"))
    forked = told(train("--fork", "second", "--seed", "7", "--json"))
    assert forked["library"]["experiences"].keys() >= first["library"]["experiences"].keys()
    assert json.loads(Path("runs/second/manifest.json").read_text())["parent"] == "default"


def test_goes_on_from_a_library_file() -> None:
    Path("lessons.json").write_text('{"G0": "Fences: count the posts."}')
    found = told(train("--library", "lessons.json", "--json"))
    assert found["library"]["experiences"]["G0"]["content"] == "Fences: count the posts."


def test_repeated_rows_are_noted() -> None:
    Path("data.jsonl").write_text(Path("data.jsonl").read_text() * 2)
    assert "8 of 16 rows repeat a problem" in train().stderr


def test_run_that_learned_nothing_says_why() -> None:
    Path("lenient_grader.py").write_text("def grade(problem, answer):\n    return True\n")
    result = train("--grader", "lenient_grader:grade")
    assert result.exit_code == 0
    assert "nothing was learned" in result.stderr
    assert "8 groups all right" in result.stderr


def test_agent_of_ones_own_makes_the_rollouts() -> None:
    Path("own_agent.py").write_text(
        "from langchain_core.runnables import RunnableLambda\n"
        "def build():\n"
        "    return RunnableLambda(lambda given: r'My own words: \\boxed{3}')\n"
    )
    train("--agent", "own_agent:build")
    assert "My own words" in Path("runs/default/rollouts/step-0001.jsonl").read_text()


def test_a_function_of_messages_is_an_agent() -> None:
    Path("plain_agent.py").write_text(
        "def answer(messages):\n    return f'{len(messages)} message: \\\\boxed{{3}}'\n"
    )
    train("--agent", "plain_agent:answer")
    assert "1 message" in Path("runs/default/rollouts/step-0001.jsonl").read_text()


@pytest.mark.long
def test_a_batch_of_more_than_five_hundred_is_learned_from_as_one() -> None:
    rows = ({"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(501))
    Path("many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    sizes = ["--epochs", "1", "--batch-size", "501", "--set", "directly_generated=true"]
    command = ["train", "many.jsonl", "--model", "simulated", "--run", "many", *sizes]
    done = CliRunner().invoke(main, [*command, "--json"])
    assert done.exit_code == 0, done.stderr
    assert [step["problems"] for step in told(done)["metrics"]] == [501]
    assert CliRunner().invoke(main, ["replay", "many"]).exit_code == 0


def test_an_agent_that_never_answers_stops_the_run_and_the_mended_one_goes_on() -> None:
    agent = Path("stubborn.py")
    agent.write_text("def answer(messages):\n    raise KeyError('customer')\n")
    command = ("--batch-size", "8", "--agent", "stubborn:answer")
    result = train(*command)
    assert result.exit_code == 1
    assert "first rollouts were all lost: the agent failed: KeyError: 'customer'" in result.stderr
    agent.write_text("def answer(messages):\n    return '\\\\boxed{3}'  # mended\n")
    sys.modules.pop("stubborn")
    (step,) = told(train(*command, "--json"))["metrics"]
    assert step["rollouts"] == 32
    assert sum(step["missing"].values()) < 20  # what was lost until it was stopped stays so


class TestPlace:
    """A run has a folder to itself, and writes over nobody's files."""

    def test_folder_with_files_of_others_is_left_alone(self) -> None:
        mine = Path("runs/mine/problems.jsonl")
        mine.parent.mkdir(parents=True)
        mine.write_text('{"problem": "What is 6 times 7?", "answer": "42"}\n')
        result = train("--run", "mine")
        assert result.exit_code == 2
        assert "contains files but no run" in result.stderr
        assert "42" in mine.read_text()

    @pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/tmp/x"])
    def test_name_that_leads_elsewhere_is_refused(self, name: str) -> None:
        result = train("--run", name)
        assert result.exit_code == 2
        assert "is not the name of a run" in result.stderr

    def test_way_to_a_run_means_the_run(self) -> None:
        assert train("--run", "runs/first").exit_code == 0
        assert Path("runs/first/manifest.json").exists()
        assert "nothing is left to do" in train("--run", "first").stderr

    def test_folder_of_an_evaluation_is_refused(self) -> None:
        command = ["evaluate", "data.jsonl", "--model", "simulated", "--run", "measured"]
        assert CliRunner().invoke(main, command).exit_code == 0
        assert "is an evaluation" in train("--run", "measured").stderr

    def test_name_of_another_run_is_refused_before_anything_is_forecast(self) -> None:
        assert train("--run", "first").exit_code == 0
        result = train("--run", "first", "--seed", "7", "--dry-run")
        assert result.exit_code == 2
        assert "seed: 42 before, 7 now" in result.stderr
        assert "forecast" not in result.stderr + result.stdout
