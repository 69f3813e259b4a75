"""`tfgrpo library`: show, compare, export and import libraries."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import typer

from training_free_grpo.cli.effects import effects
from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import (
    plural,
    print_json,
    print_lessons,
    progress,
    reports_errors,
    results,
)
from training_free_grpo.library import (
    FORMS,
    LibraryError,
    active_experiences,
    diff_libraries,
    empty_library,
    export_library,
    import_library,
    save_library,
    trace_changes,
)
from training_free_grpo.records import JSON, Library
from training_free_grpo.runs.files import read_libraries
from training_free_grpo.session.places import find_library
from training_free_grpo.storage.files import write_atomically

library = typer.Typer(help="Show, compare, export and import libraries.", no_args_is_help=True)
library.command()(effects)

Place = Annotated[Path, typer.Argument(help="A library file, run folder, or name of a run.")]


@library.command()
@reports_errors()
def show(place: Place, runs_dir: RunsDir = Path("runs"), as_json: Json = False) -> None:
    """Show the active lessons.

    Example: tfgrpo library show runs/first
    """
    found = find_library(place, runs_dir)
    if as_json:
        print_json(found)
    else:
        print_lessons(found)


@library.command()
@reports_errors()
def diff(old: Place, new: Place, runs_dir: RunsDir = Path("runs"), as_json: Json = False) -> None:
    """Show what was added, changed and deleted between two libraries.

    Example: tfgrpo library diff before.json runs/first
    """
    changes = diff_libraries(find_library(old, runs_dir), find_library(new, runs_dir))
    if as_json:
        print_json({"changes": changes})
        return
    print_changes(changes)
    if not changes:
        results.print("no difference")


@library.command()
@reports_errors()
def history(
    place: Annotated[Path, typer.Argument(help="A run folder, or name of a run.")],
    lesson: Annotated[str | None, typer.Argument(help="Show only this lesson, such as G7.")] = None,
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Show what each step of a run added, changed, merged and deleted.

    Example: tfgrpo library history runs/first G7
    """
    versions = read_versions(place if place.exists() else runs_dir / place)
    changes = trace_changes(versions)
    if lesson is not None:
        if not any(lesson in version["experiences"] for _, version in versions):
            raise LibraryError(f"{place} never held a lesson {lesson!r}; ids look like G7")
        changes = [change for change in changes if change["id"] == lesson]
    if as_json:
        print_json({"changes": changes})
        return
    for step, found in groupby(changes, key=itemgetter("step")):
        results.print(f"step {step}")
        print_changes(found)


@library.command()
@reports_errors()
def export(
    place: Place,
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMS)}.")] = "json",
    name: Annotated[str, typer.Option(help="Name of the skill or the agent.")] = "experience",
    output: Annotated[Path | None, typer.Option(help="File to write; default: stdout.")] = None,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Export a library to another format.

    Example: tfgrpo library export runs/first --format skill --output experience/SKILL.md
    """
    text = export_library(find_library(place, runs_dir), form, name)
    if output is None:
        results.print(text)
        return
    check_free(output)
    write_atomically(output, text + "\n")
    if form == "skill" and output.absolute().parent.name != name:
        progress.print(f"agents look for the skill {name!r} in a folder of that name")


@library.command("import")
@reports_errors()
def import_(
    file: Annotated[Path, typer.Argument(help="JSON, Markdown, SKILL.md, prompt or agent YAML.")],
    output: Annotated[Path, typer.Option(help="Library file to write.")] = Path("library.json"),
) -> None:
    """Import lessons from another format, and keep their ids.

    Example: tfgrpo library import math_practice_agent.yaml --output library.json
    """
    found = import_library(file)
    check_free(output)
    save_library(found, output)
    results.print(f"{plural(len(active_experiences(found)), 'lesson')} in {output}")


def check_free(output: Path) -> None:
    """Raise LibraryError for a file that already exists, rather than overwrite it."""
    if output.exists():
        raise LibraryError(f"{output} already exists: name another file with --output")


def read_versions(run: Path) -> list[tuple[int, Library]]:
    """Read the library after each step of a run, and the one it started from."""
    versions = read_libraries(run)
    if not versions:
        raise LibraryError(f"{run} holds no library of a finished step: name the folder of a run")
    return versions if versions[0][0] == 0 else [(0, empty_library()), *versions]


def print_changes(changes: Iterable[JSON]) -> None:
    """Print each change as a diff, with its origin."""
    for change in changes:
        said = describe_change(change)
        if change["old"] is not None:
            note = said if change["new"] is None else ""
            results.print(f"- [{change['id']}] {change['old']}{note}", style="red")
        if change["new"] is not None:
            results.print(f"+ [{change['id']}] {change['new']}{said}", style="green")


def describe_change(change: JSON) -> str:
    """Say where a lesson comes from, or what it was merged into."""
    problems = len(change.get("problems", []))
    said = [f"{problems} problem{'s' if problems > 1 else ''}"] if problems else []
    said += [f"merged from {', '.join(parents)}"] if (parents := change.get("parents")) else []
    said += [f"merged into {', '.join(heirs)}"] if (heirs := change.get("merged_into")) else []
    return f"  ({'; '.join(said)})" if said else ""
