"""The agent: one rollout of a ReAct loop that reads the experience library.

    START → call_model ⇄ tools
                └→ END

After `max_turns` model calls with tools it is asked once for its final answer without them.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from training_free_grpo.graphs.context import current_settings
from training_free_grpo.graphs.node import Node
from training_free_grpo.graphs.state import AgentInput, AgentState
from training_free_grpo.library import read_library, render_library
from training_free_grpo.library.prompt import with_experience
from training_free_grpo.prompts import render_prompt
from training_free_grpo.rollouts.components import Components
from training_free_grpo.rollouts.recall import answer_tool_call
from training_free_grpo.settings import Settings


async def call_model(components: Components, state: AgentState) -> dict[str, Any]:
    """Ask the model for its next message; without tools once its turns are used up."""
    settings = current_settings(state)
    if not state["messages"]:
        raise ValueError("messages is empty: ask the agent something")
    last = count_turns(state["messages"]) >= settings.max_turns
    tools = components.tools_for(settings).tools
    system = system_prompt(settings, tools)
    talk = [SystemMessage(with_experience(system, shown_lessons(state))), *state["messages"]]
    if last:
        talk.append(HumanMessage(render_prompt("final_answer")))
    policy = components.models.policy(settings, state.get("evaluation", False))
    answer = await policy.call(
        talk,
        role="rollout",
        tools=tools,
        last=last,
        seed=state.get("seed", settings.seed),
        attempt=state.get("attempt", 0),
    )
    return {"messages": [without_tool_calls(answer) if last else answer]}


def shown_lessons(state: AgentState) -> str:
    """Return the lessons that the agent reads: as a training run hands them, or a library's.

    Raise LibraryError for a library that cannot be read.
    """
    if library := state.get("library"):
        return render_library(read_library(library))
    return state.get("lessons", "")


def system_prompt(settings: Settings, tools: Sequence[BaseTool]) -> str:
    """Tell the agent its job, and of the tools that it has, and no others, when to use them."""
    system = render_prompt("agent", objective=settings.agent_objective)
    if not tools:
        return system
    here = tuple(f"- `{tool.name}`" for tool in tools)
    lines = render_prompt("tools").splitlines()
    kept = (line for line in lines if not line.startswith("-") or line.startswith(here))
    return "\n\n".join([system, "\n".join(kept)])


def count_turns(messages: Sequence[AnyMessage]) -> int:
    """Count the model calls since the last question: a talk may hold many."""
    turns = 0
    for message in messages:
        turns = 0 if isinstance(message, HumanMessage) else turns + isinstance(message, AIMessage)
    return turns


def without_tool_calls(answer: AIMessage) -> AIMessage:
    """Drop calls that a model made though it had no tools left: nobody will answer them."""
    return AIMessage(answer.text, id=answer.id, usage_metadata=answer.usage_metadata)


async def call_tools(components: Components, state: AgentState) -> dict[str, Any]:
    """Run the tools that the model called, at once; every call gets an answer it can act on."""
    asked = state["messages"][-1]
    assert isinstance(asked, AIMessage)
    answers: list[Any] = [refuse(call) for call in asked.invalid_tool_calls]
    toolbox, journal = components.tools_for(current_settings(state)), components.models.journal
    said = (answer_tool_call(toolbox, journal, state, n) for n in range(len(asked.tool_calls)))
    return {"messages": [*answers, *await asyncio.gather(*said)]}


def refuse(call: Any) -> ToolMessage:
    """Tell the model that the arguments of a call were not JSON."""
    said = f"The arguments are not valid JSON: {call.get('error') or call.get('args')}. Call again."
    return ToolMessage(said, tool_call_id=call["id"], name=call["name"], status="error")


def next_node(state: AgentState) -> str:
    """Go on to the tools as long as the model calls any."""
    answer = state["messages"][-1]
    called = isinstance(answer, AIMessage) and (answer.tool_calls or answer.invalid_tool_calls)
    return "tools" if called else END


def build_agent_graph(
    components: Components, input_schema: type[Any] = AgentState
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build the ReAct agent over the given tools and models."""
    graph = StateGraph(AgentState, context_schema=Settings, input_schema=input_schema)
    graph.add_node("call_model", Node(call_model, components))
    graph.add_node("tools", Node(call_tools, components))
    graph.add_edge(START, "call_model")
    graph.add_conditional_edges("call_model", Node(next_node), ["tools", END])
    graph.add_edge("tools", "call_model")
    return graph.compile(name="agent")


agent = build_agent_graph(Components(), AgentInput)
"""The graph that langgraph.json serves: a talk with the agent, in Studio."""
