"""`tfgrpo library effects`: the effect of each lesson of a run."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import print_json, reports_errors, results
from training_free_grpo.runs.effects import LessonEffect, read_effects
from training_free_grpo.runs.files import find_run

_SHOWN = 32
"""Characters of a lesson's name in the table."""


@reports_errors()
def effects(
    run: Annotated[Path, typer.Argument(help="A run folder, or the name of a run.")],
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Show how much each lesson adds to the reward, from attempts with some lessons hidden.

    The run must have been trained with hidden lessons, for example --set hide=0.2.

    Example: tfgrpo library effects first
    """
    folder = find_run(run, runs_dir)
    found = read_effects(folder)
    if as_json:
        print_json({"run": str(folder.path), "effects": found})
        return
    if not any(effect["without_it"] for effect in found):
        results.print(
            "no lesson was hidden from any attempt, so there is nothing to compare. "
            "Train with --set hide=0.2 to measure them."
        )
        return
    table = Table("lesson", "effect", "95 % interval", "with", "without", "named", box=None)
    for effect in found:
        table.add_row(*write_row(effect))
    results.print(table)
    results.print(
        "Effects are points of the mean reward, – where there are too few attempts to compare. "
        "Each interval holds for one lesson, not for all at once. Agents name lessons after the "
        "fact, so how often they do is no evidence of an effect."
    )


def write_row(effect: LessonEffect) -> tuple[str, ...]:
    """Write one lesson's row."""
    name, colon, _ = effect["content"].partition(":")
    value, interval = effect["effect"], effect["interval"]
    return (
        f"{effect['id']} {shorten(name if colon else effect['content'])}",
        "–" if value is None else f"{100 * value:+.1f}",
        "–" if interval is None else " to ".join(f"{100 * end:+.1f}" for end in interval),
        f"{effect['with_it']:,}",
        f"{effect['without_it']:,}",
        f"{effect['named']:,}",
    )


def shorten(name: str) -> str:
    """Truncate a long name."""
    return name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…"
