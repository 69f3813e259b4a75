"""Checks of the named models: each gets one request of every kind that training sends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from training_free_grpo.doctor.finding import Finding
from training_free_grpo.doctor.remedies import explain, remedy_for
from training_free_grpo.learning.judging import Judgement
from training_free_grpo.learning.operations_answer import OperationsAnswer
from training_free_grpo.model_name import ModelName
from training_free_grpo.models import Endpoint, ModelError, Models
from training_free_grpo.models.errors import BadRequest, TooLong
from training_free_grpo.models.names import (
    judge_name,
    judge_options,
    policy_name,
    policy_options,
    reflection_name,
    reflection_options,
)
from training_free_grpo.models.preflight import check_endpoints
from training_free_grpo.models.structured import parse_answer
from training_free_grpo.prompts import quote, render_prompt
from training_free_grpo.settings import Settings, SettingsError

_PATIENCE = 60.0
"""Seconds; a run waits much longer for a busy endpoint."""
_CHARACTERS_PER_TOKEN = 4
_COLOUR = "Call the tool note_colour with the colour of grass."
_LESSON = "<library>\n</library>\n\nAdd one lesson: check a sum by adding it up twice."
_VERDICT = (
    "<problem>\nWhat is 6 * 7?\n</problem>\n<truth>\n42\n</truth>\n<response>\n42\n</response>\n\n"
    "Judge whether the response is correct."
)


@tool
def note_colour(colour: str) -> str:
    """Note a colour."""
    return colour


async def check_models(settings: Settings) -> AsyncIterator[Finding]:
    """Check each named model; an embedded one needs no check."""
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
        yield Finding("model", "failed", str(error), "correct the name, the address or the key")
        return
    for role, name, find in find_roles(quick, models):
        if ModelName.parse(name).is_embedded:
            said = f"{name} runs in this process, so no endpoint was called"
            yield Finding(role, "note", said, "name a real model with --model to check it")
            continue
        endpoint, failed = find(quick), False
        async for finding in check_role(role, endpoint, quick):
            failed = failed or finding.state == "failed"
            yield finding
        for note in [] if failed else endpoint.notes:
            yield Finding(f"{role}, requests", "note", note, "none needed: requests omit it")


def find_roles(
    settings: Settings, models: Models
) -> list[tuple[str, str, Callable[[Settings], Endpoint]]]:
    """Return the roles whose models differ, with the name and the endpoint of each."""
    policy = (policy_name(settings), policy_options(settings))
    reflection = (reflection_name(settings), reflection_options(settings))
    judge = (judge_name(settings), judge_options(settings))
    found: list[tuple[str, str, Callable[[Settings], Endpoint]]]
    found = [("model", policy[0][0], models.policy)]
    if reflection != policy:
        found.append(("reflection model", reflection[0][0], models.reflection))
    if judge != reflection:
        found.append(("judge model", judge[0][0], models.judge))
    return found


async def check_role(role: str, endpoint: Endpoint, settings: Settings) -> AsyncIterator[Finding]:
    """Check what a role needs of its model; stop at the first failure."""
    if role == "judge model":
        yield await check_schema(role, endpoint, _VERDICT, Judgement, "judge")
        return
    if role == "model":
        async for finding in check_policy(endpoint, settings):
            yield finding
            if finding.state == "failed":
                return
        same = reflection_name(settings), reflection_options(settings)
        if same != (policy_name(settings), policy_options(settings)):
            return
    schema = await check_schema(role, endpoint, _LESSON, OperationsAnswer, "extract_advantage")
    yield schema
    if schema.state != "failed":
        yield await check_long_input(role, endpoint, settings)


async def ask(endpoint: Endpoint, talk: list[AnyMessage], **how: Any) -> AIMessage:
    """Call once, with a timeout for someone who waits at a terminal."""
    async with asyncio.timeout(_PATIENCE):
        return await endpoint.call(talk, **how)


async def check_policy(endpoint: Endpoint, settings: Settings) -> AsyncIterator[Finding]:
    """Check that the policy model answers, calls tools, reads their results, and ends."""
    name, tools = endpoint.name, [note_colour] if settings.tools != "none" else []
    system = render_prompt("agent", objective=settings.agent_objective)
    talk: list[AnyMessage] = [SystemMessage(system), HumanMessage(_COLOUR)]
    try:
        answer = await ask(endpoint, talk, role="rollout", tools=tools)
    except (ModelError, TimeoutError) as error:
        remedy = remedy_for(error)
        if tools and isinstance(error, BadRequest) and await answers_without_tools(endpoint, talk):
            remedy = (
                "it does not support tools: enable tool calls on its server, or --set tools=none"
            )
        yield Finding("model", "failed", explain(name, error, endpoint.last_failure), remedy)
        return
    yield Finding("model", "ok", f"{name} answers")
    if tools:
        yield judge_tool_call(name, bool(answer.tool_calls))
    if answer.tool_calls:
        yield await check_final_answer(endpoint, [*talk, answer])
    if answer.usage_metadata:
        yield Finding("usage", "ok", f"{name} reports token usage")
    else:
        said = f"{name} does not report token usage: tokens are estimated from text length"
        yield Finding("usage", "note", said, "treat --max-tokens and --max-cost as rough limits")


async def answers_without_tools(endpoint: Endpoint, talk: list[AnyMessage]) -> bool:
    """Tell whether a model that rejected a call with tools answers one without."""
    try:
        await ask(endpoint, talk, role="rollout")
    except (ModelError, TimeoutError):
        return False
    return True


def judge_tool_call(name: str, called: bool) -> Finding:
    """Report whether the tool was called."""
    if called:
        return Finding("tools", "ok", f"{name} called the tool it was asked to call")
    said = f"{name} did not call the tool it was asked to call: its rollouts will hardly use tools"
    remedy = (
        "enable tool calls on its server (vLLM: --enable-auto-tool-choice), or use another model"
    )
    return Finding("tools", "note", said, remedy)


async def check_final_answer(endpoint: Endpoint, talk: list[AnyMessage]) -> Finding:
    """Check that a model reads a tool's result, and then ends without further calls."""
    asked = talk[-1]
    assert isinstance(asked, AIMessage)
    results = [ToolMessage("noted", tool_call_id=str(c["id"])) for c in asked.tool_calls]
    request = HumanMessage(render_prompt("final_answer"))
    try:
        await ask(
            endpoint, [*talk, *results, request], role="rollout", tools=[note_colour], last=True
        )
    except (ModelError, TimeoutError) as error:
        said = explain(endpoint.name, error, endpoint.last_failure)
        return Finding("final answer", "failed", said, remedy_for(error))
    said = f"{endpoint.name} answers after a tool's result, without further calls"
    return Finding("final answer", "ok", said)


async def check_schema(
    role: str, endpoint: Endpoint, question: str, schema: type[BaseModel], asked_as: str
) -> Finding:
    """Check that a reflection or judge model follows a JSON schema."""
    name, part = endpoint.name, f"{role}, schema"
    talk: list[AnyMessage] = [SystemMessage("You answer in JSON."), HumanMessage(question)]
    try:
        answer = await ask(endpoint, talk, role=asked_as, schema=schema)
        schema.model_validate(parse_answer(answer))
    except (ModelError, TimeoutError) as error:
        return Finding(
            part, "failed", explain(name, error, endpoint.last_failure), remedy_for(error)
        )
    except ValueError:
        said = f"{name} does not follow the JSON schema: its answers are repaired"
        remedy = "try --set structured_output=tool, or another --reflection-model"
        return Finding(part, "note", said, remedy)
    if endpoint.form != "json_schema":
        said = f"{name} does not support JSON schemas: a tool call or JSON in text is used"
        return Finding(part, "note", said, "none needed: the form is chosen automatically")
    return Finding(part, "ok", f"{name} follows a JSON schema")


async def check_long_input(role: str, endpoint: Endpoint, settings: Settings) -> Finding:
    """Check that a model reads a transcript of the maximum length."""
    tokens = settings.trajectory_tokens
    said = "The agent added one, and wrote the sum down. "
    filler = said * (tokens * _CHARACTERS_PER_TOKEN // len(said))
    question = f"{quote('trajectory', filler)}\n\nSay in one word what the agent did."
    talk: list[AnyMessage] = [SystemMessage("You summarize attempts."), HumanMessage(question)]
    part = f"{role}, long input"
    try:
        await ask(endpoint, talk, role="summarize")
    except TooLong as error:
        said = f"{explain(endpoint.name, error)}: long transcripts are shortened for it"
        remedy = "start its server with a longer context, or --set trajectory_tokens=2000"
        return Finding(part, "note", said, remedy)
    except (ModelError, TimeoutError) as error:
        said = explain(endpoint.name, error, endpoint.last_failure)
        return Finding(part, "failed", said, remedy_for(error))
    return Finding(part, "ok", f"{endpoint.name} reads {tokens:,} tokens at once")
