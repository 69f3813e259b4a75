"""What a run remembers of a rollout beside its model calls: what tools said, and how it ended.

A rollout that is made again after a kill neither searches nor computes a second time, and a replay
needs no tool at all.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, ToolMessage

from training_free_grpo.models import Models, Outage
from training_free_grpo.records import FinishedRollout, Ledger, RolloutTask
from training_free_grpo.rollouts.toolbox import Toolbox
from training_free_grpo.settings import Settings
from training_free_grpo.storage.journal import Journal, call_key


async def answer_tool_call(
    toolbox: Toolbox, journal: Journal | None, state: Mapping[str, Any], position: int
) -> ToolMessage:
    """Return what a tool said to one of the calls in the last message, now or before a kill.

    A tool that keeps variables is asked again: its next call would miss them.
    """
    *talk, asked = state["messages"]
    assert isinstance(asked, AIMessage)
    call = asked.tool_calls[position]
    if journal is None or toolbox.keeps_state(call["name"]):
        return await toolbox.answer(state, call)
    circumstances = {"seed": state.get("seed"), "attempt": state.get("attempt")}
    key = call_key([*talk, asked], tool=call["name"], position=position, **circumstances)
    if said := await journal.find_note(key):
        return ToolMessage(tool_call_id=call["id"], name=call["name"], **said)
    if journal.sealed:
        raise Outage(f"the record holds no answer of {call['name']}")
    answer = await toolbox.answer(state, call)
    await journal.note(key, "tool", {"content": answer.content, "status": answer.status})
    return answer


async def settle(
    journal: Journal | None,
    task: RolloutTask,
    lessons: str,
    settings: Settings,
    finished: FinishedRollout,
) -> FinishedRollout:
    """Give a repeated rollout the time that it took at first, and in a replay its outcome.

    What was lost to a time-out or an outage would not be lost in the same way again.
    """
    if journal is None:
        return finished
    key = call_key([], rollout=task["id"], lessons=lessons, settings=settings.essential())
    end = {"seconds": finished["seconds"], "missing": finished["missing"]}
    noted = await journal.find_note(key)
    if noted and (journal.sealed or noted["missing"] == end["missing"]):
        return {**finished, "seconds": noted["seconds"], "missing": noted["missing"]}
    await journal.note(key, "rollout", end)
    return finished


async def count_unseen(models: Models, usage: Ledger) -> None:
    """Count what a rollout took whose calls are not in the journal."""
    for role, used in usage.items():
        models.gate.count(role, used)
        if models.journal:
            await models.journal.note(uuid4().hex, "own agent", {"role": role, "usage": {**used}})
