"""`tfgrpo review`: a person decides on the edits that a run waits with."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from training_free_grpo.cli.library import print_changes
from training_free_grpo.cli.options import Json, RunsDir
from training_free_grpo.cli.output import print_json, progress, reports_errors, results
from training_free_grpo.cli.report import Run
from training_free_grpo.library import load_library
from training_free_grpo.records import JSON
from training_free_grpo.review import Decision, ReviewError, check_decision, read_answer
from training_free_grpo.review_files import keep_answer, read_pending
from training_free_grpo.run_files import find_run
from training_free_grpo.run_folder import RunError, RunFolder
from training_free_grpo.settings import Settings

_CHOICES = {"a": "approve", "e": "edit", "r": "reject"}
_PAST = {"approve": "approved", "edit": "edited", "reject": "rejected"}


@reports_errors
def review(
    run: Run,
    runs_dir: RunsDir = Path("runs"),
    approve_all: Annotated[
        bool, typer.Option("--approve-all", help="Approve every edit, and ask nothing.")
    ] = False,
    decisions: Annotated[
        Path | None, typer.Option(help="JSON file of decisions; asks nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Approve, edit or reject the edits that a run with --review waits with; then it goes on.

    Example: tfgrpo review runs/first
    """
    folder = find_run(run, runs_dir)
    request = read_pending(folder.path)
    if request is None:
        raise RunError(f"nothing in {folder.path} waits for a review: tfgrpo status {folder.path}")
    reviewer, answer = Reviewer(folder, request), read_options(approve_all, decisions)
    if answer is None and as_json:
        print_json({"run": str(folder.path), **request})
        return
    if answer is None:
        answer = reviewer.ask()
    counts = Counter(_PAST[decision.decision] for decision in reviewer.read(answer))
    keep_answer(folder.path, request, answer)
    if as_json:
        print_json({"run": str(folder.path), "step": request["step"], "decided": counts})
        return
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    results.print(f"{said}; repeat the command that began {folder.path}: it goes on from there")


def read_options(approve_all: bool, file: Path | None) -> Any:
    """Return the answer that the options give; None where there is a person to ask."""
    if approve_all and file:
        raise RunError("--approve-all and --decisions are two answers: give one of them")
    if file is None:
        return {"all": "approve"} if approve_all else None
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read the decisions in {file}: {error}") from None


class Reviewer:
    """Asks a person about the operations of a plan, and checks what is answered."""

    def __init__(self, folder: RunFolder, request: JSON) -> None:
        self._operations = request["operations"]
        self._step = request["step"]
        file = folder.path / "libraries" / f"step-{self._step - 1:04}.json"
        self._library = load_library(file)
        self._most = Settings.read(folder.read_json("settings.json")).max_lesson_words

    def read(self, answer: Any) -> list[Decision]:
        """Return a decision for each operation; raise RunError if the answer is not one."""
        try:
            return read_answer(answer, self._operations, self._library, self._most)
        except ReviewError as error:
            raise RunError(f"{error}. Nothing was decided") from None

    def ask(self) -> JSON:
        """Ask about each operation in turn."""
        results.print(f"step {self._step}: {len(self._operations)} operations to decide on")
        try:
            return {"decisions": [self._ask(operation) for operation in self._operations]}
        except EOFError:
            raise RunError(
                "there is nobody to ask: give --approve-all, or --decisions FILE for what "
                "--json shows. Nothing was decided"
            ) from None

    def _ask(self, operation: JSON) -> JSON:
        """Show an operation, and ask until there is a decision that can be carried out."""
        show(operation, len(self._operations))
        while True:
            decision = ask_once(operation["index"])
            fault = check_decision(decision, operation, self._library, self._most)  # type: ignore[arg-type]
            if fault is None:
                return decision.model_dump(exclude_defaults=True)
            progress.print(fault)


def ask_once(index: int) -> Decision:
    """Ask for one decision, and for what belongs to it."""
    said = ""
    while said not in _CHOICES:
        said = ask("approve, edit or reject? [a/e/r] ").lower()[:1]
    given = {"operation": index, "decision": _CHOICES[said]}
    if said == "e":
        given["content"] = ask("the lesson instead: ")
    if said == "r":
        given["reason"] = ask("why not? The model will be told: ")
    return Decision.model_validate(given)


def ask(question: str) -> str:
    """Ask a person for a line."""
    return progress.input(question, markup=False).strip()


def show(operation: JSON, count: int) -> None:
    """Print an operation: what it would change, why, and what it comes from."""
    ids = "".join(f" {id}" for id in operation["ids"])
    results.print(f"\n[{operation['index'] + 1} of {count}] {operation['operation']}{ids}")
    print_changes(operation["diff"])
    if operation["fault"]:
        results.print(f"  as it stands it would be refused: {operation['fault']}")
    results.print(f"  why: {operation['rationale']}")
    for line in describe_evidence(operation["evidence"]):
        results.print(f"  {line}")


def describe_evidence(evidence: JSON) -> Iterator[str]:
    """Write a line for each problem that an operation comes from, with the rewards there."""
    for shown in evidence["shown"]:
        rewards = ", ".join("–" if r is None else f"{r:g}" for r in shown["rewards"].values())
        problem = " ".join(shown["problem"].split())
        yield f"from {shown['id']} (rewards {rewards}): {problem}"
    if more := evidence["problems"] - len(evidence["shown"]):
        yield f"and {more} more problems, {evidence['rollouts']} rollouts in all"
