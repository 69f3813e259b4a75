"""Put the difference between attempts into words: the three calls that make a lesson.

summarize (one per attempt) → extract_advantage (one per group) → edit_experiences (one per
batch). The paper's section 2; what a model answers is checked here, whatever it was told.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from training_free_grpo.library import (
    active_experiences,
    check_operation,
    render_library,
    words,
)
from training_free_grpo.models import Endpoint
from training_free_grpo.models.structured import ask
from training_free_grpo.prompts import quote, render_messages
from training_free_grpo.records import (
    JSON,
    Grade,
    Library,
    Operation,
    Problem,
    Proposal,
    Rejection,
)
from training_free_grpo.settings import Settings

_CHARACTERS_PER_TOKEN = 4
_HEAD = 0.4
"""Share of a cut transcript that is kept from its beginning; the end decides the answer."""
_KINDS = ("add", "update", "merge", "delete")


class OperationAnswer(BaseModel):
    """One edit of the experience library."""

    model_config = ConfigDict(extra="forbid")
    operation: Literal["add", "update", "merge", "delete"]
    ids: list[str]
    content: str
    rationale: str


class OperationsAnswer(BaseModel):
    """The reasoning, and the edits of the experience library that follow from it."""

    model_config = ConfigDict(extra="forbid")
    reasoning: str
    operations: list[OperationAnswer]


@dataclass(frozen=True)
class Advice:
    """What came of one reflection: operations that can be carried out, and those that cannot."""

    reasoning: str
    operations: list[Operation]
    rejected: list[Rejection]


async def summarize(
    endpoint: Endpoint,
    settings: Settings,
    problem: Problem,
    transcript: Sequence[JSON],
    grade: Grade,
    seed: int,
) -> str:
    """Say in words what one attempt did: its decisions, tools, errors and outcome."""
    messages = render_messages(
        "summarize",
        agent_objective=settings.agent_objective,
        learning_objective=settings.learning_objective,
        problem=show_problem(problem, settings),
        trajectory=quote("trajectory", cut(transcript, settings.trajectory_tokens)),
        grade=show_grade(grade, settings),
    )
    answer = await endpoint.call(messages, role="summarize", seed=seed)
    return answer.text.strip()


async def extract_advantage(
    endpoint: Endpoint,
    settings: Settings,
    problem: Problem,
    library: Library,
    attempts: Sequence[tuple[float | None, str]],
    seed: int,
) -> Advice:
    """Find why some attempts, given as (reward, summary), beat others; propose edits.

    Without attempts the lessons are written from the problem alone: the paper's ablation.
    """
    values = {
        "agent_objective": settings.agent_objective,
        "learning_objective": settings.learning_objective,
        "max_words": str(settings.max_lesson_words),
        "max_operations": str(settings.max_operations),
        "library": show_library(library),
        "problem": show_problem(problem, settings),
    }
    if attempts:
        values["attempts"] = show_attempts(attempts, settings)
    name = "extract_advantage" if attempts else "generate_lessons"
    return await advise(
        endpoint,
        name,
        values,
        library,
        settings,
        settings.max_operations,
        "extract_advantage",
        seed,
    )


async def edit_experiences(
    endpoint: Endpoint,
    settings: Settings,
    library: Library,
    proposals: Sequence[Proposal],
    seed: int,
) -> Advice:
    """Turn the proposals of a whole batch into one plan for the library."""
    most = max(settings.max_operations, len(proposals))
    values = {
        "agent_objective": settings.agent_objective,
        "learning_objective": settings.learning_objective,
        "max_words": str(settings.max_lesson_words),
        "max_operations": str(most),
        "library": show_library(library),
        "proposals": show_proposals(proposals),
    }
    return await advise(
        endpoint, "edit_experiences", values, library, settings, most, "edit_experiences", seed
    )


async def advise(
    endpoint: Endpoint,
    prompt: str,
    values: dict[str, str],
    library: Library,
    settings: Settings,
    most: int,
    role: str,
    seed: int,
) -> Advice:
    """Ask for operations, have the model repair what cannot be carried out, record the rest."""

    def read(answer: JSON) -> tuple[Advice, list[str]]:
        advice = read_advice(answer, library, settings.max_lesson_words, most)
        return advice, [rejection["reason"] for rejection in advice.rejected]

    messages = render_messages(prompt, **values)
    return await ask(endpoint, messages, OperationsAnswer, read, role=role, seed=seed)


def read_advice(answer: JSON, library: Library, max_words: int, most: int) -> Advice:
    """Sort an answer's operations into good and rejected; one bad one never costs the others.

    Raise ValueError if there is no list of operations at all.
    """
    listed = answer.get("operations")
    if not isinstance(listed, list):
        raise ValueError("the answer has no list under 'operations'")
    advice = Advice(reasoning=str(answer.get("reasoning") or ""), operations=[], rejected=[])
    for item in listed:
        operation, reason = read_operation(item)
        if operation and not reason:
            reason = check_operation(library, without_sources(operation), max_words)
        if operation and not reason and len(advice.operations) == most:
            reason = f"one operation too many: {most} is the most"
        if operation and not reason:
            advice.operations.append(operation)
        else:
            shown = item if isinstance(item, dict) else {"value": item}
            advice.rejected.append({"operation": shown, "reason": reason or ""})
    return advice


def read_operation(item: Any) -> tuple[Operation | None, str | None]:
    """Read one operation, or say what is wrong with it."""
    if not isinstance(item, dict):
        return None, f"{item!r} is not an operation"
    kind = str(item.get("operation") or "").lower()
    if kind not in _KINDS:
        return None, f"operation {item.get('operation')!r} is none of {', '.join(_KINDS)}"
    ids = item.get("ids") or []
    ids = [ids] if isinstance(ids, str) else ids
    if not isinstance(ids, list):
        return None, f"'ids' is {ids!r}, not a list"
    operation: Operation = {
        "operation": kind,  # type: ignore[typeddict-item]
        "ids": [str(id).strip("[] ") for id in ids],
        "content": " ".join(str(item.get("content") or "").split()),
        "rationale": " ".join(str(item.get("rationale") or "").split()),
    }
    return operation, None


def without_sources(operation: Operation) -> Operation:
    """Return the operation without the proposals (P1, P2) that it names as its sources."""
    ids = [id for id in operation["ids"] if not is_source(id)]
    return {**operation, "ids": ids if operation["operation"] != "add" else []}


def is_source(id: str) -> bool:
    """Tell whether an id names a proposal rather than a lesson."""
    return id[:1] == "P" and id[1:].isdigit()


def find_sources(operation: Operation, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that an operation of the plan comes from.

    The plan names them; where it does not, those about the same lessons or in much the same
    words are taken, and all of them where there is no such trace.
    """
    named = [int(id[1:]) - 1 for id in operation["ids"] if is_source(id)]
    if found := [proposals[n] for n in named if 0 <= n < len(proposals)]:
        return found
    ids, text = set(operation["ids"]), set(words(operation["content"]))
    return [
        p
        for p in proposals
        if ids & set(p["operation"]["ids"]) or overlap(text, set(words(p["operation"]["content"])))
    ] or list(proposals)


def overlap(one: set[str], other: set[str]) -> bool:
    """Tell whether two sets of words have at least half of all their words in common."""
    return bool(one) and len(one & other) * 2 >= len(one | other)


def show_problem(problem: Problem, settings: Settings) -> str:
    """Show the problem, and the accepted answers unless they are withheld."""
    shown = quote("problem", problem["problem"])
    if settings.ground_truth == "shown" and problem["answers"]:
        shown += "\n" + quote("truth", " | ".join(problem["answers"]))
    return shown


def show_grade(grade: Grade, settings: Settings) -> str:
    """Show the reward and the grader's critique, unless the truth is withheld."""
    if settings.ground_truth == "withheld":
        return ""
    return quote("grade", grade["critique"] or grade["verdict"], reward=grade["reward"])


def show_attempts(attempts: Sequence[tuple[float | None, str]], settings: Settings) -> str:
    """Show the attempts in order, each with its reward unless the truth is withheld."""
    shown = []
    for n, (reward, summary) in enumerate(attempts, start=1):
        known = {} if settings.ground_truth == "withheld" else {"reward": reward}
        shown.append(quote("attempt", summary, n=n, **known))
    return "\n\n".join(shown)


def show_library(library: Library) -> str:
    """Show the lessons in force as reflection prompts have them."""
    lines = render_library(library) if active_experiences(library) else "(empty)"
    return quote("library", lines)


def show_proposals(proposals: Sequence[Proposal]) -> str:
    """Show the proposals of a batch, numbered P1, P2, …, each with the evidence behind it."""
    shown = []
    for n, proposal in enumerate(proposals, start=1):
        operation = proposal["operation"]
        text = f"{operation['content']}\nWhy: {operation['rationale']}"
        known: dict[str, object] = {"n": f"P{n}", "operation": operation["operation"]}
        known |= {"ids": " ".join(operation["ids"]), "problem": proposal["problem"]}
        shown.append(quote("proposal", text, **known, attempts=len(proposal["rollouts"])))
    return "\n\n".join(shown)


def cut(transcript: Sequence[JSON], tokens: int) -> str:
    """Write a transcript out within a budget of tokens; its head and its tail are kept."""
    longest = tokens * _CHARACTERS_PER_TOKEN
    # One huge page must not push out every decision around it, so each message is cut first.
    parts = [shorten(part, longest // 3) for part in write_out(transcript)]
    return shorten("\n".join(parts), longest)


def write_out(transcript: Sequence[JSON]) -> list[str]:
    """Write each message of a transcript as a line that says who spoke."""
    lines = []
    for message in transcript:
        role, content = message.get("role"), text_of(message.get("content"))
        if role == "tool":
            lines.append(f"[tool result] {content}")
        elif content:
            lines.append(f"[{role}] {content}")
        for call in message.get("tool_calls") or []:
            function = call.get("function", {})
            lines.append(f"[tool call] {function.get('name')} {function.get('arguments')}")
    return lines


def text_of(content: Any) -> str:
    """Return the text of a message's content, whose parts may be of several kinds."""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list):
        return "\n".join(
            part.get("text", f"[{part.get('type')}]") if isinstance(part, dict) else str(part)
            for part in content
        )
    return "" if content is None else json.dumps(content, ensure_ascii=False)


def shorten(text: str, longest: int) -> str:
    """Keep the head and the tail of a text, with a note of how much was cut between them."""
    if len(text) <= longest:
        return text
    head = int(longest * _HEAD)
    gone = (len(text) - longest) // _CHARACTERS_PER_TOKEN
    return f"{text[:head]}\n[… about {gone} tokens were cut here …]\n{text[head - longest :]}"
