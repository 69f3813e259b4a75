"""Ask a model for JSON, and show it its mistakes until the answer can be used."""

import json
from collections.abc import Callable, Sequence
from json import JSONDecodeError
from typing import TypeVar

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from pydantic import BaseModel

from training_free_grpo.ledger import no_usage, record
from training_free_grpo.models.endpoint import Endpoint
from training_free_grpo.models.errors import Unusable
from training_free_grpo.models.json_text import restore_backslashes
from training_free_grpo.models.thoughts import split_thoughts
from training_free_grpo.prompts import render_prompt
from training_free_grpo.records import JSON, Role
from training_free_grpo.text import well_formed

T = TypeVar("T")

_REPAIRS = 5
_DECODER = json.JSONDecoder(strict=False)


async def ask(
    endpoint: Endpoint,
    messages: Sequence[AnyMessage],
    schema: type[BaseModel],
    read: Callable[[JSON], tuple[T, list[str]]],
    *,
    role: Role,
    seed: int = 0,
) -> T:
    """Return what `read` makes of the model's JSON.

    `read` returns the value and what is wrong with it, and the model is shown that: once for a
    value with errors, which are then the caller's to record, more often for an answer that is no
    JSON. Raise Unusable if none was.
    """
    talk = list(messages)
    best: list[T] = []
    for repair in range(_REPAIRS + 1):
        answer = await endpoint.call(talk, role=role, schema=schema, seed=seed, attempt=repair)
        try:
            value, errors = read(parse_answer(answer))
            best = [value]
        except ValueError as error:
            errors = [str(error)]
        if not errors or (best and repair):
            return best[0]
        if repair < _REPAIRS:
            record(role, no_usage() | {"repairs": 1})
            told = render_prompt("repair", errors="\n".join(f"- {e}" for e in errors))
            talk = [*messages, AIMessage(answer_text(answer)), HumanMessage(told)]
    raise Unusable(f"no answer in {_REPAIRS + 1} was the requested JSON: {errors[0]}")


def answer_text(answer: AIMessage) -> str:
    """Return the text of an answer, whichever way it came."""
    calls = answer.tool_calls or answer.invalid_tool_calls
    said = calls[0]["args"] if calls else answer.text
    return said if isinstance(said, str) else json.dumps(said)


def parse_answer(answer: AIMessage) -> JSON:
    """Return the JSON object of an answer; raise ValueError that says what is wrong with it."""
    if answer.tool_calls:
        found: JSON = well_formed(answer.tool_calls[0]["args"])
        return found
    return parse_json(answer_text(answer))


def parse_json(text: str) -> JSON:
    """Return the last whole JSON object in a text: bare, fenced, or between words.

    What a model drafts in its thoughts is none. A model that writes LaTeX forgets to double
    backslashes; they are doubled here.
    """
    thoughts, text = split_thoughts(text)
    if thoughts and not text:
        raise ValueError("the answer contains only thinking: it ends before any JSON object")
    found: JSON = well_formed(find_object(restore_backslashes(text)))
    return found


def find_object(text: str) -> JSON:
    """Find the last object; raise ValueError if there is none, or one that breaks off."""
    found: JSON | None = None
    start = text.find("{")
    while start >= 0:
        end = start + 1
        try:
            value, end = _DECODER.raw_decode(text, start)
        except JSONDecodeError as error:
            # `{1, 2}` in a sentence is none; what begins like an object is the answer, broken.
            if text[start + 1 : error.pos].strip():
                raise ValueError(f"the answer is not one whole JSON object: {error}") from None
        except RecursionError:
            raise ValueError("the answer is not one whole JSON object: too deeply nested") from None
        else:
            if text[:start].rstrip().endswith("["):
                raise ValueError("the answer is not one whole JSON object but a list")
            found = value or found
        start = text.find("{", end)
    if found is None:
        raise ValueError("the answer is not one whole JSON object")
    return found
