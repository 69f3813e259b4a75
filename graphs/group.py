"""A group: one problem, G attempts, and the difference between them in words.

    START → rollout ×G → grade → [contrast?] → summarize ×G → extract_advantage → END

A separate graph, so that the problems of a batch advance independently: LangGraph's
supersteps have a barrier, and in one flat graph the slowest rollout would hold up every summary.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel.protocol import PregelProtocol
from langgraph.types import Send

from training_free_grpo.compat import draw_inside
from training_free_grpo.graders import apply_grader, wants_trajectory
from training_free_grpo.graphs.agent import build_agent_graph
from training_free_grpo.graphs.context import current_settings, kept_settings
from training_free_grpo.graphs.events import tell
from training_free_grpo.graphs.node import Node
from training_free_grpo.graphs.state import GroupOutput, GroupState, SummaryTask
from training_free_grpo.learning.contrast import close_group, has_contrast, reflects, seed_of
from training_free_grpo.learning.judging import asks_judge, judge_answer, judge_of
from training_free_grpo.learning.reflection import extract_advantage as extract
from training_free_grpo.learning.reflection import summarize as summarize_attempt
from training_free_grpo.ledger import add_ledgers, metered
from training_free_grpo.library import list_ids, parse_lessons, select_lessons
from training_free_grpo.models import value_or_reason
from training_free_grpo.models.labels import labelled
from training_free_grpo.records import (
    JSON,
    Grade,
    Group,
    GroupInput,
    Problem,
    Rollout,
    RolloutTask,
)
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.components import Components
from training_free_grpo.rollouts.notes import note_rollout, write_line
from training_free_grpo.rollouts.react import ReactAgent
from training_free_grpo.rollouts.user_agent import UserAgent
from training_free_grpo.settings import Settings
from training_free_grpo.settings_source import SettingsSource
from training_free_grpo.threads import in_thread
from training_free_grpo.transcripts import text_of
from training_free_grpo.validation.hiding import hide

NO_SUMMARIES: JSON = {}


async def send_rollouts(components: Components, state: GroupState) -> list[Send] | str:
    """Make every attempt a task of its own, so that it is durable as soon as it finishes."""
    if not state["size"]:
        return "extract_advantage"
    step, id = state["step"], state["problem"]["id"]
    seed = seed_of(kept_settings(state).seed, step, id)
    task = partial(RolloutTask, **given(state), seed=seed, chosen=await choose(components, state))
    return [Send("rollout", task(id=f"{step}/{id}/{n}", attempt=n)) for n in range(state["size"])]


async def choose(components: Components, state: GroupState) -> list[str] | None:
    """Choose the lessons once for all attempts at the problem: they may differ only by chance."""
    top_k = kept_settings(state).top_k
    if top_k is None:
        return None
    lessons = await components.archive.read_text(state["lessons"])
    search = components.retrieval.choose
    return await in_thread(search, lessons, state["problem"]["problem"], top_k)


async def rollout(components: Components, task: RolloutTask) -> dict[str, Any]:
    """Attempt the problem once, and keep the attempt with its transcript."""
    lessons = await components.archive.read_text(task["lessons"])
    if task["chosen"] is not None:
        lessons = select_lessons(lessons, task["chosen"])
    settings = current_settings(task)
    if hidden := hide(task, lessons, settings):
        lessons = select_lessons(lessons, set(list_ids(lessons)) - set(hidden))
    finished = await components.attempter.attempt(task, lessons, settings)
    found = note_rollout(task, finished)
    found["trajectory"] = await components.archive.keep_rollout(write_line(task, finished, hidden))
    tell(
        {
            "event": "rollout",
            "step": task["step"],
            "problem": task["problem"]["id"],
            "id": task["id"],
            "turns": found["turns"],
            "missing": found["missing"],
            "rollout": found,
            "usage": finished["usage"],
        }
    )
    return {"rollouts": [found], "usage": finished["usage"]}


async def grade(components: Components, state: GroupState) -> dict[str, Any]:
    """Grade every finished attempt; close the group here if there is nothing to learn from it."""
    settings, problem = current_settings(state), state["problem"]
    finished = [r for r in state["rollouts"] if r["missing"] is None]
    with labelled(step=state["step"], problem_id=problem["id"]), metered() as usage:
        found = await asyncio.gather(
            *(grade_one(components, settings, problem, r) for r in finished)
        )
    grades = {r["id"]: g for r, g in zip(finished, found, strict=True)}
    rewards = [g["reward"] for g in found]
    tell(
        {
            "event": "grade",
            "step": state["step"],
            "problem": problem["id"],
            "rewards": rewards,
            "grades": grades,
            "contrast": has_contrast(rewards),
            "usage": usage,
        }
    )
    update = {"grades": grades, "usage": usage}
    if state["compare"] and reflects(settings, grades):
        return update
    total = add_ledgers(state["usage"], usage)
    group = close_group(problem["id"], state["rollouts"], grades, total)
    return update | await keep_group(components, state, group, grades)


async def keep_group(
    components: Components,
    state: GroupState,
    group: Group,
    grades: Mapping[str, Grade],
    summaries: JSON = NO_SUMMARIES,
) -> dict[str, Any]:
    """Keep a finished group, and return the update that closes it."""
    step, problem = state["step"], state["problem"]
    await components.recorder.keep_group(step, group, problem, grades, summaries)
    tell({"event": "group", "step": step, "problem": problem["id"], "group": group})
    return {"groups": [group]}


async def grade_one(
    components: Components, settings: Settings, problem: Problem, rollout: Rollout
) -> Grade:
    """Grade one attempt; the judge, if there is one, decides what the grader leaves undecided."""
    transcript: Sequence[JSON] = ()
    grader = components.grader
    if (given := rollout.get("grade")) is not None:
        return await apply_grader(lambda problem, answer: given, problem, rollout["answer"], ())
    if wants_trajectory(grader):
        transcript = await components.archive.read_transcript(rollout["trajectory"])
    grade = await apply_grader(grader, problem, rollout["answer"], transcript)
    if not asks_judge(grade, components.models, settings):
        return grade
    with labelled(attempt=rollout["attempt"]):
        return await judge_answer(judge_of(components.models, settings), problem, rollout["answer"])


def send_summaries(state: GroupState) -> list[Send] | str:
    """Summarize each graded attempt, unless the group was closed for lack of contrast."""
    if state["groups"]:
        return END
    grades = {id: g for id, g in state["grades"].items() if g["reward"] is not None}
    # Tasks are stored several times, and transcripts end in the answer anyway.
    graded: list[Rollout] = [{**r, "answer": ""} for r in state["rollouts"] if r["id"] in grades]
    return [
        Send("summarize", SummaryTask(**given(state), rollout=r, grade=grades[r["id"]]))
        for r in graded
    ]


async def summarize(components: Components, task: SummaryTask) -> dict[str, Any]:
    """Summarize one attempt; a lost summary costs the comparison only that attempt."""
    settings, rollout = current_settings(task), task["rollout"]
    transcript = await components.archive.read_transcript(rollout["trajectory"])
    endpoint, seed = components.models.reflection(settings), seed_of(rollout["id"])
    call = summarize_attempt(endpoint, settings, task["problem"], transcript, task["grade"], seed)
    about = {"step": task["step"], "problem_id": task["problem"]["id"]}
    with labelled(**about, attempt=rollout["attempt"]), metered() as usage:
        text, lost = await value_or_reason(call)
    tell(
        {
            "event": "summary",
            "step": task["step"],
            "problem": task["problem"]["id"],
            "id": rollout["id"],
            "lost": lost,
            "usage": usage,
        }
    )
    if text is None:
        return {"lost": [lost], "usage": usage}
    return {"summaries": {rollout["id"]: text}, "usage": usage}


async def extract_advantage(components: Components, state: GroupState) -> dict[str, Any]:
    """Compare the attempts and propose edits of the library."""
    settings, problem = current_settings(state), state["problem"]
    grades, summaries = state.get("grades", {}), state["summaries"]
    library = parse_lessons(await components.archive.read_text(state["lessons"]))
    attempts = [(g["reward"], summaries[id]) for id, g in grades.items() if id in summaries]
    advice, failure = None, None
    with labelled(step=state["step"], problem_id=problem["id"]), metered() as usage:
        if len(attempts) < min(state["size"], 2):
            failure = f"too few summaries: {state['lost'][0]}"
        else:
            endpoint = components.models.reflection(settings)
            seed = seed_of(settings.seed, state["step"], problem["id"])
            outputs = await read_outputs(components, state["rollouts"])
            call = extract(endpoint, settings, problem, library, attempts, seed, outputs)
            advice, failure = await value_or_reason(call)
    tell(
        {
            "event": "comparison",
            "step": state["step"],
            "problem": problem["id"],
            "proposals": len(advice.operations) if advice else 0,
            "failure": failure,
            "usage": usage,
        }
    )
    total = add_ledgers(state["usage"], usage)
    group = close_group(problem["id"], state["rollouts"], grades, total, advice, failure)
    return await keep_group(components, state, group, grades, summaries)


async def read_outputs(components: Components, rollouts: Sequence[Rollout]) -> list[str]:
    """Return the tool outputs of some rollouts, which no lesson may copy."""
    found: list[str] = []
    for rollout in rollouts:
        if rollout["tool_calls"]:
            transcript = await components.archive.read_transcript(rollout["trajectory"])
            found += [text_of(m.get("content")) for m in transcript if m.get("role") == "tool"]
    return found


def given(state: GroupState) -> GroupInput:
    """Return the group's input, for its tasks."""
    return {
        "problem": state["problem"],
        "lessons": state["lessons"],
        "settings": state["settings"],
        "step": state["step"],
        "size": state["size"],
        "compare": state["compare"],
    }


def build_group_graph(
    components: Components, source: SettingsSource
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build the graph of one group."""
    node = partial(Node, source=source)
    graph = StateGraph(GroupState, input_schema=GroupInput, output_schema=GroupOutput)
    graph.add_node("rollout", node(rollout, components))
    graph.add_node("grade", node(grade, components))
    graph.add_node("summarize", node(summarize, components))
    graph.add_node("extract_advantage", node(extract_advantage, components))
    graph.add_conditional_edges(
        START, node(send_rollouts, components), ["rollout", "extract_advantage"]
    )
    graph.add_edge("rollout", "grade")
    graph.add_conditional_edges("grade", node(send_summaries), ["summarize", END])
    graph.add_edge("summarize", "extract_advantage")
    graph.add_edge("extract_advantage", END)
    group = graph.compile(name="group")
    draw_inside(group, "rollout", drawn_in_rollout(components.attempter))
    return group


def drawn_in_rollout(attempter: Attempter) -> list[PregelProtocol[Any, Any, Any, Any]]:
    """Return the graph that drawings show inside `rollout`, where LangGraph itself finds none."""
    if isinstance(attempter, ReactAgent):
        return [build_agent_graph(attempter)]
    if isinstance(attempter, UserAgent) and isinstance(attempter.agent, PregelProtocol):
        return [attempter.agent]
    return []
