"""Training: batches of groups, and an edit of the experience library after each.

    START → prepare → draw_batch → group ×B → plan_edits → [review?] → review_edits
                          ↑                                   └→ edit_experiences ←┘
                          └──────────────────────────────────────── [more steps?] → END

The library is state: every step is a checkpoint, and a run can resume from any of them.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.types import Checkpointer, Send

from training_free_grpo.graders import Grader
from training_free_grpo.graphs.compiled import Graph
from training_free_grpo.graphs.context import context_settings, current_settings, kept_settings
from training_free_grpo.graphs.editing import (
    check_review,
    current_library,
    edit_experiences,
    needs_review,
    plan_edits,
    review_edits,
)
from training_free_grpo.graphs.events import tell
from training_free_grpo.graphs.group import build_group_graph
from training_free_grpo.graphs.inputs import read_inputs
from training_free_grpo.graphs.limits import make_limits
from training_free_grpo.graphs.node import Node
from training_free_grpo.graphs.state import TrainingInput, TrainingOutput, TrainingState
from training_free_grpo.learning.batches import count_steps, draw
from training_free_grpo.learning.contrast import next_wave
from training_free_grpo.library import render_library
from training_free_grpo.models import Models
from training_free_grpo.policy import Policy
from training_free_grpo.records import GroupInput
from training_free_grpo.rollouts.attempter import Attempter, attempter_for
from training_free_grpo.rollouts.components import Components, make_components
from training_free_grpo.rollouts.own_agent import Agent
from training_free_grpo.settings import Settings
from training_free_grpo.settings_source import (
    GivenPolicy,
    GivenSettings,
    SettingsSource,
    make_source,
)
from training_free_grpo.spending.budget import Budget
from training_free_grpo.storage.archive import Archive
from training_free_grpo.storage.recorder import Recorder
from training_free_grpo.traces import Traces


async def prepare(components: Components, state: TrainingState) -> dict[str, Any]:
    """Check the input before any money is spent, and record what the run needs."""
    attempter = attempter_for(context_settings(), components.attempter)
    given = await read_inputs(components, attempter, state)
    check_review(kept_settings(given))
    await components.recorder.keep_library(0, given["library"])
    steps = count_steps(len(given["problems"]), kept_settings(given))
    return given | {"step": 0, "steps": steps, "plan": None, "metrics": None}


async def draw_batch(components: Components, state: TrainingState) -> dict[str, Any]:
    """Draw the next batch, and store the library once for all its groups."""
    step = state["step"] + 1
    settings = current_settings(state)
    epoch, batch = draw([p["id"] for p in state["problems"]], step, settings)
    attempter = attempter_for(settings, components.attempter)
    tell(
        {
            "event": "batch",
            "step": step,
            "epoch": epoch,
            "problems": batch,
            "rollouts": sum(attempter.count(id, settings) for id in batch),
        }
    )
    lessons = await components.archive.keep_text(render_library(current_library(state)))
    return {"step": step, "epoch": epoch, "batch": batch, "lessons": lessons}


def send_groups(components: Components, state: TrainingState) -> list[Send]:
    """Assign problems to groups, a few hundred at a time, those with the most turns first."""
    settings = kept_settings(state)
    turns = state.get("turns", {})
    problems = {p["id"]: p for p in state["problems"]}
    attempter = attempter_for(settings, components.attempter)
    task = partial(
        GroupInput,
        lessons=state["lessons"],
        settings=state["settings"],
        step=state["step"],
        compare=True,
    )
    return [
        Send("group", task(problem=problems[id], size=attempter.count(id, settings)))
        for id in next_wave(
            sorted(state["batch"], key=lambda id: -turns.get(id, 0)), state["groups"]
        )
    ]


def after_plan(components: Components, state: TrainingState) -> list[Send] | str:
    """Continue with the rest of a large batch, or else with the plan."""
    return send_groups(components, state) or needs_review(state)


def more_steps(state: TrainingState) -> str:
    """Continue until every epoch is done."""
    return "draw_batch" if state["step"] < state["steps"] else END


def connect(components: Components, source: SettingsSource) -> StateGraph[Any, Any, Any, Any]:
    """Connect the nodes."""
    node = partial(Node, source=source)
    graph = StateGraph(
        TrainingState,
        context_schema=Settings,
        input_schema=TrainingInput,
        output_schema=TrainingOutput,
    )
    graph.add_node("prepare", node(prepare, components))
    graph.add_node("draw_batch", node(draw_batch, components))
    graph.add_node("group", build_group_graph(components, source))
    graph.add_node("plan_edits", node(plan_edits, components))
    graph.add_node("review_edits", node(review_edits))
    graph.add_node("edit_experiences", node(edit_experiences, components))
    graph.add_edge(START, "prepare")
    graph.add_edge("prepare", "draw_batch")
    graph.add_conditional_edges("draw_batch", node(send_groups, components), ["group"])
    graph.add_edge("group", "plan_edits")
    graph.add_conditional_edges(
        "plan_edits", node(after_plan, components), ["group", "review_edits", "edit_experiences"]
    )
    graph.add_edge("review_edits", "edit_experiences")
    graph.add_conditional_edges("edit_experiences", node(more_steps), ["draw_batch", END])
    return graph


def build_training_graph(
    agent: Agent | None = None,
    grader: Grader | None = None,
    *,
    tools: Sequence[BaseTool] | None = None,
    checkpointer: Checkpointer = None,
    models: Models | None = None,
    archive: Archive | None = None,
    recorder: Recorder | None = None,
    traces: Traces | None = None,
    attempter: Attempter | None = None,
    settings: GivenSettings | None = None,
    policy: GivenPolicy | None = None,
    budget: Budget | None = None,
) -> Graph:
    """Build the training graph; by default it runs on what the settings name.

    Its input is `problems`, rows of a data set, and optionally a `library` to start from. Its
    result holds the learned `library` and the `metrics` of each step, as plain JSON. Settings are
    the context. `agent` is any runnable over messages that replaces the ReAct agent, `grader` any
    callable, and `models` are chat models that replace those named in the settings. With `traces`,
    the graph learns from recorded attempts and makes none. An `attempter` makes the attempts in
    some way other than an agent.

    `settings` are defaults that a context overrides, or a function that derives them from a parent
    graph's context. `policy` limits what a context may change. A run that reaches its `budget`
    raises OutOfBudget.
    """
    components = make_components(agent, grader, tools, models, archive, traces, attempter, recorder)
    source = make_source(settings, policy)
    compiled = connect(components, source).compile(name="training", checkpointer=checkpointer)
    return Graph.of(compiled, make_limits(budget, components, source))


training = build_training_graph(policy=Policy.from_environment)
"""Return the graph that langgraph.json serves, with the embedded model as the default."""
