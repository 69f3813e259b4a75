"""Every command tells what it does, with an example."""

import pytest
from typer.testing import CliRunner

from training_free_grpo.cli import main

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


def test_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["lern"])
    assert result.exit_code == 2
    assert "lern" in result.stderr
