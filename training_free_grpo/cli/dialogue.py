"""Ask a person about a plan: one operation after the other, and at the end whether it is meant."""

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
  a  approve: carry it out as it stands
  e  edit: carry it out in other words
  r  reject: leave it out, and say why
  b  back to the operation before
  q  quit: leave, with nothing decided"""
_MEANT = {"y": "yes", "yes": "yes", "b": "back", "back": "back"}


class Dialogue:
    """Asks about the operations of a plan, each on the library as the decisions before leave it."""

    def __init__(self, operations: Sequence[JSON], library: Library, max_words: int) -> None:
        self._operations = operations
        self._library = library
        self._most = max_words

    def ask(self) -> list[Decision] | None:
        """Ask until all is decided and meant; return None where the person leaves before."""
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
        """Show the next operation, and ask until there is a decision that can be carried out."""
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
        """Sum up what was decided, and ask whether it is meant."""
        results.print()
        for operation, decision in zip(self._operations, decided, strict=True):
            words = decision.content or decision.reason or operation["content"]
            results.print(f"{name(operation)} {PAST[decision.decision]}: {words}".rstrip(": "))
        return _MEANT.get(ask("carry this out? [y/N, b for back] ").casefold(), "quit")


def choose() -> str:
    """Ask what is to become of an operation until one of the words is said."""
    while (said := ask("approve, edit or reject? [a/e/r, ? for help] ").casefold()) not in _CHOICES:
        progress.print(_HELP)
    return _CHOICES[said]


def complete(said: str, operation: JSON) -> Decision:
    """Ask for what belongs to a decision."""
    given = {"operation": operation["index"], "decision": said}
    if said == "edit" and operation["operation"] != "delete":
        given["content"] = ask("the lesson instead: ", operation["content"])
    if said == "reject":
        given["reason"] = ask("why not? The model will be told: ")
    return Decision.model_validate(given)


def ask(question: str, old: str = "") -> str:
    """Ask a person for a line; on a terminal, it is the old one to be edited.

    What was typed or pasted before the question was there to be read is no answer to it.
    """
    with interruptible():
        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return progress.input(question, markup=False).strip()
        import readline  # not before: it may write to the terminal as it is loaded

        # No Python code of ours in the hook: readline drops what is raised there, Ctrl-C too.
        readline.set_startup_hook(partial(readline.insert_text, old))
        try:
            return input(question).strip()
        finally:
            readline.set_startup_hook()


def show(operation: JSON, count: int, library: Library, max_words: int) -> None:
    """Print an operation: what it would change, why, and what it comes from."""
    after, _, refused = apply_plan(library, [(operation, nowhere())], max_words)  # type: ignore[list-item]
    results.print(f"\n{name(operation, count)}")
    print_changes(diff_libraries(library, after))
    for rejection in refused:
        results.print(f"  as it stands it would be refused: {rejection['reason']}")
    results.print(f"  why: {operation['rationale']}")
    for line in describe_evidence(operation["evidence"]):
        results.print(f"  {line}")


def name(operation: JSON, count: int | None = None) -> str:
    """Name an operation by its number, its kind and the lessons that it is about."""
    of = f" of {count}" if count else ""
    return " ".join([f"[{operation['index'] + 1}{of}]", operation["operation"], *operation["ids"]])


def describe_evidence(evidence: JSON) -> Iterator[str]:
    """Write a line for each problem that an operation comes from, with the rewards there."""
    for shown in evidence["shown"]:
        rewards = ", ".join("–" if r is None else f"{r:g}" for r in shown["rewards"].values())
        problem = " ".join(shown["problem"].split())
        yield f"from {shown['id']} (rewards {rewards}): {problem}"
    if more := evidence["problems"] - len(evidence["shown"]):
        rollouts = plural(evidence["rollouts"], "rollout")
        yield f"and {plural(more, 'more problem')}, {rollouts} in all"
