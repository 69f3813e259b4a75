"""The ReAct agent: it calls the policy model, runs the requested tools, and repeats.

After `max_turns` model calls with tools, it is asked once for its final answer without them.
`graphs.agent` draws the same turns as a graph; an attempt runs them in a plain loop, since the
training graph checkpoints the whole attempt as one task.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, NotRequired

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool
from langgraph.graph.message import add_messages
from pydantic import Field
from typing_extensions import TypedDict

from training_free_grpo.compat import apart, with_runtime
from training_free_grpo.library import read_library, render_library
from training_free_grpo.library.prompt import with_experience
from training_free_grpo.models import Models
from training_free_grpo.models.chat import check_model
from training_free_grpo.models.names import policy_name
from training_free_grpo.models.prices import price_of
from training_free_grpo.models.traffic.limits import limit
from training_free_grpo.prices import RolePrice
from training_free_grpo.prompts import render_prompt
from training_free_grpo.records import JSON, FinishedRollout, RolloutTask
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.recall import answer_tool_call, settle
from training_free_grpo.rollouts.rollout import Talk, rollout_config, run_rollout
from training_free_grpo.rollouts.toolbox import Toolbox, default_toolbox, start_tools
from training_free_grpo.settings import Settings
from training_free_grpo.threads import in_thread

_PER_CALL = 4
"""Rollouts in progress per call in flight: while some run their tools, others call the model."""


class AgentInput(TypedDict):
    """The input of a conversation with the agent; the library stays with the thread."""

    messages: Annotated[list[AnyMessage], add_messages]
    library: Annotated[
        NotRequired[dict[str, Any]],
        Field(description='Lessons that the agent reads: library.json, or {"G0": "text"}.'),
    ]


class AgentState(AgentInput):
    """The conversation so far. The other fields are optional and set by the caller."""

    lessons: NotRequired[str]
    """The library as prompts show it; empty for none."""
    settings: NotRequired[JSON]
    evaluation: NotRequired[bool]
    """Whether this is evaluation, which uses another temperature."""
    seed: NotRequired[int]
    attempt: NotRequired[int]


class ReactAgent(Attempter):
    """Attempts problems with the policy model and tools, in a ReAct loop."""

    name = "react"
    replayable = True

    def __init__(self, models: Models | None = None, toolbox: Toolbox | None = None) -> None:
        self.models = models or Models()
        self._toolbox = toolbox

    def tools_for(self, settings: Settings) -> Toolbox:
        """Return the tools that were passed, or else those that the settings name."""
        return self._toolbox or default_toolbox(settings)

    async def check(self, settings: Settings) -> None:
        """Check the model and start the tools, unless all answers come from a record."""
        if self.models.journal and self.models.journal.sealed:
            return
        if self.models.policy_model is None:
            await in_thread(check_model, *policy_name(settings), settings.model_options)
        if self._toolbox is None:
            await start_tools(settings)

    def prices(self, settings: Settings) -> RolePrice:
        """Return the policy model and its price."""
        return price_of(settings.price, policy_name(settings), self.models.policy_model)

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Attempt the problem once."""
        talk = partial(self._talk, task, lessons, settings)
        end_thread = self.tools_for(settings).end_thread
        async with limit("rollouts", settings.concurrency * _PER_CALL):
            finished = await run_rollout(task, lessons, settings, talk, end_thread)
        return await settle(self.models.journal, task, lessons, settings, finished)

    async def call_model(self, state: AgentState, settings: Settings) -> AIMessage:
        """Ask the model for its next message, without tools once its turns are used up."""
        if not state["messages"]:
            raise ValueError("messages is empty: ask the agent something")
        last = count_turns(state["messages"]) >= settings.max_turns
        tools = self.tools_for(settings).tools
        system = system_prompt(settings, tools)
        talk = [SystemMessage(with_experience(system, shown_lessons(state))), *state["messages"]]
        if last:
            talk.append(HumanMessage(render_prompt("final_answer")))
        answer = await self.models.policy(settings, state.get("evaluation", False)).call(
            talk,
            role="rollout",
            tools=tools,
            last=last,
            seed=state.get("seed", settings.seed),
            attempt=state.get("attempt", 0),
        )
        return without_tool_calls(answer) if last else answer

    async def call_tools(self, state: AgentState, settings: Settings) -> list[ToolMessage]:
        """Run all tools that the model called, concurrently; every call gets an answer."""
        asked = state["messages"][-1]
        assert isinstance(asked, AIMessage)
        refused = [refuse(call) for call in asked.invalid_tool_calls]
        toolbox, journal = self.tools_for(settings), self.models.journal
        said = (answer_tool_call(toolbox, journal, state, n) for n in range(len(asked.tool_calls)))
        return [*refused, *await asyncio.gather(*said)]

    async def _talk(self, task: RolloutTask, lessons: str, settings: Settings, thread: str) -> Talk:
        """Take turns from the question to the answer, as one run under the callbacks."""

        async def take_turns(state: AgentState) -> AgentState:
            while True:
                answer = await self.call_model(state, settings)
                state = {**state, "messages": [*state["messages"], answer]}
                if not calls_tools(state):
                    return state
                answers = await self.call_tools(state, settings)
                state = {**state, "messages": [*state["messages"], *answers]}

        given = AgentState(
            messages=[HumanMessage(task["problem"]["problem"])],
            lessons=lessons,
            evaluation=not task["compare"],
            seed=task["seed"],
            attempt=task["attempt"],
        )
        config: RunnableConfig = with_runtime(rollout_config(task, thread), settings)
        ended = await apart(RunnableLambda(take_turns).ainvoke(given, config))
        added = ended["messages"][1:]
        return added, added[-1].text


def shown_lessons(state: AgentState) -> str:
    """Return the lessons for the agent: as a training run passes them, or from a library.

    Raise LibraryError for a library that cannot be read.
    """
    if library := state.get("library"):
        return render_library(read_library(library))
    return state.get("lessons", "")


def system_prompt(settings: Settings, tools: Sequence[BaseTool]) -> str:
    """Return the agent's system prompt, with usage advice for exactly the tools that it has."""
    system = render_prompt("agent", objective=settings.agent_objective)
    if not tools:
        return system
    here = tuple(f"- `{tool.name}`" for tool in tools)
    lines = render_prompt("tools").splitlines()
    kept = (line for line in lines if not line.startswith("-") or line.startswith(here))
    return "\n\n".join([system, "\n".join(kept)])


def count_turns(messages: Sequence[AnyMessage]) -> int:
    """Count the model calls since the last question: a conversation may hold several."""
    turns = 0
    for message in messages:
        turns = 0 if isinstance(message, HumanMessage) else turns + isinstance(message, AIMessage)
    return turns


def calls_tools(state: Mapping[str, Any]) -> bool:
    """Return whether the last message calls tools."""
    answer = state["messages"][-1]
    return isinstance(answer, AIMessage) and bool(answer.tool_calls or answer.invalid_tool_calls)


def without_tool_calls(answer: AIMessage) -> AIMessage:
    """Drop calls that a model made although it had no tools left: nothing will answer them."""
    return AIMessage(answer.text, id=answer.id, usage_metadata=answer.usage_metadata)


def refuse(call: InvalidToolCall) -> ToolMessage:
    """Return an error to the model for a call whose arguments are not valid JSON."""
    said = f"The arguments are not valid JSON: {call.get('error') or call.get('args')}. Call again."
    return ToolMessage(said, tool_call_id=call["id"], name=call["name"], status="error")
