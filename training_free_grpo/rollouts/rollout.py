"""Run one attempt of an agent, whoever's agent it is, and note what came of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, set_config_context
from langgraph.config import get_stream_writer
from langgraph.errors import GraphInterrupt

from training_free_grpo.ledger import metered, usage_of_messages
from training_free_grpo.library.prompt import LESSONS, experience_block
from training_free_grpo.messages import write_messages
from training_free_grpo.models import ModelError, Refused
from training_free_grpo.models.labels import labelled, traced_as
from training_free_grpo.models.traffic.patience import patience
from training_free_grpo.records import JSON, Ledger, Rollout
from training_free_grpo.rollouts.own_agent import Counter, read_result, takes_lessons, takes_list
from training_free_grpo.settings import Settings
from training_free_grpo.storage.archive import Archive
from training_free_grpo.storage.sqlite import StorageError
from training_free_grpo.text import well_formed

EndThread = Callable[[str], Awaitable[None]]

_LONGEST_REASON = 300
_SUPERSTEPS = 10_000
"""The turn limit ends our agent; a user's own keeps the limit that it has."""


async def run_rollout(
    agent: Runnable[Any, Any],
    own: bool,
    task: JSON,
    lessons: str,
    settings: Settings,
    end_thread: EndThread,
) -> JSON:
    """Run the agent on a problem within its time; return the figures and the messages.

    `own` agents are the user's: they get the lessons as a system message. A lost rollout is
    missing, with the reason; only what ends the run is raised: Refused, for no other rollout could
    succeed either, and StorageError, for none could be kept. Whatever tools keep for its thread is
    let go of at the end.
    """
    # Its own saver would go on in the talk of an earlier run that made the same rollout.
    thread = f"{task['id']}/{uuid4().hex}"
    started = time.monotonic()
    messages: list[AnyMessage] = []
    answer, missing, counter = "", None, Counter() if own else None
    about = {"step": task["step"], "problem_id": task["problem"]["id"]}
    with labelled(**about, attempt=task["attempt"]), metered() as usage:
        try:
            async with patience(settings.rollout_timeout) as limit:
                call = call_agent(agent, counter, task, lessons, settings, thread)
                messages, answer = await call
        except (Refused, StorageError):
            raise
        except Exception as error:  # noqa: BLE001 - a user's agent may raise anything
            missing = explain_loss(error, settings if limit.expired() else None)
        finally:
            await end_thread(thread)
    spent = usage or (counter.ledger if counter else {})
    return note_rollout(messages, answer, missing, time.monotonic() - started, spent)


def explain_loss(error: Exception, late: Settings | None) -> str:
    """Say in a line why a rollout is missing."""
    if late:
        return f"no answer within {late.rollout_timeout:g} s"
    if isinstance(error, ModelError):
        return f"{type(error).__name__.strip('_')}: {error}"[:_LONGEST_REASON]
    if isinstance(error, GraphInterrupt):
        return "it stopped at an interrupt, and nobody answers while it is trained"
    return f"the agent failed: {type(error).__name__}: {error}"[:_LONGEST_REASON]


async def call_agent(
    agent: Runnable[Any, Any],
    counter: Counter | None,
    task: JSON,
    lessons: str,
    settings: Settings,
    thread: str,
) -> tuple[list[AnyMessage], str]:
    """Give the agent its problem; return what it added to the talk, and its answer.

    A user's own has a counter for its calls. It gets the lessons where its middleware has a place
    for them, else as a system message.
    """
    question = HumanMessage(task["problem"]["problem"])
    asked: list[AnyMessage] = [question]
    if counter is None:
        given = {"messages": asked, "lessons": lessons, "evaluation": not task["compare"]}
        given |= {"seed": task["seed"], "attempt": task["attempt"], "settings": settings.changed()}
        config = RunnableConfig(recursion_limit=_SUPERSTEPS)
        result = await run_apart(agent, given, task["id"], thread, config, context=settings)
        return read_result(result, asked)
    has_place = takes_lessons(agent)
    if not has_place and (block := experience_block(lessons)):
        asked = [SystemMessage(block), question]
    given_own: Any = asked if takes_list(agent) else {"messages": asked}
    if has_place:
        given_own[LESSONS] = lessons
    config = RunnableConfig(callbacks=counter.beside(ensure_config().get("callbacks")))
    result = await run_apart(agent, given_own, task["id"], thread, config)
    return read_result(result, asked)


async def run_apart(
    agent: Runnable[Any, Any],
    given: Any,
    id: str,
    thread: str,
    own: RunnableConfig,
    **options: Any,
) -> Any:
    """Run the agent outside the surrounding graph's checkpoints, but seen by its callbacks.

    Its transcript is kept once, by the archive; and an agent compiled with a saver of its own
    would share one thread with all its siblings and mix their messages up.
    """
    config = traced_as("rollout") | RunnableConfig(
        run_name=f"rollout {id}",
        callbacks=ensure_config().get("callbacks"),
        configurable={"thread_id": thread},
    )
    with set_config_context({}) as context:
        call = agent.ainvoke(given, config | own, **options)
        return await asyncio.create_task(call, context=context)


async def keep_rollout(archive: Archive, line: JSON) -> dict[str, Any]:
    """Keep an attempt with its transcript, tell of it, and return the group's update."""
    record = {key: line[key] for key in Rollout.__annotations__ if key in line}
    record["trajectory"] = await archive.keep_rollout(line)
    told = {key: line[key] for key in ("step", "id", "turns", "missing")}
    get_stream_writer()({"event": "rollout", **told})
    return {"rollouts": [record], "usage": line["usage"]}


def describe_task(task: Mapping[str, Any]) -> JSON:
    """Say which attempt at which problem a line of the archive is about."""
    problem = task["problem"]
    return {
        "id": task["id"],
        "step": task["step"],
        "problem_id": problem["id"],
        "problem": problem["problem"],
        "answers": problem["answers"],
        "attempt": task["attempt"],
    }


def note_rollout(
    messages: Sequence[AnyMessage], answer: str, missing: str | None, seconds: float, usage: Ledger
) -> JSON:
    """Note the figures of a rollout beside its messages, in the form of chat completions."""
    turns = [m for m in messages if isinstance(m, AIMessage)]
    if not usage and turns:
        usage = {"rollout": usage_of_messages(turns)}
    if missing is None and not answer.strip():
        missing = "the agent ended without an answer"
    return {
        "answer": well_formed(answer) if missing is None else "",
        "tool_calls": sum(len(m.tool_calls) for m in turns),
        "turns": len(turns),
        "seconds": round(seconds, 3),
        "missing": missing,
        "usage": usage,
        "messages": well_formed(write_messages(messages)),
    }
