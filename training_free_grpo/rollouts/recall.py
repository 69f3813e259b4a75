"""What a run records of a rollout besides its model calls: tool outputs and the outcome.

A rollout that is rerun after a kill neither searches nor computes a second time, and a replay needs
no tools at all.
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
    """Return the tool's answer to one call of the last message, from the record if it is there.

    A stateful tool runs again: its next call would otherwise miss its variables.
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
        raise Outage(f"the record holds no output of tool {call['name']}")
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
    """Restore the original duration of a repeated rollout, and in a replay its outcome.

    A rollout lost to a time-out or an outage would not be lost in the same way again.
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
    """Count the usage of a rollout whose calls are not in the journal."""
    for role, used in usage.items():
        models.gate.count(role, used)
        if models.journal:
            await models.journal.note(uuid4().hex, "own agent", {"role": role, "usage": {**used}})
