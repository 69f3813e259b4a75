"""The end of a training step: a plan for the library, an optional review, and the edit."""

from typing import Any

from langgraph.config import get_config
from langgraph.types import interrupt

from training_free_grpo.compat import checkpointer_of
from training_free_grpo.graphs.context import current_settings, kept_settings
from training_free_grpo.graphs.events import tell
from training_free_grpo.graphs.state import TrainingState
from training_free_grpo.learning.contrast import longest_attempts, next_wave, seed_of
from training_free_grpo.learning.operations_answer import Advice, trace_origins
from training_free_grpo.learning.reflection import edit_experiences as ask_for_plan
from training_free_grpo.learning.review import (
    ReviewError,
    carry_decisions,
    describe_plan,
    read_answer,
)
from training_free_grpo.ledger import add_ledgers, metered
from training_free_grpo.library import apply_plan, read_library
from training_free_grpo.metrics import measure_step
from training_free_grpo.models import value_or_reason
from training_free_grpo.models.labels import labelled
from training_free_grpo.records import Group, Library, Plan, Proposal
from training_free_grpo.rollouts.components import Components
from training_free_grpo.settings import Settings, SettingsError


async def plan_edits(components: Components, state: TrainingState) -> dict[str, Any]:
    """Turn the proposals of all groups into one plan, in a node of its own so it is paid for once.

    Between the waves of a large batch there is nothing to plan yet.
    """
    if next_wave(state["batch"], state["groups"]):
        return {}
    proposals = [p for group in in_order(state) for p in group["proposals"]]
    with labelled(step=state["step"]), metered() as usage:
        advice, warning = await make_plan(components, state, proposals)
    traced = trace_origins(advice.operations, proposals, state["step"], current_settings(state))
    plan: Plan = {
        "edits": [{"operation": operation, "origin": origin} for operation, origin in traced],
        "rejected": advice.rejected,
        "warning": warning,
        "usage": usage,
    }
    tell(
        {
            "event": "plan",
            "step": state["step"],
            "edits": len(plan["edits"]),
            "warning": warning,
            "usage": usage,
        }
    )
    return {"plan": plan}


def in_order(state: TrainingState) -> list[Group]:
    """Return the groups in the order of the batch: the plan may not depend on timing."""
    places = {id: place for place, id in enumerate(state["batch"])}
    return sorted(state["groups"], key=lambda group: places[group["problem"]])


async def make_plan(
    components: Components, state: TrainingState, proposals: list[Proposal]
) -> tuple[Advice, str | None]:
    """Ask for the plan.

    Without proposals there is no call. If the call fails, the proposals are used unchanged.
    """
    if not proposals:
        return Advice(), None
    settings, declined = current_settings(state), state.get("declined", [])
    endpoint, seed = components.models.reflection(settings), seed_of(settings.seed, state["step"])
    library, problems = current_library(state), state["problems"]
    call = ask_for_plan(endpoint, settings, library, proposals, seed, declined, problems)
    plan, lost = await value_or_reason(call)
    if plan is not None:
        return plan, None
    operations = [proposal["operation"] for proposal in proposals]
    warning = f"the call for a plan failed, so the proposals were carried out unchanged: {lost}"
    return Advice(operations=operations), warning


def check_review(settings: Settings) -> None:
    """Raise SettingsError if the settings require a review but there is no checkpointer."""
    if settings.review != "off" and not checkpointer_of(get_config()):
        raise SettingsError(
            f"setting 'review' is {settings.review!r}, but a run cannot wait for a review without "
            "a checkpointer: pass one to build_training_graph, run it on a thread of a server, or "
            "set it to 'off'"
        )


def needs_review(state: TrainingState) -> str:
    """Have a person review the plan, if the settings say so."""
    asks = kept_settings(state).review == "each_step" and planned(state)["edits"]
    return "review_edits" if asks else "edit_experiences"


async def review_edits(state: TrainingState) -> dict[str, Any]:
    """Wait for a person's decisions; explain an invalid answer and ask again."""
    plan, library, step = planned(state), current_library(state), state["step"]
    most = kept_settings(state).max_lesson_words
    request = describe_plan(plan, step, library, state["groups"], state["problems"], most)
    operations = [edit["operation"] for edit in plan["edits"]]
    fault = None
    while True:
        answer = interrupt({**request, "fault": fault})
        try:
            decisions = read_answer(answer, operations, library, most, step)
        except ReviewError as error:
            fault = str(error)
        else:
            break
    plan, declined = carry_decisions(plan, decisions, step)
    return {"plan": plan, "declined": declined}


async def edit_experiences(components: Components, state: TrainingState) -> dict[str, Any]:
    """Carry out the plan and close the step."""
    settings, plan, groups = current_settings(state), planned(state), in_order(state)
    edits = [(edit["operation"], edit["origin"]) for edit in plan["edits"]]
    before = current_library(state)
    library, applied, rejected = apply_plan(before, edits, settings.max_lesson_words)
    figures = measure_step(
        {**state, "groups": groups},
        library,
        applied,
        plan["rejected"] + rejected,
        plan["usage"],
        plan["warning"],
        await components.prices(settings),
    )
    await components.recorder.keep_library(state["step"], library)
    await components.recorder.close_step(state["step"], groups)
    tell(
        {
            "event": "step",
            "step": figures["step"],
            "epoch": figures["epoch"],
            "mean_reward": figures["mean_reward"],
            "library_size": figures["library_size"],
            "metrics": figures,
        }
    )
    return {
        "library": library,
        "metrics": [figures],
        "usage": add_ledgers(state.get("usage", {}), figures["usage"]),
        "turns": longest_attempts(groups),
        "plan": None,
        "groups": None,
    }


def current_library(state: TrainingState) -> Library:
    """Return the library after checking it: a person may have edited it between two steps.

    Raise LibraryError that names the lesson and what is wrong with it.
    """
    return read_library(state["library"])


def planned(state: TrainingState) -> Plan:
    """Return the plan of the current step."""
    plan = state["plan"]
    assert plan is not None
    return plan
