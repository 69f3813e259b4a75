"""Logs for Inspect, from the command line."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from training_free_grpo.cli import main
from training_free_grpo.simulated import training_problems

pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")

TRAIN = ["train", "data.jsonl", "--run", "first", "--epochs", "1"]
SIZES = ["--batch-size", "2", "--group-size", "2"]
EVALUATE = ["evaluate", "data.jsonl", "--k", "2", "--allow-overlap"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own, with a data set in it."""
    monkeypatch.chdir(tmp_path)
    rows = training_problems()[:4]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def logs(folder: str) -> list[str]:
    return sorted(file.name for file in Path(folder).iterdir())


STEPS = ["first-step-0001.eval", "first-step-0002.eval"]


def test_training_writes_a_log_of_each_step_into_the_run() -> None:
    assert run(*TRAIN, *SIZES, "--inspect-logs").exit_code == 0
    assert logs("runs/first/inspect") == STEPS


def test_finished_run_gets_its_logs_by_the_same_command() -> None:
    assert run(*TRAIN, *SIZES).exit_code == 0
    assert run(*TRAIN, *SIZES, "--inspect-dir", "logs").exit_code == 0
    assert logs("logs") == STEPS


def test_any_run_gets_its_logs_by_its_name() -> None:
    run(*TRAIN, *SIZES)
    first, again = (run("inspect-logs", "first", "--json") for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert [Path(log).name for log in json.loads(first.stdout)["logs"]] == STEPS
    assert json.loads(again.stdout)["logs"] == []
    assert logs("runs/first/inspect") == STEPS


def test_evaluation_writes_a_log_of_each_arm() -> None:
    from inspect_ai.log import read_eval_log

    run(*TRAIN, *SIZES)
    arms = ["--run", "test", "--library", "first", "--baseline", "--inspect-logs"]
    done = run(*EVALUATE, *arms, "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout.splitlines()[-1])["evaluations"]
    for arm, evaluation in found.items():
        log = read_eval_log(f"runs/test/inspect/test-{arm.replace(' ', '-')}.eval")
        rewards: dict[str, list[object]] = {}
        for sample in log.samples or []:
            rewards.setdefault(str(sample.id), []).append((sample.scores or {})["math"].value)
            assert (sample.scores or {})["math"].explanation
            assert sample.messages[0].text == sample.input
        assert rewards == evaluation["rewards"]
        assert log.results is not None
        assert log.results.scores[0].metrics["mean"].value == evaluation["mean"]
    assert len(found) == 2


def test_finished_evaluation_gets_its_logs_by_the_same_command() -> None:
    first = run(*EVALUATE, "--run", "test", "--json")
    again = run(*EVALUATE, "--run", "test", "--inspect-logs", "--json")
    told = [json.loads(done.stdout.splitlines()[-1])["evaluations"] for done in (first, again)]
    assert told[0]["without library"]["usage"] == told[1]["without library"]["usage"]
    assert logs("runs/test/inspect") == ["test-without-library.eval"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*EVALUATE, "--inspect-logs"], "give --run NAME or --inspect-dir DIR"),
        ([*TRAIN, "--inspect-dir", "data.jsonl"], "--inspect-dir data.jsonl is a file"),
        (["evaluate", "--recorded", "data.jsonl", "--inspect-dir", "x"], "leave out --inspect-dir"),
        (["inspect-logs", "none"], "there is no training run"),
    ],
    ids=["no place", "a file", "recorded answers", "no run"],
)
def test_what_cannot_be_logged_is_refused_before_any_call(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", [TRAIN, EVALUATE, ["inspect-logs", "first"]], ids=" ".join)
def test_without_the_extra_the_remedy_is_told(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    asked = [] if command[0] == "inspect-logs" else ["--inspect-dir", "logs"]
    done = run(*command, *asked)
    assert done.exit_code == 2
    assert "pip install 'training-free-grpo[inspect]'" in done.stderr


@pytest.mark.long
def test_an_evaluation_of_more_than_five_hundred_problems_gets_its_log() -> None:
    rows = ({"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(501))
    Path("many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    command = ["evaluate", "many.jsonl", "--model", "simulated", "--set", "tools=none"]
    done = run(*command, "--run", "many", "--inspect-logs")
    assert done.exit_code == 0, done.stderr
    assert logs("runs/many/inspect") == ["many-without-library.eval"]
