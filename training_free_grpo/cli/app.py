"""The list of commands."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from training_free_grpo import __version__
from training_free_grpo.cli.lazy import LazyCommand

COMMANDS = (
    ("demo", "demo:demo", "Learn a library on the embedded model, in half a minute."),
    ("train", "train:train", "Learn a library from a data set, or resume where a run stopped."),
    ("evaluate", "evaluate:evaluate", "Measure mean@k over a data set, with confidence intervals."),
    ("paper", "paper:paper", "Rerun a table of the paper, and compare with the published figures."),
    ("replay", "replay:replay", "Replay a run without network or key, or fork it."),
    ("learn-from-traces", "learn:learn_from_traces", "Learn a library from recorded attempts."),
    ("review", "review:review", "Approve, edit or reject the edits that a run proposes."),
    ("report", "report:report", "Write a run as one HTML page."),
    ("inspect-logs", "inspect_logs:inspect_logs", "Write Inspect logs of finished steps."),
    ("status", "status:status", "Show the progress of a run or an evaluation."),
    ("doctor", "doctor:doctor", "Check packages, keys, sandbox, search and models."),
    ("library", "library:library", "Show, compare, export and import libraries."),
)
"""Name, source, and one line of help."""


class Commands(TyperGroup):
    """The commands of `tfgrpo`, each imported when it runs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, source, help in COMMANDS:
            self.add_command(LazyCommand(name, source, help))


main = typer.Typer(
    cls=Commands,
    help="Training-Free GRPO: an agent learns lessons, in words, from groups of its own rollouts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def show_version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        typer.echo(f"tfgrpo {__version__}")
        raise typer.Exit


@main.callback()
def start(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Read the options that come before a command."""


def load_commands() -> TyperGroup:
    """Return the command line with every command imported, to document it."""
    group = typer.main.get_group(main)
    for name, command in group.commands.items():
        if isinstance(command, LazyCommand):
            group.commands[name] = command.load()
    return group
