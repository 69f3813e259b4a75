"""Run one attempt of any attempter within its time limit, and record the outcome."""

import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.errors import GraphInterrupt

from training_free_grpo.ledger import metered, usage_of_messages
from training_free_grpo.library import list_ids
from training_free_grpo.messages import write_messages
from training_free_grpo.models import ModelError, Refused
from training_free_grpo.models.labels import labelled, traced_as
from training_free_grpo.models.traffic.patience import patience
from training_free_grpo.records import FinishedRollout, Ledger, RolloutTask
from training_free_grpo.redact import redact
from training_free_grpo.settings import Settings
from training_free_grpo.storage.sqlite import StorageError
from training_free_grpo.text import well_formed

Talk = tuple[list[AnyMessage], str]
"""The messages that an attempt added to the question, and its answer."""

_LONGEST_REASON = 300


async def keeps_nothing(thread: str) -> None:
    """Release nothing: no tool keeps anything for the thread."""


async def run_rollout(
    task: RolloutTask,
    lessons: str,
    settings: Settings,
    talk: Callable[[str], Awaitable[Talk]],
    end_thread: Callable[[str], Awaitable[None]] = keeps_nothing,
) -> FinishedRollout:
    """Await `talk(thread)` within the time limit of a rollout; record its figures and messages.

    At the end `end_thread` always releases what tools keep for the thread. A lost rollout is
    missing, with the reason. Only errors that end the run are raised: Refused, since no other
    rollout could succeed either, and StorageError, since none could be stored.
    """
    # Otherwise the agent's own saver would resume an earlier run of the same rollout.
    thread = f"{task['id']}/{uuid4().hex}"
    started = time.monotonic()
    messages: list[AnyMessage] = []
    answer, missing = "", None
    about = {"step": task["step"], "problem_id": task["problem"]["id"]}
    with labelled(**about, attempt=task["attempt"]), metered() as usage:
        try:
            async with patience(settings.rollout_timeout) as limit:
                messages, answer = await talk(thread)
        except (Refused, StorageError):
            raise
        except Exception as error:  # noqa: BLE001 - a user's agent may raise anything
            missing = explain_loss(error, settings if limit.expired() else None)
        finally:
            await end_thread(thread)
    seconds = time.monotonic() - started
    return note_rollout(messages, answer, missing, seconds, usage, list_ids(lessons))


def explain_loss(error: Exception, late: Settings | None) -> str:
    """Describe in one line why a rollout is missing."""
    if late:
        return f"no answer within {late.rollout_timeout:g} s"
    if isinstance(error, ModelError):
        return f"{type(error).__name__.strip('_')}: {error}"[:_LONGEST_REASON]
    if isinstance(error, GraphInterrupt):
        return "it stopped at an interrupt, and nobody answers during training"
    return redact(f"the agent failed: {type(error).__name__}: {error}")[:_LONGEST_REASON]


def rollout_config(task: RolloutTask, thread: str) -> RunnableConfig:
    """Return the config of an attempt: its name, its thread, and the callbacks around it."""
    return traced_as("rollout") | RunnableConfig(
        run_name=f"rollout {task['id']}",
        callbacks=ensure_config().get("callbacks"),
        configurable={"thread_id": thread},
    )


def note_rollout(
    messages: Sequence[AnyMessage],
    answer: str,
    missing: str | None,
    seconds: float,
    usage: Ledger,
    lessons: list[str],
) -> FinishedRollout:
    """Record the figures of a rollout beside its messages, in chat-completions form."""
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
        "lessons": lessons,
    }
