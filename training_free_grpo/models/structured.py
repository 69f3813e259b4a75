"""Ask a model for JSON, and show it its mistakes until the answer can be used."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from pydantic import BaseModel

from training_free_grpo.ledger import no_usage, record
from training_free_grpo.models.endpoint import Endpoint
from training_free_grpo.models.errors import Unusable
from training_free_grpo.prompts import render_prompt
from training_free_grpo.records import JSON

T = TypeVar("T")

_REPAIRS = 2
_LONE_BACKSLASH = re.compile(r'\\(?:(?=[^"\\/bfnrtu])|(?=u(?![0-9a-fA-F]{4})))')
_CONTROLS = {"\b": r"\b", "\f": r"\f"}


async def ask(
    endpoint: Endpoint,
    messages: Sequence[AnyMessage],
    schema: type[BaseModel],
    read: Callable[[JSON], tuple[T, list[str]]],
    *,
    role: str,
    seed: int = 0,
) -> T:
    """Return what `read` makes of the model's JSON.

    `read` returns the value and what is wrong with it; the model is shown the errors and asked
    again, twice at most. Then the value is returned as it is: its errors are the caller's to
    record. Raise Unusable if no answer was JSON at all.
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
        if not errors:
            return value
        if repair < _REPAIRS:
            record(role, no_usage() | {"repairs": 1})
            told = render_prompt("repair", errors="\n".join(f"- {e}" for e in errors))
            talk = [*messages, AIMessage(answer_text(answer)), HumanMessage(told)]
    if not best:
        raise Unusable(f"no answer in {_REPAIRS + 1} was the JSON asked for: {errors[0]}")
    return best[0]


def answer_text(answer: AIMessage) -> str:
    """Return the text of an answer, whichever way it came."""
    return json.dumps(answer.tool_calls[0]["args"]) if answer.tool_calls else answer.text


def parse_answer(answer: AIMessage) -> JSON:
    """Return the JSON object of an answer; raise ValueError that says what is wrong with it."""
    if answer.tool_calls:
        return answer.tool_calls[0]["args"]
    return parse_json(answer.text)


def parse_json(text: str) -> JSON:
    """Find the JSON object in a text: bare, fenced, or between words."""
    for candidate in candidates(text):
        try:
            found: Any = json.loads(candidate, strict=False)
        except ValueError:
            continue
        if isinstance(found, dict):
            return keep_latex(found)  # type: ignore[no-any-return]
    raise ValueError("the answer is not one whole JSON object")


def candidates(text: str) -> list[str]:
    """List what may be the object, likeliest first; each also with LaTeX's backslashes doubled."""
    fenced = re.findall(r"```(?:json)?\s*\n(.*?)```", text, re.DOTALL)
    braces = text[text.find("{") : text.rfind("}") + 1]
    found = [text.strip(), *reversed(fenced), braces]
    return [form for raw in found for form in (raw, _LONE_BACKSLASH.sub(r"\\\\", raw))]


def keep_latex(value: Any) -> Any:
    r"""Give back the backslash of LaTeX that JSON took for an escape, as in \boxed and \frac."""
    if isinstance(value, str):
        return re.sub("[\b\f]", lambda c: _CONTROLS[c[0]], value)
    if isinstance(value, list):
        return [keep_latex(item) for item in value]
    if isinstance(value, dict):
        return {key: keep_latex(item) for key, item in value.items()}
    return value
