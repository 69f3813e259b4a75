"""The commands, gathered."""

from typing import Annotated

import typer

from training_free_grpo import __version__
from training_free_grpo.cli.demo import demo
from training_free_grpo.cli.doctor import doctor
from training_free_grpo.cli.evaluate import evaluate
from training_free_grpo.cli.inspect_logs import inspect_logs
from training_free_grpo.cli.learn import learn_from_traces
from training_free_grpo.cli.library import library
from training_free_grpo.cli.output import results
from training_free_grpo.cli.paper import paper
from training_free_grpo.cli.replay import replay
from training_free_grpo.cli.report import report
from training_free_grpo.cli.review import review
from training_free_grpo.cli.status import status
from training_free_grpo.cli.train import train

main = typer.Typer(
    help="Training-Free GRPO: an agent learns from groups of its own rollouts, in words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def show_version(wanted: bool) -> None:
    """Print the version, and end."""
    if wanted:
        results.print(f"tfgrpo {__version__}")
        raise typer.Exit


@main.callback()
def start(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take what stands ahead of a command."""


main.command()(demo)
main.command()(train)
main.command()(evaluate)
main.command()(paper)
main.command()(replay)
main.command()(learn_from_traces)
main.command()(review)
main.command()(report)
main.command()(inspect_logs)
main.command()(status)
main.command()(doctor)
main.add_typer(library, name="library")
