"""`tfgrpo library`: look at what was learned, and take it elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli.options import Json, RunsDir, find_library
from training_free_grpo.cli.output import print_json, print_lessons, reports_errors, results
from training_free_grpo.files import write_atomically
from training_free_grpo.library import diff_libraries, export_library

library = typer.Typer(help="Show, compare and export libraries.", no_args_is_help=True)

Place = Annotated[Path, typer.Argument(help="A library file, run folder or run.")]


@library.command()
@reports_errors
def show(place: Place, runs_dir: RunsDir = Path("runs"), as_json: Json = False) -> None:
    """Show the lessons in force.

    Example: tfgrpo library show runs/first
    """
    found = find_library(place, runs_dir)
    if as_json:
        print_json(found)
    else:
        print_lessons(found)


@library.command()
@reports_errors
def diff(old: Place, new: Place, runs_dir: RunsDir = Path("runs"), as_json: Json = False) -> None:
    """Show what was added, changed and deleted between two libraries.

    Example: tfgrpo library diff before.json runs/first
    """
    changes = diff_libraries(find_library(old, runs_dir), find_library(new, runs_dir))
    if as_json:
        print_json({"changes": changes})
        return
    for change in changes:
        if change["old"] is not None:
            results.print(f"- [{change['id']}] {change['old']}", style="red")
        if change["new"] is not None:
            results.print(f"+ [{change['id']}] {change['new']}", style="green")
    if not changes:
        results.print("no difference")


@library.command()
@reports_errors
def export(
    place: Place,
    form: Annotated[
        str, typer.Option("--format", help="json, markdown, prompt, reference.")
    ] = "json",
    output: Annotated[Path | None, typer.Option(help="File to write; stdout without it.")] = None,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Write the library in another form.

    Example: tfgrpo library export runs/first --format markdown --output lessons.md
    """
    text = export_library(find_library(place, runs_dir), form)
    if output is None:
        results.print(text)
    else:
        write_atomically(output, text + "\n")
