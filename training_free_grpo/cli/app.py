"""The commands, gathered."""

import typer

from training_free_grpo.cli.demo import demo
from training_free_grpo.cli.evaluate import evaluate
from training_free_grpo.cli.library import library
from training_free_grpo.cli.train import train

main = typer.Typer(
    help="Training-Free GRPO: an agent learns from groups of its own rollouts, in words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
main.command()(demo)
main.command()(train)
main.command()(evaluate)
main.add_typer(library, name="library")
