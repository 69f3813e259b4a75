"""Training: batches of groups, and an edit of the experience library after each.

    START → prepare → draw_batch → group ×B → edit_experiences → [more steps?] → draw_batch | END

The library is state: every step is a checkpoint, and a run can go on from any of them.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, Overwrite, Send

from training_free_grpo.advice import Advice, trace_origins
from training_free_grpo.archive import Archive
from training_free_grpo.batches import count_steps, draw
from training_free_grpo.graders import Grader
from training_free_grpo.graphs.group import build_group_graph
from training_free_grpo.graphs.inputs import read_inputs
from training_free_grpo.graphs.node import Node
from training_free_grpo.graphs.parts import (
    Agent,
    Parts,
    current_settings,
    make_parts,
    unlimited,
)
from training_free_grpo.graphs.state import GroupInput, TrainingInput, TrainingState
from training_free_grpo.groups import seed_of
from training_free_grpo.ledger import metered
from training_free_grpo.library import apply_plan, render_library
from training_free_grpo.metrics import measure_step
from training_free_grpo.models import Models, value_or_reason
from training_free_grpo.records import Proposal
from training_free_grpo.reflection import edit_experiences as edit
from training_free_grpo.settings import Settings


async def prepare(parts: Parts, state: TrainingState) -> dict[str, Any]:
    """Check what the run is given, before any money is spent, and note what it will need."""
    given = await read_inputs(parts, state)
    return given | {
        "step": 0,
        "steps": count_steps(len(given["problems"]), current_settings(given)),
    }


async def draw_batch(parts: Parts, state: TrainingState) -> dict[str, Any]:
    """Draw the next batch, and write the library down once for all its groups."""
    step = state["step"] + 1
    epoch, batch = draw([p["id"] for p in state["problems"]], step, current_settings(state))
    lessons = await parts.archive.keep_text(render_library(state["library"]))
    return {"step": step, "epoch": epoch, "batch": batch, "lessons": lessons}


def send_groups(state: TrainingState) -> list[Send]:
    """Give each problem of the batch to a group of its own."""
    settings = current_settings(state)
    size = 0 if settings.directly_generated else settings.group_size
    problems = {p["id"]: p for p in state["problems"]}
    shared = {"lessons": state["lessons"], "settings": state["settings"], "step": state["step"]}
    return [
        Send("group", GroupInput(problem=problems[id], size=size, compare=True, **shared))  # type: ignore[typeddict-item]
        for id in state["batch"]
    ]


async def edit_experiences(parts: Parts, state: TrainingState) -> dict[str, Any]:
    """Turn what all groups propose into one plan, and carry it out."""
    settings, library, groups = current_settings(state), state["library"], state["groups"]
    proposals = [proposal for group in groups for proposal in group["proposals"]]
    with metered() as usage:
        advice, warning = await make_plan(parts, state, proposals)
    plan = trace_origins(advice.operations, proposals, state["step"], settings)
    library, applied, rejected = apply_plan(library, plan, settings.max_lesson_words)
    rejected = advice.rejected + rejected
    figures = measure_step(state, library, applied, rejected, usage, warning)
    await parts.archive.close_step(state["step"], groups)
    return {"library": library, "metrics": [figures], "groups": Overwrite([])}


async def make_plan(
    parts: Parts, state: TrainingState, proposals: list[Proposal]
) -> tuple[Advice, str | None]:
    """Ask for the plan. Without proposals there is no call; without a plan they stand as made."""
    if not proposals:
        return Advice(), None
    settings = current_settings(state)
    endpoint, seed = parts.models.reflection(settings), seed_of(settings.seed, state["step"])
    call = edit(endpoint, settings, state["library"], proposals, seed)
    plan, lost = await value_or_reason(call)
    if plan is not None:
        return plan, None
    operations = [proposal["operation"] for proposal in proposals]
    warning = f"no plan, so the proposals were carried out as they were made: {lost}"
    return Advice(operations=operations), warning


def more_steps(state: TrainingState) -> str:
    """Go on until every epoch is through."""
    return "draw_batch" if state["step"] < state["steps"] else END


def build_training_graph(
    agent: Agent | None = None,
    grader: Grader | None = None,
    tools: Sequence[BaseTool] | None = None,
    checkpointer: Checkpointer = None,
    *,
    models: Models | None = None,
    archive: Archive | None = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build the training graph; with nothing given it runs on what the settings name.

    `agent` is any runnable over messages that takes the place of the ReAct agent, `grader` any
    callable, `models` chat models in place of the settings' names.
    """
    parts = make_parts(agent, grader, tools, models, archive)
    graph = StateGraph(TrainingState, context_schema=Settings, input_schema=TrainingInput)
    graph.add_node("prepare", Node(prepare, parts))
    graph.add_node("draw_batch", Node(draw_batch, parts))
    graph.add_node("group", build_group_graph(parts))
    graph.add_node("edit_experiences", Node(edit_experiences, parts))
    graph.add_edge(START, "prepare")
    graph.add_edge("prepare", "draw_batch")
    graph.add_conditional_edges("draw_batch", Node(send_groups), ["group"])
    graph.add_edge("group", "edit_experiences")
    graph.add_conditional_edges("edit_experiences", Node(more_steps), ["draw_batch", END])
    return unlimited(graph.compile(name="training", checkpointer=checkpointer))


training = build_training_graph()
"""The graph that langgraph.json serves, on the embedded model until a context says otherwise."""
