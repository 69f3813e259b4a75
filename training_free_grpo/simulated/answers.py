"""The JSON answers of the simulated reflection, and its occasional errors."""

import json
from collections.abc import Callable
from random import Random
from typing import Literal, TypeAlias

from training_free_grpo.records import Operation

VAGUE = "Care: be careful and check your work."
PADDING = " Keep this in mind at all times, because it matters more than one might think at first,"
PADDING += " and go back to it whenever a doubt comes up, however small that doubt may look to you."

Edit: TypeAlias = Literal["add", "update", "merge", "delete"]
Operations: TypeAlias = list[Operation]


def operation(kind: Edit, ids: list[str], content: str, rationale: str) -> Operation:
    """Return one operation."""
    return {"operation": kind, "ids": ids, "content": content, "rationale": rationale}


def answer(reasoning: str, operations: Operations) -> str:
    """Render the JSON object that the prompts ask for."""
    return json.dumps({"reasoning": reasoning, "operations": operations}, ensure_ascii=False)


def err(text: str, library: dict[str, str], rng: Random) -> str:
    """Corrupt about one answer in six, since real models make errors that the loop must handle."""
    error = next((error for error in ERRORS if rng.random() < RATE), None)
    return error(text, library) if error else text


def cut(text: str, library: dict[str, str]) -> str:
    """Stop in the middle of the object."""
    return text[: len(text) * 2 // 3]


def add_vague(text: str, library: dict[str, str]) -> str:
    """Add a useless lesson."""
    return edit(text, lambda plan: [*plan, operation("add", [], VAGUE, "It never hurts.")])


def add_duplicate(text: str, library: dict[str, str]) -> str:
    """Propose a lesson that the library already holds."""
    known = list(library.values())[:1]
    return edit(text, lambda plan: plan + [operation("add", [], k, "Useful.") for k in known])


def invent_id(text: str, library: dict[str, str]) -> str:
    """Update a lesson that does not exist."""

    def change(last: Operation) -> Operation:
        return operation("update", ["G999"], last["content"] or VAGUE, "Clearer.")

    return edit(text, lambda plan: plan[:-1] + [change(last) for last in plan[-1:]])


def pad(text: str, library: dict[str, str]) -> str:
    """Write a lesson that is far too long."""

    def change(last: Operation) -> Operation:
        return {**last, "content": last["content"] + PADDING}

    return edit(text, lambda plan: plan[:-1] + [change(last) for last in plan[-1:]])


def edit(text: str, change: Callable[[Operations], Operations]) -> str:
    """Replace the operations of an answer."""
    content = json.loads(text)
    return answer(content["reasoning"], change(content["operations"]))


RATE = 0.035
"""The probability of each of the errors."""
ERRORS = (cut, add_vague, add_duplicate, invent_id, pad)
