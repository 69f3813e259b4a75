"""Evaluation: k graded attempts at each problem, in groups without the comparison.

START → prepare → group ×N → report → [more groups?] → END
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.types import Checkpointer, Send

from training_free_grpo.graders import Grader
from training_free_grpo.graphs.compiled import Graph
from training_free_grpo.graphs.context import current_settings, kept_settings
from training_free_grpo.graphs.events import tell
from training_free_grpo.graphs.group import build_group_graph
from training_free_grpo.graphs.inputs import read_inputs
from training_free_grpo.graphs.limits import make_limits
from training_free_grpo.graphs.node import Node
from training_free_grpo.graphs.state import EvaluationOutput, EvaluationState, TrainingInput
from training_free_grpo.learning.contrast import next_wave
from training_free_grpo.library import render_library
from training_free_grpo.metrics import measure_evaluation
from training_free_grpo.models import Models
from training_free_grpo.policy import Policy
from training_free_grpo.records import GroupInput
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.components import Components, make_components
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.settings import Settings
from training_free_grpo.settings_source import GivenPolicy, GivenSettings, make_source
from training_free_grpo.spending.budget import Budget
from training_free_grpo.storage.archive import Archive


async def prepare(components: Components, state: EvaluationState) -> dict[str, Any]:
    """Check the input of the evaluation before any money is spent."""
    given = await read_inputs(components, components.attempter, state)
    lessons = await components.archive.keep_text(render_library(given["library"]))
    return given | {"lessons": lessons, "evaluation": None}


def send_groups(state: EvaluationState) -> list[Send]:
    """Give each problem to a group of its own."""
    size, wave = kept_settings(state).attempts, set(waiting(state))
    # Always step 0: the seeds are then the same with and without a library, so the
    # difference between two evaluations is a paired one.
    task = partial(
        GroupInput,
        lessons=state["lessons"],
        settings=state["settings"],
        step=0,
        size=size,
        compare=False,
    )
    return [
        Send("group", task(problem=problem))
        for problem in state["problems"]
        if problem["id"] in wave
    ]


def waiting(state: EvaluationState) -> list[str]:
    """Return the next problems whose groups start, a few hundred at a time."""
    return next_wave((problem["id"] for problem in state["problems"]), state["groups"])


async def report(components: Components, state: EvaluationState) -> dict[str, Any]:
    """Count the results of the groups, then clear them: the thread may hold another evaluation."""
    if waiting(state):
        return {}
    settings = current_settings(state)
    prices = await components.prices(settings)
    found = measure_evaluation(state["groups"], settings.attempts, prices)
    tell({"event": "evaluation", "mean": found["mean"], "evaluation": found})
    return {"evaluation": found, "usage": found["usage"], "groups": None}


def more_groups(state: EvaluationState) -> list[Send] | str:
    """Continue until every problem has its group."""
    return END if state["evaluation"] else send_groups(state)


def build_evaluation_graph(
    agent: Agent | None = None,
    grader: Grader | None = None,
    *,
    tools: Sequence[BaseTool] | None = None,
    checkpointer: Checkpointer = None,
    models: Models | None = None,
    archive: Archive | None = None,
    attempter: Attempter | None = None,
    settings: GivenSettings | None = None,
    policy: GivenPolicy | None = None,
    budget: Budget | None = None,
) -> Graph:
    """Build the evaluation graph; by default it runs on what the settings name.

    `agent` is any runnable over messages that replaces the ReAct agent, `grader` any callable, and
    `models` are chat models that replace those named in the settings. An `attempter` makes the
    attempts in some way other than an agent. `settings`, `policy` and `budget` are as in
    `build_training_graph`.
    """
    components = make_components(agent, grader, tools, models, archive, attempter=attempter)
    source = make_source(settings, policy)
    node = partial(Node, source=source)
    graph = StateGraph(
        EvaluationState,
        context_schema=Settings,
        input_schema=TrainingInput,
        output_schema=EvaluationOutput,
    )
    graph.add_node("prepare", node(prepare, components))
    graph.add_node("group", build_group_graph(components, source))
    graph.add_node("report", node(report, components))
    graph.add_edge(START, "prepare")
    graph.add_conditional_edges("prepare", node(send_groups), ["group"])
    graph.add_edge("group", "report")
    graph.add_conditional_edges("report", node(more_groups), ["group", END])
    compiled = graph.compile(name="evaluation", checkpointer=checkpointer)
    return Graph.of(compiled, make_limits(budget, components, source))


evaluation = build_evaluation_graph(policy=Policy.from_environment)
"""Return the graph that langgraph.json serves, with the embedded model as the default."""
