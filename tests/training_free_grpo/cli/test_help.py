"""Every command tells what it does, with an example."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training_free_grpo import __version__
from training_free_grpo.cli import main
from training_free_grpo.cli.app import COMMANDS as LISTED
from training_free_grpo.cli.app import load_commands

COMMANDS = [
    ["demo"],
    ["train"],
    ["evaluate"],
    ["paper"],
    ["report"],
    ["inspect-logs"],
    ["status"],
    ["doctor"],
    ["library", "show"],
    ["library", "diff"],
    ["library", "export"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_has_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert f"Example: tfgrpo {' '.join(command)}" in " ".join(result.stdout.split())


@pytest.mark.parametrize("command", [[], ["library"]], ids=["tfgrpo", "library"])
def test_help_names_the_commands(command: list[str]) -> None:
    known = [c[len(command)] for c in COMMANDS if c[: len(command)] == command]
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in known)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("train", ["(5)", "(128)", "(0.7)", "(42)"]),
        ("evaluate", ["(128)", "(0.3)", "(42)"]),
    ],
)
def test_help_tells_the_defaults_that_come_from_settings(command: str, told: list[str]) -> None:
    result = CliRunner().invoke(main, [command, "--help"], env={"COLUMNS": "200"})
    assert [word for word in told if f"[default: {word}]" not in result.stdout] == []


def test_version_is_printed() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"tfgrpo {__version__}\n")


NOT_YET = ("langgraph", "langchain", "langchain_core", "openai", "pydantic", "sympy")


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_needs_no_command_imports_no_framework(option: str, tmp_path: Path) -> None:
    code = (
        "import atexit, sys\n"
        "from training_free_grpo.cli import main\n"
        f"known = lambda: sorted(name for name in {NOT_YET} if name in sys.modules)\n"
        "atexit.register(lambda: print(known()))\n"
        f"main([{option!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_answers_to_the_name_it_is_listed_by() -> None:
    commands = load_commands().commands
    assert list(commands) == [name for name, _, _ in LISTED]
    for name, command in commands.items():
        assert command.name == name


def test_python_runs_the_package_under_the_name_of_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "training_free_grpo", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Usage: tfgrpo [OPTIONS] COMMAND" in done.stdout


def test_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["lern"])
    assert result.exit_code == 2
    assert "lern" in result.stderr
