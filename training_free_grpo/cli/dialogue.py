"""Ask a person about a plan: one operation at a time, then for confirmation."""

import sys
import termios
from collections.abc import Iterator, Sequence
from functools import partial

from training_free_grpo.cli.asking import interruptible
from training_free_grpo.cli.library import print_changes
from training_free_grpo.cli.output import plural, progress, results
from training_free_grpo.learning.review import Decision, carry_out, check_decision
from training_free_grpo.library import apply_plan, diff_libraries, nowhere
from training_free_grpo.records import JSON, Library

PAST = {"approve": "approved", "edit": "edited", "reject": "rejected"}
_WORDS = ("approve", "edit", "reject", "back", "quit")
_CHOICES = {said: word for word in _WORDS for said in (word, word[0])}
_HELP = """\
  a  approve: apply it as it is
  e  edit: apply it in other words
  r  reject: skip it, and say why
  b  back to the operation before
  q  quit: leave without deciding"""
_MEANT = {"y": "yes", "yes": "yes", "b": "back", "back": "back"}


class Dialogue:
    """Asks about the operations of a plan, each on the library that the earlier decisions leave."""

    def __init__(self, operations: Sequence[JSON], library: Library, max_words: int) -> None:
        self._operations = operations
        self._library = library
        self._most = max_words

    def ask(self) -> list[Decision] | None:
        """Ask until everything is decided and confirmed; return None if the person quits."""
        decided: list[Decision] = []
        while True:
            whole = len(decided) == len(self._operations)
            said = self._confirm(decided) if whole else self._ask(decided)
            if isinstance(said, Decision):
                decided.append(said)
            elif said == "back":
                decided = decided[:-1]
            else:
                return decided if said == "yes" else None

    def _ask(self, decided: Sequence[Decision]) -> Decision | str:
        """Show the next operation, and ask until the decision is valid."""
        operation, library = self._operations[len(decided)], self._library
        for before, decision in zip(self._operations, decided, strict=False):
            library = carry_out(decision, before, library, self._most)  # type: ignore[arg-type]
        show(operation, len(self._operations), library, self._most)
        while True:
            said = choose()
            if said not in PAST:
                return said
            decision = complete(said, operation)
            fault = check_decision(decision, operation, library, self._most)  # type: ignore[arg-type]
            if fault is None:
                return decision
            progress.print(fault)

    def _confirm(self, decided: Sequence[Decision]) -> str:
        """Summarize the decisions, and ask for confirmation."""
        results.print()
        for operation, decision in zip(self._operations, decided, strict=True):
            words = decision.content or decision.reason or operation["content"]
            results.print(f"{name(operation)} {PAST[decision.decision]}: {words}".rstrip(": "))
        return _MEANT.get(ask("apply these decisions? [y/N, b for back] ").casefold(), "quit")


def choose() -> str:
    """Ask for a decision until the answer is one of the choices."""
    while (said := ask("approve, edit or reject? [a/e/r, ? for help] ").casefold()) not in _CHOICES:
        progress.print(_HELP)
    return _CHOICES[said]


def complete(said: str, operation: JSON) -> Decision:
    """Ask for the lesson or the reason that a decision needs."""
    given = {"operation": operation["index"], "decision": said}
    if said == "edit" and operation["operation"] != "delete":
        given["content"] = ask("the lesson instead: ", operation["content"])
    if said == "reject":
        given["reason"] = ask("why not? The model reads your reason: ")
    return Decision.model_validate(given)


def ask(question: str, old: str = "") -> str:
    """Ask a person for a line; on a terminal, the old one can be edited.

    Input typed or pasted before the question appeared is discarded.
    """
    with interruptible():
        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return progress.input(question, markup=False).strip()
        import readline  # imported late: loading it may write to the terminal

        # No Python code of ours in the hook: readline drops what is raised there, Ctrl-C too.
        readline.set_startup_hook(partial(readline.insert_text, old))
        try:
            return input(question).strip()
        finally:
            readline.set_startup_hook()


def show(operation: JSON, count: int, library: Library, max_words: int) -> None:
    """Print an operation: its change, its rationale and its evidence."""
    after, _, refused = apply_plan(library, [(operation, nowhere())], max_words)  # type: ignore[list-item]
    results.print(f"\n{name(operation, count)}")
    print_changes(diff_libraries(library, after))
    for rejection in refused:
        results.print(f"  it would be rejected as it is: {rejection['reason']}")
    results.print(f"  why: {operation['rationale']}")
    for line in describe_evidence(operation["evidence"]):
        results.print(f"  {line}")


def name(operation: JSON, count: int | None = None) -> str:
    """Name an operation by its number, its kind and its lessons."""
    of = f" of {count}" if count else ""
    return " ".join([f"[{operation['index'] + 1}{of}]", operation["operation"], *operation["ids"]])


def describe_evidence(evidence: JSON) -> Iterator[str]:
    """Write a line for each problem behind an operation, with its rewards."""
    for shown in evidence["shown"]:
        rewards = ", ".join("–" if r is None else f"{r:g}" for r in shown["rewards"].values())
        problem = " ".join(shown["problem"].split())
        yield f"from {shown['id']} (rewards {rewards}): {problem}"
    if more := evidence["problems"] - len(evidence["shown"]):
        rollouts = plural(evidence["rollouts"], "rollout")
        yield f"and {plural(more, 'more problem')}, {rollouts} in all"
