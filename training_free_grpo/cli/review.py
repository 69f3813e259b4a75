"""`tfgrpo review`: a person decides on the edits that a run proposes."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from training_free_grpo.cli.dialogue import PAST, Dialogue
from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import (
    INTERRUPTED,
    fail,
    plural,
    print_json,
    reports_errors,
    results,
)
from training_free_grpo.cli.report import Run
from training_free_grpo.learning.review import Decision, ReviewError, read_answer
from training_free_grpo.library import load_library
from training_free_grpo.records import JSON
from training_free_grpo.runs.files import find_run
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.runs.reviews import keep_answer, read_pending
from training_free_grpo.settings import Settings


@reports_errors()
def review(
    run: Run,
    runs_dir: RunsDir = Path("runs"),
    approve_all: Annotated[
        bool, typer.Option("--approve-all", help="Approve every edit without asking.")
    ] = False,
    decisions: Annotated[
        Path | None, typer.Option(help="JSON file of decisions, to use without asking.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Approve, edit or reject the edits that a run with --review proposes.

    Example: tfgrpo review runs/first
    """
    folder = find_run(run, runs_dir)
    request = read_pending(folder.path)
    if request is None:
        raise RunError(
            f"no edit in {folder.path} is waiting for review: see tfgrpo status {folder.path}"
        )
    reviewer = Reviewer(folder, request)
    if approve_all or decisions:
        answer = read_options(approve_all, decisions)
    elif as_json:
        print_json({"run": str(folder.path), **request})
        return
    else:
        answer = reviewer.ask()
        if answer is None:
            results.print(reviewer.undecided)
            return
    counts = Counter(PAST[decision.decision] for decision in reviewer.read(answer))
    keep_answer(folder.path, request, answer)
    if as_json:
        print_json({"run": str(folder.path), "step": request["step"], "decided": counts})
        return
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    results.print(f"{said}; rerun the command that started {folder.path} to resume it")


def read_options(approve_all: bool, file: Path | None) -> Any:
    """Return the answer that the options give."""
    if approve_all and file:
        raise RunError("--approve-all and --decisions exclude each other: give one of them")
    if file is None:
        return {"all": "approve"}
    try:
        return json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read the decisions in {file}: {error}") from None


class Reviewer:
    """Asks a person to decide on a plan, and checks the answer."""

    def __init__(self, folder: RunFolder, request: JSON) -> None:
        self._operations = request["operations"]
        self._step = request["step"]
        self._path = folder.path
        self._library = load_library(self._path / "libraries" / f"step-{self._step - 1:04}.json")
        self._most = Settings.read(folder.read_json("settings.json")).max_lesson_words

    @property
    def undecided(self) -> str:
        """Say that nothing has changed."""
        return f"no decision was saved: step {self._step} still waits: tfgrpo review {self._path}"

    def read(self, answer: Any) -> list[Decision]:
        """Return a decision for each operation; raise RunError if the answer is invalid."""
        try:
            return read_answer(answer, self._operations, self._library, self._most, self._step)
        except ReviewError as error:
            raise RunError(f"{error}. No decision was saved") from None

    def ask(self) -> JSON | None:
        """Ask about each operation in turn; return None if the person quits."""
        results.print(
            f"step {self._step}: {plural(len(self._operations), 'operation')} to decide on"
        )
        try:
            decided = Dialogue(self._operations, self._library, self._most).ask()
        except KeyboardInterrupt:
            raise fail(f"interrupted; {self.undecided}", INTERRUPTED) from None
        except EOFError:
            if sys.stdin.isatty():
                results.print()
                return None
            raise RunError(
                "there is no terminal to ask on: give --approve-all, or --decisions FILE for what "
                "--json shows. No decision was saved"
            ) from None
        if decided is None:
            return None
        return {"decisions": [decision.model_dump(exclude_defaults=True) for decision in decided]}
