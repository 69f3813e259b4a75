"""Messages in other formats: OpenAI's, and the three that LangChain writes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)

from training_free_grpo.datasets.errors import RowError
from training_free_grpo.messages import write_messages
from training_free_grpo.records import JSON

_SEARCH = re.compile(
    r"(?:<\|begin_of_query\|>|<search>)(.*?)(?:<\|end_of_query\|>|</search>)\s*"
    r"(?:<\|begin_of_documents\|>|<information>|<result>)(.*?)"
    r"(?:<\|end_of_documents\|>|</information>|</result>)",
    re.DOTALL,
)
"""A search and its results, in the text of a model that was trained to write them like this."""
UNREAD = "unread"
"""A message that lists the kinds of its content without a text."""
_REASONING = ("thinking", "reasoning")
_OTHER_MEDIA = re.compile("image|audio|video|file|media|document")


def read_messages(value: Any) -> list[AnyMessage]:
    """Read a list of messages, or one text; raise RowError for anything else."""
    if isinstance(value, str):
        return list(split_searches(value))
    if isinstance(value, Mapping):
        value = value.get("messages")
    try:
        messages = [read_message(unwrap(message)) for message in value]
        write_messages(messages)  # the format of transcripts: rejected now rather than later
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise RowError("messages in an unknown format", said) from None
    return messages


def read_message(fields: JSON) -> AnyMessage:
    """Read a message; a call whose arguments are not a JSON object stays as the model made it."""
    calls = fields.pop("tool_calls", None) or []
    broken = [*(fields.pop("invalid_tool_calls", None) or [])]
    broken += [read_broken_call(call) for call in calls if is_broken(call)]
    sound = [call for call in calls if not is_broken(call)]
    given = {**fields, "tool_calls": sound} if sound else fields
    message = cast(AnyMessage, convert_to_messages([given])[0])
    if broken and isinstance(message, AIMessage):
        message.invalid_tool_calls = [*message.invalid_tool_calls, *broken]
    return message


def read_broken_call(call: JSON) -> InvalidToolCall:
    """Read a call that cannot be carried out."""
    function = call["function"]
    return {
        "type": "invalid_tool_call",
        "name": function["name"],
        "args": function["arguments"],
        "id": call.get("id"),
        "error": None,
    }


def is_broken(call: JSON) -> bool:
    """Return whether the arguments of a call are a text other than a JSON object."""
    arguments = call["function"]["arguments"] if "function" in call else None
    if not isinstance(arguments, str):
        return False
    try:
        return not isinstance(json.loads(arguments, strict=False), dict)
    except ValueError:
        return True


def unwrap(message: Mapping[str, Any]) -> dict[str, Any]:
    """Unwrap a message from LangChain's `dumpd` or `message_to_dict`."""
    inner = message.get("kwargs") or message.get("data")
    return {"type": message.get("type"), **(inner if isinstance(inner, Mapping) else message)}


def name_losses(messages: Sequence[AnyMessage]) -> Iterator[str]:
    """Name the content of messages that is not read."""
    for message in messages:
        parts = message.content if isinstance(message.content, list) else []
        kinds = [str(part.get("type")) for part in parts if isinstance(part, Mapping)]
        kinds += message.additional_kwargs.get(UNREAD, [])
        if any(_OTHER_MEDIA.search(kind) for kind in kinds):
            yield "pictures or files"
        if message.additional_kwargs.get("function_call"):
            yield "calls in the deprecated form `function_call`"
        apart = message.additional_kwargs.get("reasoning_content")
        if apart or any(kind in _REASONING for kind in kinds):
            yield "reasoning separate from the answer"


def split_searches(text: str) -> Iterator[AnyMessage]:
    """Split a text at its searches, as R1-Searcher, Search-R1 and ReSearch mark them."""
    end = 0
    for n, search in enumerate(_SEARCH.finditer(text)):
        query, found = (said.strip() for said in search.groups())
        call = {"name": "search", "args": {"query": query}, "id": f"call-{n}"}
        yield AIMessage(text[end : search.start()].strip(), tool_calls=[call])
        yield ToolMessage(found, tool_call_id=f"call-{n}", name="search")
        end = search.end()
    if rest := text[end:].strip():
        yield AIMessage(rest)


def part(messages: Sequence[AnyMessage]) -> tuple[str, list[AnyMessage]]:
    """Split a conversation into the problem, its first question, and the attempt after it."""
    talk: list[AnyMessage] = [m for m in messages if not isinstance(m, SystemMessage)]
    asked = next((n for n, m in enumerate(talk) if isinstance(m, HumanMessage)), None)
    return ("", talk) if asked is None else (talk[asked].text, talk[asked + 1 :])
