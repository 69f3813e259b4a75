"""What a user can mend is said in one clear message, and costs nothing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training_free_grpo.cli import main
from training_free_grpo.simulated import training_problems

MODULE = """
number = 3
text = "not a runnable"
def none():
    return None
def fail():
    raise ValueError("out of tea")
"""
FILES = {
    "good.jsonl": json.dumps(training_problems()[0]),
    "row.jsonl": '{"problem": "What is 1 + 1?", "answer": "2"}\n{"prompt": "What is 2 + 2?"}\n',
    "broken.jsonl": '{"problem": "What is 1 + 1?", "answer": "2"}\n{"problem": \n',
    "empty.jsonl": "\n",
    "page.jsonl": "<!DOCTYPE html>\n<html></html>\n",
    "pointer.jsonl": "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n",
    "untrue.jsonl": '{"problem": "What is 1 + 1?"}\n{"problem": "What is 2 + 2?"}\n',
    "twice.jsonl": '{"problem": "1 + 1?", "answer": 2}\n{"problem": "1 + 1?", "answer": 3}\n',
    "nan.jsonl": '{"problem": "What is 1 + 1?", "answer": NaN}\n',
    "nested.jsonl": '{"problem": "What is 1 + 1?", "answer": {"value": 2}}\n',
    "table.csv": "What is 1 + 1?,2\n",
    "unknown.toml": "group_sise = 4\n",
    "bounds.toml": "epochs = 0\n",
    "broken.toml": "epochs = = 0\n",
    "damaged.json": '{"format": 1, "experiences": 3}',
    "newer.json": '{"format": 2}',
    "torn.json": '{"format": 1, "exp',
    "users_module.py": MODULE,
    "broken_module.py": "1 / 0\n",
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name, text in FILES.items():
        Path(name).write_text(text)


def check(said: list[str], command: list[str]) -> None:
    """Run a command that must be refused with one message that says all this."""
    result = CliRunner().invoke(main, command)
    message = result.stderr
    assert result.exit_code == 2, result.output
    assert message.count("tfgrpo: ") == 1
    assert "Traceback" not in message
    assert result.stdout == ""
    assert [part for part in said if part not in message] == [], message
    assert not Path("runs").exists()


DATA = {
    "missing file": ("nowhere.jsonl", ["nowhere.jsonl", "No such file"]),
    "bad row": ("row.jsonl", ["row.jsonl, row 2", "'problem'", "'question'", "prompt"]),
    "broken line": ("broken.jsonl", ["broken.jsonl, row 2", "not JSON"]),
    "no rows": ("empty.jsonl", ["empty.jsonl", "no problems"]),
    "unknown name": ("aime2024", ["'aime2024'", "did you mean 'aime24'", "webwalkerqa", "hf:"]),
    "web page": ("page.jsonl", ["page.jsonl", "web page", "download the raw file"]),
    "Git LFS pointer": ("pointer.jsonl", ["pointer.jsonl", "git lfs pull"]),
    "one problem, two truths": ("twice.jsonl", ["twice.jsonl, row 2", "row 1", "other answers"]),
    "answer NaN": ("nan.jsonl", ["nan.jsonl, row 1", "'answer'", "nan"]),
    "nested answer": ("nested.jsonl", ["nested.jsonl, row 1", "'answer'", "--map answer="]),
    "table without a header": ("table.csv", ["table.csv", "first line", "problem,answer"]),
    "folder": (".", ["is a folder"]),
    "no place on the hub": (
        "hf:own/er:con:fig:split",
        ["hf:own/er:con:fig:split", "hf:owner/name:config:split"],
    ),
}

OPTIONS: dict[str, tuple[list[str], list[str]]] = {
    "unknown setting": (["--set", "group_sise=4"], ["'group_sise'", "group_size"]),
    "no pair": (["--set", "group_size"], ["'group_size'", "NAME=VALUE"]),
    "no number": (["--set", "seed=many"], ["'seed'", "'many'", "integer"]),
    "unknown setting in a file": (["--config", "unknown.toml"], ["'group_sise'", "group_size"]),
    "out of bounds in a file": (
        ["--config", "bounds.toml"],
        ["'epochs'", "0", "greater than or equal to 1"],
    ),
    "broken file": (["--config", "broken.toml"], ["broken.toml", "line 1"]),
    "missing config": (["--config", "nowhere.toml"], ["nowhere.toml", "No such file"]),
    "temperature out of bounds": (
        ["--temperature", "3"],
        ["temperature'", "3", "less than or equal to 2"],
    ),
    "unknown preset": (["--preset", "fast"], ["'fast'", "paper-math", "quick"]),
    "no key": (["--model", "openai:gpt-5"], ["OPENAI_API_KEY", "--base-url", "simulated"]),
    "bad address": (
        ["--model", "openai:local", "--base-url", "localhost:8000"],
        ["'base_url'", "'localhost:8000'", "http://"],
    ),
    "unknown provider": (["--model", "nobody:gpt"], ["'model'", "'nobody:gpt'"]),
    "no recording": (["--model", "recorded:nowhere.jsonl"], ["nowhere.jsonl"]),
    "agent without a colon": (["--agent", "users_module"], ["'users_module'", "module:attr"]),
    "agent without a module": (["--agent", "nobody_here:x"], ["'nobody_here", "no module"]),
    "agent without an attribute": (["--agent", "users_module:agent"], ["'agent'", "number"]),
    "agent in a broken module": (["--agent", "broken_module:agent"], ["ZeroDivisionError"]),
    "agent that is none": (["--agent", "users_module:number"], ["int", "runnable", "graph"]),
    "agent whose maker fails": (["--agent", "users_module:fail"], ["ValueError", "out of tea"]),
    "agent that is made of nothing": (["--agent", "users_module:none"], ["None", "runnable"]),
    "unknown grader": (["--grader", "kind"], ["'kind'", "math", "module:attr"]),
    "grader without a module": (["--grader", "nobody_here:x"], ["nobody_here", "no module"]),
    "grader without an attribute": (["--grader", "users_module:grade"], ["'grade'"]),
    "grader that is none": (["--grader", "users_module:text"], ["str", "function"]),
    "missing library": (["--library", "nowhere.json"], ["nowhere.json", "No such file"]),
    "damaged library": (["--library", "damaged.json"], ["damaged.json", "damaged"]),
    "torn library": (["--library", "torn.json"], ["torn.json"]),
    "library of tomorrow": (["--library", "newer.json"], ["newer.json", "2", "update"]),
}


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize(("file", "said"), DATA.values(), ids=DATA)
def test_bad_data_set_is_named_with_its_row(command: str, file: str, said: list[str]) -> None:
    check(said, [command, file])


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize(("options", "said"), OPTIONS.values(), ids=OPTIONS)
def test_bad_option_is_named_with_its_value(
    command: str, options: list[str], said: list[str]
) -> None:
    check(said, [command, "good.jsonl", *options])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--group-size", "0"], ["'group_size'", "0", "greater than or equal to 1"]),
        (["--map", "answer"], ["'answer'", "problem=FIELD"]),
        (["--map", "anser=x"], ["'anser'", "did you mean 'answer'"]),
        (
            ["--map", "answer=truth"],
            ["good.jsonl, row 1", "'truth'", "fields: id, problem, answers"],
        ),
        (["--sample", "2"], ["cannot draw 2 problems", "good.jsonl holds 1"]),
        (["--fork", "second"], ["'default'", "fork"]),
        (["--reflection-model", "nobody:gpt"], ["'nobody:gpt'"]),
    ],
)
def test_bad_option_of_training_is_named(options: list[str], said: list[str]) -> None:
    check(said, ["train", "good.jsonl", *options])


def test_truths_that_the_grader_lacks_are_missed_before_anything_is_spent() -> None:
    check(["untrue.jsonl, rows 1, 2", "no answer", "grader"], ["train", "untrue.jsonl"])


def test_bad_number_of_attempts_is_named() -> None:
    check(["'attempts'", "0", "greater than or equal to 1"], ["evaluate", "good.jsonl", "--k=0"])


@pytest.mark.parametrize("name", ["nowhere.json", "damaged.json", "torn.json"])
@pytest.mark.parametrize(
    "command", [["show"], ["diff", "good.json"], ["export"]], ids=["show", "diff", "export"]
)
def test_bad_library_is_named(command: list[str], name: str) -> None:
    Path("good.json").write_text("{}")
    check([name], ["library", *command, name])


def test_unknown_form_is_named_with_those_there_are() -> None:
    Path("good.json").write_text("{}")
    check(["'xml'", "markdown"], ["library", "export", "good.json", "--format", "xml"])


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_endpoint_that_is_not_there_fails_before_anything_is_spent(command: str) -> None:
    address = "http://127.0.0.1:9/v1"
    model = ["--model", "openai:local", "--base-url", address]
    result = CliRunner().invoke(main, [command, "good.jsonl", *model])
    assert result.exit_code == 1
    assert f"cannot reach {address}" in result.stderr
    assert "Traceback" not in result.output
    assert not list(Path.cwd().glob("runs/*/*.json"))
    assert not list(Path.cwd().glob("runs/*/rollouts/*"))


@pytest.mark.process
def test_run_can_be_started_once_its_endpoint_is_named_right() -> None:
    wrong = ["--model", "openai:local", "--base-url", "http://127.0.0.1:9/v1"]
    quick = ["train", "good.jsonl", "--epochs", "1", "--group-size", "2"]
    assert CliRunner().invoke(main, [*quick, *wrong]).exit_code == 1
    assert CliRunner().invoke(main, quick).exit_code == 0
