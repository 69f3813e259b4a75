"""The output of the commands: results on stdout, progress and errors on stderr."""

import functools
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from training_free_grpo.arguments import named_as_flags
from training_free_grpo.errors import UserError
from training_free_grpo.library import active_experiences
from training_free_grpo.models import ModelError
from training_free_grpo.records import Experience, Library
from training_free_grpo.rollouts.own_agent import AgentAlwaysFails
from training_free_grpo.runs.interrupts import Interrupted
from training_free_grpo.spending.budget import OutOfBudget
from training_free_grpo.storage.sqlite import StorageError
from training_free_grpo.text import escape_controls, show_controls

P = ParamSpec("P")
R = TypeVar("R")

FAILED, USAGE, OUT_OF_BUDGET, INTERRUPTED = 1, 2, 3, 130
_STATUS = {
    FAILED: "failed",
    USAGE: "bad input",
    OUT_OF_BUDGET: "out of budget",
    INTERRUPTED: "interrupted",
}


class PlainConsole(Console):
    """Prints the text of models, pages and data sets literally: no markup, no highlighting.

    Only what would steer the terminal is shown by its code; colours and the cursor are rich's own.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, soft_wrap=True, **options)
        # Terminal output wraps between words; results stay unwrapped, for copying.
        self.soft_wrap = not (self.stderr and self.is_terminal)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Render anything, with the controls in its text shown."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else show_controls(text), style, control)


progress = PlainConsole(stderr=True)
errors = PlainConsole(stderr=True)
results = PlainConsole()


def reports_errors(
    resumes: Callable[[Mapping[str, Any]], bool] = lambda options: False,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turn the errors that a user can fix into one message and the exit code of the contract.

    `resumes` tells from its options whether rerunning the command resumes it.
    """

    def report(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*given: P.args, **options: P.kwargs) -> R:
            try:
                with named_as_flags():
                    return command(*given, **options)
            except (UserError, sqlite3.Error, OSError) as error:
                said, code = explain(error, resumes(options))
            except (Interrupted, KeyboardInterrupt):
                kept = "; finished work is saved. Rerun the same command to resume"
                said, code = f"interrupted{kept if resumes(options) else ''}", INTERRUPTED
            if options.get("as_json"):
                print_json({"status": _STATUS[code], "error": said})
            raise fail(said, code)

        return run

    return report


def explain(error: Exception, kept: bool) -> tuple[str, int]:
    """Return the message and the exit code for an error."""
    match error:
        case OutOfBudget():
            return str(error), OUT_OF_BUDGET
        case AgentAlwaysFails():
            return f"{error}. Fix this, then rerun the same command to continue", FAILED
        case ModelError():
            return f"the model failed: {error}", FAILED
        case StorageError() | sqlite3.Error() | OSError():
            rest = ". Finished work is saved. Fix this, then rerun the same command to continue"
            return f"{error}{rest if kept else ''}", FAILED
    return str(error), USAGE


def keeps_run(options: Mapping[str, Any]) -> bool:
    """Tell whether a command saves its progress in a run."""
    return bool(options.get("run"))


def fail(message: str, code: int) -> typer.Exit:
    """Print an error, and return the exit to raise."""
    errors.print(f"tfgrpo: {message}", style="red")
    return typer.Exit(code)


def hush(context: typer.Context, quiet: bool) -> bool:
    """Silence progress output for the rest of a command with --quiet."""
    progress.quiet = quiet
    context.call_on_close(lambda: setattr(progress, "quiet", False))
    return quiet


def print_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(escape_controls(json.dumps(value, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def print_lessons(library: Library) -> None:
    """Print the active lessons, one per line."""
    for lesson in active_experiences(library):
        results.print(f"  [{lesson['id']}] {lesson['content']}  ({describe_origin(lesson)})")
    if not active_experiences(library):
        results.print("  (no lessons)")


def describe_origin(lesson: Experience) -> str:
    """Describe the origin of a lesson."""
    problems = len(lesson["created"]["problems"])
    if not problems:
        return "given"
    return f"step {lesson['created']['step']}, {plural(problems, 'problem')}"


def plural(count: int, thing: str) -> str:
    """Write a count with its noun."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def percent(value: float | None) -> str:
    """Write a share as a percentage."""
    return "–" if value is None else f"{100 * value:.1f} %"


def signed(interval: tuple[float, float] | None) -> str:
    """Write the interval of a difference, in percentage points."""
    return "" if interval is None else f"[{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]"


def span(interval: tuple[float, float] | None) -> str:
    """Write an interval of shares in percent."""
    return "" if interval is None else f"[{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
