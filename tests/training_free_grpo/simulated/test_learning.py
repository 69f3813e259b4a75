"""The simulated model learns what the rewards say, and nothing without them.

A small learning loop stands here, so that these tests depend on no graph.
"""

import io
import json
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import cache
from random import Random
from statistics import mean
from typing import Any

import pytest
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import tool

from training_free_grpo.library import apply_plan, empty_library, nowhere, render_library
from training_free_grpo.prompts import quote, render_messages, render_prompt
from training_free_grpo.records import Library, Operation, Problem
from training_free_grpo.simulated import (
    SimulatedModel,
    heldout_problems,
    passages,
    training_problems,
)
from training_free_grpo.tools.corpus_search import corpus_search
from training_free_grpo.tools.web_search import make_search_tool

pytestmark = pytest.mark.long  # whole learning loops

Rollout = list[AnyMessage]
Reward = Callable[[list[float], Random], list[float]]
OBJECTIVES = {"agent_objective": "Solve problems.", "learning_objective": "Lessons."}


@tool
def run_python(code: str) -> str:
    """Run code and return what it prints."""
    out = io.StringIO()
    with redirect_stdout(out):
        exec(code, {})
    return out.getvalue()


TOOLS = {"run_python": run_python, "web_search": make_search_tool(corpus_search(passages()))}


def attempt_problem(
    model: Runnable[LanguageModelInput, AIMessage],
    problem: str,
    lessons: str = "",
    attempt: int = 0,
) -> Rollout:
    """Let the agent attempt a problem, with tools."""
    system = render_prompt("agent", objective="Solve problems.")
    if lessons:
        system += "\n\n" + render_prompt("experience", library=lessons)
    messages: Rollout = [SystemMessage(system), HumanMessage(problem)]
    for _ in range(6):
        reply = model.invoke(messages, attempt=attempt)
        messages.append(reply)
        for call in reply.tool_calls:
            result = TOOLS[call["name"]].invoke(call["args"])
            messages.append(ToolMessage(result, tool_call_id=call["id"]))
        if not reply.tool_calls:
            break
    return messages


def boxed(rollout: Sequence[AnyMessage]) -> str:
    """Return the final answer of an attempt."""
    found: list[str] = re.findall(r"\\boxed\{(.*?)\}", rollout[-1].text)
    return found[-1] if found else ""


def is_right(rollout: Sequence[AnyMessage], problem: Problem) -> bool:
    """Grade an attempt."""
    return boxed(rollout) in problem["answers"]


def measure(problems: Sequence[Problem], lessons: str = "", seed: int = 1, k: int = 3) -> float:
    """Return the share of right attempts, of k at every problem."""
    model = SimulatedModel(seed=seed).bind_tools(list(TOOLS.values()))
    right = [
        is_right(attempt_problem(model, p["problem"], lessons, attempt), p)
        for p in problems
        for attempt in range(k)
    ]
    return sum(right) / len(right)


def transcribe(rollout: Rollout) -> str:
    """Write an attempt down as summaries read it."""
    lines = []
    for message in rollout[2:]:
        if isinstance(message, ToolMessage):
            lines.append(f"[tool result] {message.text}")
        if isinstance(message, AIMessage):
            lines.append(f"[assistant] {message.text}")
            for call in message.tool_calls:
                lines.append(f"[tool call] {call['name']} {json.dumps(call['args'])}")
    return "\n".join(lines)


def summarize(model: SimulatedModel, rollout: Rollout, problem: str = "") -> str:
    """Let the model summarize an attempt."""
    values = {"problem": quote("problem", problem), "grade": ""}
    trajectory = quote("trajectory", transcribe(rollout))
    prompt = render_messages("summarize", **OBJECTIVES, **values, trajectory=trajectory)
    return model.invoke(prompt).text


def ask(model: SimulatedModel, name: str, **values: str) -> list[Operation]:
    """Ask for operations; an answer that is no JSON is asked for once more."""
    limits = {"max_words": "32", "max_operations": "40"}
    messages = render_messages(name, **OBJECTIVES, **limits, **values)
    reply = model.invoke(messages)
    try:
        json.loads(reply.text)
    except ValueError:
        repair = HumanMessage(render_prompt("repair", errors="no JSON"))
        reply = model.invoke([*messages, reply, repair])
    operations: list[Operation] = json.loads(reply.text)["operations"]
    return operations


def show_attempts(summaries: Sequence[str], rewards: Sequence[float] | None) -> str:
    """Show the attempts of a group, with their rewards unless these are withheld."""
    blocks = []
    for n, summary in enumerate(summaries, 1):
        shown: dict[str, Any] = {"reward": rewards[n - 1]} if rewards else {}
        blocks.append(quote("attempt", summary, n=n, **shown))
    return "\n\n".join(blocks)


def show_proposals(operations: Sequence[Operation]) -> str:
    """Show proposals as the editor reads them."""
    return "\n\n".join(
        quote(
            "proposal",
            f"{o['content']}\nWhy: {o['rationale']}",
            n=f"P{n}",
            operation=o["operation"],
            ids=", ".join(o["ids"]),
            problem=f"problem-{n}",
            attempts=5,
        )
        for n, o in enumerate(operations, 1)
    )


def show_library(library: Library) -> str:
    """Show the library as reflection reads it."""
    return quote("library", render_library(library))


def train(
    problems: Sequence[Problem], reward: Reward, seed: int, steps: int = 5, withheld: bool = False
) -> Library:
    """Learn from 20 problems a step, five attempts each; the rewards pass through `reward`."""
    library, model, rng = empty_library(), SimulatedModel(seed=seed), Random(seed)
    agent = model.bind_tools(list(TOOLS.values()))
    for step in range(steps):
        batch = problems[20 * step : 20 * step + 20]
        lessons = render_library(library)
        groups = [
            [attempt_problem(agent, p["problem"], lessons, n) for n in range(5)] for p in batch
        ]
        pairs = zip(batch, groups, strict=True)
        true = [float(is_right(rollout, p)) for p, group in pairs for rollout in group]
        rewards = reward(true, rng)
        proposals: list[Operation] = []
        for number, (problem, group) in enumerate(zip(batch, groups, strict=True)):
            mine = rewards[5 * number : 5 * number + 5]
            if withheld or len(set(mine)) > 1:
                shown = None if withheld else mine
                proposals += reflect(model, library, problem, group, shown)
        library = edit(model, library, proposals) if proposals else library
    return library


def reflect(
    model: SimulatedModel,
    library: Library,
    problem: Problem,
    group: Sequence[Rollout],
    rewards: Sequence[float] | None,
) -> list[Operation]:
    """Compare the attempts of a group."""
    summaries = [summarize(model, rollout, problem["problem"]) for rollout in group]
    return ask(
        model,
        "extract_advantage",
        library=show_library(library),
        problem=quote("problem", problem["problem"]),
        attempts=show_attempts(summaries, rewards),
    )


def edit(model: SimulatedModel, library: Library, proposals: Sequence[Operation]) -> Library:
    """Edit the library by the model's plan, as far as it can be carried out."""
    plan = ask(
        model,
        "edit_experiences",
        library=show_library(library),
        proposals=show_proposals(proposals),
        declined="",
    )
    for step in plan:
        step["ids"] = [key for key in step["ids"] if key.startswith("G")]
    return apply_plan(library, [(step, nowhere()) for step in plan], 32)[0]


def as_they_are(rewards: list[float], rng: Random) -> list[float]:
    """Keep the rewards."""
    return rewards


def upside_down(rewards: list[float], rng: Random) -> list[float]:
    """Reward what is wrong."""
    return [1 - reward for reward in rewards]


def shuffled(rewards: list[float], rng: Random) -> list[float]:
    """Hand the rewards out at random."""
    return sorted(rewards, key=lambda _: rng.random())


@cache
def examine(reward: Reward | None, seed: int = 0) -> float:
    """Train under these rewards, or not at all, and return the held-out accuracy."""
    lessons = render_library(train(training_problems(), reward, seed)) if reward else ""
    return measure(heldout_problems(), lessons, seed=100 + seed, k=1)


def test_starts_in_the_middle_of_the_scale() -> None:
    assert 0.35 <= mean(examine(None, seed) for seed in range(4)) <= 0.5


def test_true_rewards_lift_the_heldout_accuracy() -> None:
    assert min(examine(as_they_are, seed) for seed in range(2)) >= 0.75


def test_upside_down_rewards_teach_the_pitfalls() -> None:
    assert max(examine(upside_down, seed) for seed in range(2)) < 0.25


def test_shuffled_rewards_do_not_improve_it() -> None:
    gains = [examine(shuffled, seed) - examine(None, seed) for seed in range(4)]
    assert -0.15 < mean(gains) < 0.05


def test_majority_instead_of_rewards_is_worth_less_than_the_truth() -> None:
    library = train(training_problems(), as_they_are, seed=0, withheld=True)
    assert measure(heldout_problems(), render_library(library), seed=100, k=1) < examine(
        as_they_are
    )


def test_group_of_three_still_learns() -> None:
    problem = training_problems()[0]
    right = "1. Took it for a fence-post problem.\n2. Approach: add one.\nOutcome: final answer 3;"
    wrong = right.replace("add one", "divide").replace("3;", "2;")
    attempts = show_attempts([right, wrong, wrong], [1.0, 0.0, 0.0])
    proposed = ask(
        SimulatedModel(seed=5),
        "extract_advantage",
        library=show_library(empty_library()),
        problem=quote("problem", problem["problem"]),
        attempts=attempts,
    )
    assert "add one rather than divide" in proposed[0]["content"]
