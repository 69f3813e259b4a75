"""The models that are named: one short call or two to each."""

import asyncio
from collections.abc import AsyncIterator, Callable

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool

from training_free_grpo.doctor.finding import Finding
from training_free_grpo.doctor.remedies import explain, remedy_for
from training_free_grpo.learning.operations_answer import OperationsAnswer
from training_free_grpo.models import Endpoint, ModelError, Models
from training_free_grpo.models.errors import BadRequest
from training_free_grpo.models.names import Name, judge_name, policy_name, reflection_name
from training_free_grpo.models.preflight import check_endpoints
from training_free_grpo.settings import Settings, SettingsError

_PATIENCE = 60.0
"""Seconds: an endpoint that refuses for being busy would be waited for much longer in a run."""
_COLOUR = [HumanMessage("Call the tool note_colour with the colour of grass.")]
_LESSON: list[AnyMessage] = [
    SystemMessage("You keep a library of lessons, each of one sentence."),
    HumanMessage("<library>\n</library>\n\nAdd one lesson: check a sum by adding it up twice."),
]


@tool
def note_colour(colour: str) -> str:
    """Note a colour."""
    return colour


async def check_models(settings: Settings) -> AsyncIterator[Finding]:
    """Ask each model that is named; an embedded one needs nothing."""
    quick = settings.model_copy(
        update={"max_retries": 0, "call_timeout": min(settings.call_timeout, _PATIENCE)}
    )
    models = Models()
    try:
        models.check(quick)
        await check_endpoints(quick)
    except ModelError as error:
        yield Finding("model", "failed", str(error), remedy_for(error))
        return
    except SettingsError as error:
        yield Finding("model", "failed", str(error), "mend the name, the address or the key")
        return
    policy, reflection, judge = (f(quick) for f in (policy_name, reflection_name, judge_name))
    asked: dict[Name, tuple[str, Callable[[Settings], Endpoint]]]
    asked = {policy: ("model", models.policy)}
    asked.setdefault(reflection, ("reflection model", models.reflection))
    asked.setdefault(judge, ("judge model", models.judge))
    for (name, _), (role, find) in asked.items():
        if name == "simulated" or name.startswith("recorded:"):
            said = f"{name} runs in this process, and no endpoint was asked"
            yield Finding(role, "note", said, "name a real one with --model to have it asked")
            continue
        failed = False
        if role == "model":
            async for finding in check_policy(name, find(quick), quick.tools != "none"):
                failed = failed or finding.state == "failed"
                yield finding
        if not failed:
            yield await check_schema(role, name, find(asks_for_schema(quick)))


def asks_for_schema(settings: Settings) -> Settings:
    """Return settings that ask for structured answers in the best form, and in no other."""
    return settings.model_copy(update={"structured_output": "json_schema"})


async def check_policy(name: str, endpoint: Endpoint, uses_tools: bool) -> AsyncIterator[Finding]:
    """See whether the policy model answers, calls tools, and says what it used."""
    tools = [note_colour] if uses_tools else []
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = await endpoint.call(_COLOUR, role="rollout", tools=tools)
    except (ModelError, TimeoutError) as error:
        remedy = remedy_for(error)
        if tools and isinstance(error, BadRequest) and await answers_without_tools(endpoint):
            remedy = "it takes no tools: start its server with tool calls, or --set tools=none"
        yield Finding("model", "failed", explain(name, error), remedy)
        return
    yield Finding("model", "ok", f"{name} answers")
    if tools:
        yield judge_tool_call(name, bool(answer.tool_calls))
    if answer.usage_metadata:
        yield Finding("usage", "ok", f"{name} says how many tokens it used")
    else:
        said = f"{name} does not say how many tokens it used: they are counted by length of text"
        yield Finding("usage", "note", said, "take --max-tokens and --max-cost for rough limits")


async def answers_without_tools(endpoint: Endpoint) -> bool:
    """Tell whether a model that refused a call with tools answers one without."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await endpoint.call(_COLOUR, role="rollout")
    except (ModelError, TimeoutError):
        return False
    return True


def judge_tool_call(name: str, called: bool) -> Finding:
    """Say what it means that a tool was called, or not."""
    if called:
        return Finding("tools", "ok", f"{name} called the tool it was asked to call")
    said = f"{name} called no tool though it was asked to: its rollouts will hardly use any"
    remedy = "start its server with tool calls (vLLM: --enable-auto-tool-choice), or take another"
    return Finding("tools", "note", said, remedy)


async def check_schema(role: str, name: str, endpoint: Endpoint) -> Finding:
    """See whether a model that words lessons or judges answers by a JSON schema."""
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = await endpoint.call(_LESSON, role="extract_advantage", schema=OperationsAnswer)
        OperationsAnswer.model_validate_json(answer.text)
    except BadRequest:
        said = f"{name} takes no JSON schema: it is asked for a tool call or JSON in text instead"
        return Finding(f"{role}, schema", "note", said, "nothing: the loop finds the way by itself")
    except (ModelError, TimeoutError) as error:
        return Finding(f"{role}, schema", "failed", explain(name, error), remedy_for(error))
    except ValueError:
        said = f"{name} takes a JSON schema but does not keep to it: answers are repaired"
        remedy = "try --set structured_output=tool, or another --reflection-model"
        return Finding(f"{role}, schema", "note", said, remedy)
    return Finding(f"{role}, schema", "ok", f"{name} answers by a JSON schema")
