"""Describe the difference between attempts in words: the three calls that make a lesson.

summarize (one per attempt) → extract_advantage (one per group) → edit_experiences (one per batch).
See the paper's section 2. Every answer is checked here, whatever the prompt asked for.
"""

import re
from collections.abc import Callable, Sequence

from training_free_grpo.learning.guards import Evidence, block_tags, examine_lesson
from training_free_grpo.learning.operations_answer import (
    Advice,
    OperationsAnswer,
    find_named,
    read_advice,
)
from training_free_grpo.library import (
    active_experiences,
    render_library,
)
from training_free_grpo.models import Endpoint
from training_free_grpo.models.errors import TooLong
from training_free_grpo.models.structured import ask
from training_free_grpo.prompts import quote, render_messages
from training_free_grpo.records import (
    JSON,
    Decline,
    Grade,
    Library,
    Operation,
    Problem,
    Proposal,
    Role,
)
from training_free_grpo.settings import Settings
from training_free_grpo.text import well_formed
from training_free_grpo.transcripts import cut

_NUMBER = re.compile(r"^\s*(?:\d+[.)]|[-*•])?\s*")
_LEAST_TOKENS = 500
_COMPARE: Role = "extract_advantage"
_EDIT: Role = "edit_experiences"
"""Length below which a transcript is not cut further for a model that finds it too long."""


async def summarize(
    endpoint: Endpoint,
    settings: Settings,
    problem: Problem,
    transcript: Sequence[JSON],
    grade: Grade,
    seed: int,
) -> str:
    """Summarize one attempt: its decisions, tools, errors and outcome."""
    tokens = settings.trajectory_tokens
    while True:
        messages = render_messages(
            "summarize",
            agent_objective=settings.agent_objective,
            learning_objective=settings.learning_objective,
            problem=show_problem(problem, settings),
            trajectory=quote("trajectory", cut(transcript, tokens)),
            grade=show_grade(grade, settings),
        )
        try:
            answer = await endpoint.call(messages, role="summarize", seed=seed)
        except TooLong:
            if tokens < _LEAST_TOKENS:
                raise
            tokens //= 3
        else:
            text: str = well_formed(answer.text.strip())
            return clean_summary(text)


def clean_summary(summary: str) -> str:
    """Remove what weak models add to a summary: blocks of the prompt, and repeated lines.

    The blocks hold the accepted answer. A summary of nothing but blocks stays, without its tags.
    """
    tags = "|".join(block_tags())
    block = rf"<({tags})\b[^<>]*>.*?(?:</\1\s*>|\Z)"
    rest = re.sub(block, "", summary, flags=re.IGNORECASE | re.DOTALL)
    kept = rest if rest.strip() else summary
    plain = re.sub(rf"</?(?:{tags})\b[^<>]*>", "", kept, flags=re.IGNORECASE)
    lines: dict[str, str] = {}
    for line in plain.strip().splitlines():
        lines.setdefault(_NUMBER.sub("", line), line)
    return "\n".join(lines.values())


async def extract_advantage(
    endpoint: Endpoint,
    settings: Settings,
    problem: Problem,
    library: Library,
    attempts: Sequence[tuple[float | None, str]],
    seed: int,
    outputs: Sequence[str] = (),
) -> Advice:
    """Find why some attempts, given as (reward, summary), beat others; propose edits.

    Without attempts the lessons are written from the problem alone, which is the paper's ablation.
    Tool outputs must not be copied into a lesson.
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
    seen = Evidence([problem], outputs, objectives(settings))

    def guard(operation: Operation) -> str:
        return examine_lesson(operation["content"], library, operation["ids"], seen)

    most, role = settings.max_operations, _COMPARE
    return await advise(endpoint, name, values, library, settings, most, role, seed, guard)


async def edit_experiences(
    endpoint: Endpoint,
    settings: Settings,
    library: Library,
    proposals: Sequence[Proposal],
    seed: int,
    declined: Sequence[Decline] = (),
    problems: Sequence[Problem] = (),
) -> Advice:
    """Turn the proposals of a batch into one plan, without anything a reviewer has rejected."""
    known = {problem["id"]: problem for problem in problems}

    def guard(operation: Operation) -> str:
        sources = [
            known[p["problem"]] for p in find_named(operation, proposals) if p["problem"] in known
        ]
        seen = Evidence(sources, objectives=objectives(settings))
        return examine_lesson(operation["content"], library, operation["ids"], seen)

    most = max(settings.max_operations, len(proposals))
    values = {
        "agent_objective": settings.agent_objective,
        "learning_objective": settings.learning_objective,
        "max_words": str(settings.max_lesson_words),
        "max_operations": str(most),
        "library": show_library(library),
        "proposals": show_proposals(proposals),
        "declined": show_declined(declined),
    }
    name = role = _EDIT
    return await advise(endpoint, name, values, library, settings, most, role, seed, guard)


def objectives(settings: Settings) -> list[str]:
    """Return how the prompts describe the task, in the user's own words."""
    return [settings.agent_objective, settings.learning_objective]


async def advise(
    endpoint: Endpoint,
    prompt: str,
    values: dict[str, str],
    library: Library,
    settings: Settings,
    most: int,
    role: Role,
    seed: int,
    guard: Callable[[Operation], str],
) -> Advice:
    """Ask for operations, have the model fix invalid ones once, and record the rest."""

    def read(answer: JSON) -> tuple[Advice, list[str]]:
        advice = read_advice(answer, library, settings.max_lesson_words, most, guard)
        return advice, advice.faults

    messages = render_messages(prompt, **values)
    return await ask(endpoint, messages, OperationsAnswer, read, role=role, seed=seed)


def show_problem(problem: Problem, settings: Settings) -> str:
    """Render the problem, and the accepted answers unless they are withheld."""
    shown = quote("problem", problem["problem"])
    if settings.ground_truth == "shown" and problem["answers"]:
        shown += "\n" + quote("truth", " | ".join(problem["answers"]))
    return shown


def show_grade(grade: Grade, settings: Settings) -> str:
    """Render the reward and the grader's critique, unless the ground truth is withheld."""
    if settings.ground_truth == "withheld":
        return ""
    return quote("grade", grade["critique"] or grade["verdict"], reward=grade["reward"])


def show_attempts(attempts: Sequence[tuple[float | None, str]], settings: Settings) -> str:
    """Render the attempts in order, each with its reward unless the ground truth is withheld."""
    shown = []
    for n, (reward, summary) in enumerate(attempts, start=1):
        known = {} if settings.ground_truth == "withheld" else {"reward": reward}
        shown.append(quote("attempt", summary, n=n, **known))
    return "\n\n".join(shown)


def show_library(library: Library) -> str:
    """Render the lessons in force as reflection prompts show them."""
    lines = render_library(library) if active_experiences(library) else "(empty)"
    return quote("library", lines)


def show_proposals(proposals: Sequence[Proposal]) -> str:
    """Render the proposals of a batch, numbered P1, P2, …, each with its evidence."""
    shown = []
    for n, proposal in enumerate(proposals, start=1):
        operation = proposal["operation"]
        text = f"{operation['content']}\nWhy: {operation['rationale']}"
        known: dict[str, object] = {"n": f"P{n}", "operation": operation["operation"]}
        known |= {"ids": " ".join(operation["ids"]), "problem": proposal["problem"]}
        shown.append(quote("proposal", text, **known, attempts=len(proposal["rollouts"])))
    return "\n\n".join(shown)


def show_declined(declined: Sequence[Decline]) -> str:
    """Render what a reviewer rejected, and why; empty if nothing was."""
    shown = []
    for decline in declined:
        operation = decline["operation"]
        known = {"operation": operation["operation"], "ids": " ".join(operation["ids"])}
        text = f"{operation['content']}\nWhy not: {decline['reason'] or '(no reason given)'}"
        shown.append(quote("declined", text, **known))
    return "\n\n".join(shown)
