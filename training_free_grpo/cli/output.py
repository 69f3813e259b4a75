"""What the commands say: results on stdout, progress on stderr, errors as one clear message."""

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
    """Prints what models, pages and data sets wrote as it stands: no markup, no highlighting.

    Only what would steer the terminal is shown by its code; colours and the cursor are rich's own.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, soft_wrap=True, **options)
        # What is said on a terminal breaks between words; results are for copying, whole.
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
    goes_on: Callable[[Mapping[str, Any]], bool] = lambda options: False,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turn the errors that a user can mend into one message and the exit code of the contract.

    `goes_on` tells from its options whether the command goes on where it stopped.
    """

    def report(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*given: P.args, **options: P.kwargs) -> R:
            try:
                with named_as_flags():
                    return command(*given, **options)
            except (UserError, sqlite3.Error, OSError) as error:
                said, code = explain(error, goes_on(options))
            except (Interrupted, KeyboardInterrupt):
                kept = "; what was finished is saved, and the same command goes on"
                said, code = f"interrupted{kept if goes_on(options) else ''}", INTERRUPTED
            if options.get("as_json"):
                print_json({"status": _STATUS[code], "error": said})
            raise fail(said, code)

        return run

    return report


def explain(error: Exception, kept: bool) -> tuple[str, int]:
    """Return what is said of an error, and the exit code of its kind."""
    match error:
        case OutOfBudget():
            return str(error), OUT_OF_BUDGET
        case AgentAlwaysFails():
            return f"{error}. Mend it, and the same command goes on", FAILED
        case ModelError():
            return f"the model cannot be used: {error}", FAILED
        case StorageError() | sqlite3.Error() | OSError():
            rest = ". What was finished is saved; mend it, and the same command goes on"
            return f"{error}{rest if kept else ''}", FAILED
    return str(error), USAGE


def keeps_run(options: Mapping[str, Any]) -> bool:
    """Tell whether a command keeps what it finishes in a run."""
    return bool(options.get("run"))


def fail(message: str, code: int) -> typer.Exit:
    """Say what is wrong, and return the exit to raise."""
    errors.print(f"tfgrpo: {message}", style="red")
    return typer.Exit(code)


def hush(context: typer.Context, quiet: bool) -> bool:
    """Say no progress while a command runs that was told to be quiet."""
    progress.quiet = quiet
    context.call_on_close(lambda: setattr(progress, "quiet", False))
    return quiet


def print_json(value: Any) -> None:
    """Print one JSON object, last on stdout."""
    sys.stdout.write(escape_controls(json.dumps(value, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def print_lessons(library: Library) -> None:
    """Print the lessons in force, a line each."""
    for lesson in active_experiences(library):
        results.print(f"  [{lesson['id']}] {lesson['content']}  ({describe_origin(lesson)})")
    if not active_experiences(library):
        results.print("  (no lessons)")


def describe_origin(lesson: Experience) -> str:
    """Say where a lesson comes from."""
    problems = len(lesson["created"]["problems"])
    if not problems:
        return "given"
    return f"step {lesson['created']['step']}, {plural(problems, 'problem')}"


def plural(count: int, thing: str) -> str:
    """Write how many there are of a thing."""
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
