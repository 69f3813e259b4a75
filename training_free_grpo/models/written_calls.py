"""Tool calls that a model writes into its text, where its server does not read them."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage
from langchain_core.messages.tool import ToolCall

from training_free_grpo.models.json_text import restore_backslashes

_BLOCK = re.compile(
    r"<(tool_call|function_call|tool_use|tool)>(.*?)(?:</\1>|\Z)"
    r"|\[TOOL_CALLS\](.*)\Z|<\|python_tag\|>(.*)\Z|<\|tool_call\|>(.*?)(?:<\|/tool_call\|>|\Z)",
    re.DOTALL,
)
_FUNCTION = re.compile(r"<function=([\w.-]+)>(.*?)(?:</function>|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>(.*?)</parameter>", re.DOTALL)
_FENCED = re.compile(
    r"\A\s*(?:```(?:json|tool_call)?\s*)?([\[{].*[\]}])\s*(?:```)?\s*\Z", re.DOTALL
)
_ARGUMENTS = ("arguments", "parameters", "args", "input")
_DECODER = json.JSONDecoder(strict=False)


def read_written_calls(answer: AIMessage, names: Collection[str]) -> AIMessage:
    """Return an answer whose tool calls are calls, if its text calls tools of these names."""
    if answer.tool_calls or answer.invalid_tool_calls or not isinstance(answer.content, str):
        return answer
    text = answer.content
    found = [call for part in parts_of(text) for call in calls_in(part) if call["name"] in names]
    if not found:
        return answer
    said = _FENCED.sub("", _FUNCTION.sub("", _BLOCK.sub("", text))).strip()
    return answer.model_copy(update={"content": said, "tool_calls": found})


def writes_calls(text: str) -> bool:
    """Tell whether a text looks like a tool call, though none could be read."""
    return bool(_BLOCK.search(text) or _FUNCTION.search(text))


def parts_of(text: str) -> Iterator[str]:
    """Yield the parts of a text that may hold calls: marked ones, or a text that is one object."""
    inside = (match.groups()[1:] for match in _BLOCK.finditer(text))
    blocks = [part for groups in inside for part in groups if part]
    if blocks:
        yield from blocks
    elif _FUNCTION.search(text):
        yield text
    elif whole := _FENCED.match(text):
        yield whole[1]


def calls_in(part: str) -> Iterator[ToolCall]:
    """Yield the calls of one part, as JSON or in tags."""
    for name, inner in _FUNCTION.findall(part):
        tagged = {key: value.strip("\n") for key, value in _PARAMETER.findall(inner)}
        yield make_call(name, tagged or next(objects_in(inner), {}))
    if _FUNCTION.search(part):
        return
    for found in objects_in(part):
        function = found.get("function")
        call: dict[str, Any] = function if isinstance(function, dict) else found
        given = next((call[key] for key in _ARGUMENTS if key in call), None)
        if isinstance(given, str):
            given = next(objects_in(given), {})
        if isinstance(name := call.get("name"), str) and isinstance(given, dict):
            yield make_call(name, given)


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text, one after the other."""
    text = restore_backslashes(text)
    start = text.find("{")
    while start >= 0:
        try:
            found, end = _DECODER.raw_decode(text, start)
        except ValueError:
            end = start + 1
        else:
            if isinstance(found, dict):
                yield found
        start = text.find("{", end)


def make_call(name: str, given: dict[str, Any]) -> ToolCall:
    """Make a call with an id of its own."""
    return ToolCall(name=name, args=given, id=f"call_{uuid4().hex[:24]}", type="tool_call")
