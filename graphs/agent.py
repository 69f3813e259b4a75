"""The agent: one rollout of a ReAct loop that reads the experience library.

    START → call_model ⇄ tools
                └→ END

For Studio and drawings. The turns, and the loop that rollouts run, are in `rollouts.react`.
"""

from functools import partial
from typing import Any

from langgraph.graph import END, START, StateGraph

from training_free_grpo.graphs.compiled import Graph
from training_free_grpo.graphs.context import current_settings
from training_free_grpo.graphs.node import Node
from training_free_grpo.policy import Policy
from training_free_grpo.rollouts.react import AgentInput, AgentState, ReactAgent, calls_tools
from training_free_grpo.settings import Settings
from training_free_grpo.settings_source import GivenPolicy, GivenSettings, make_source


async def call_model(agent: ReactAgent, state: AgentState) -> dict[str, Any]:
    """Ask the model for its next message, without tools once its turns are used up."""
    return {"messages": [await agent.call_model(state, current_settings(state))]}


async def call_tools(agent: ReactAgent, state: AgentState) -> dict[str, Any]:
    """Run all tools that the model called, concurrently."""
    return {"messages": await agent.call_tools(state, current_settings(state))}


def next_node(state: AgentState) -> str:
    """Continue with the tools while the model calls any."""
    return "tools" if calls_tools(state) else END


def build_agent_graph(
    agent: ReactAgent,
    input_schema: type[Any] = AgentState,
    *,
    settings: GivenSettings | None = None,
    policy: GivenPolicy | None = None,
) -> Graph:
    """Build the graph of a ReAct agent."""
    node = partial(Node, source=make_source(settings, policy))
    graph = StateGraph(AgentState, context_schema=Settings, input_schema=input_schema)
    graph.add_node("call_model", node(call_model, agent))
    graph.add_node("tools", node(call_tools, agent))
    graph.add_edge(START, "call_model")
    graph.add_conditional_edges("call_model", node(next_node), ["tools", END])
    graph.add_edge("tools", "call_model")
    return Graph.of(graph.compile(name="agent"))


agent = build_agent_graph(ReactAgent(), AgentInput, policy=Policy.from_environment)
"""Return the graph that langgraph.json serves: a conversation with the agent, in Studio."""
