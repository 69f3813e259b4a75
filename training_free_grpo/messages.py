"""Messages in the form of chat completions, in which transcripts are stored."""

from collections.abc import Iterable

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    InvalidToolCall,
    convert_to_openai_messages,
)

from training_free_grpo.records import JSON


def write_messages(messages: Iterable[AnyMessage]) -> list[JSON]:
    """Convert messages, and keep calls whose arguments are not JSON as the model made them."""
    found: list[JSON] = []
    for message in messages:
        written: list[JSON] = convert_to_openai_messages([message])
        if isinstance(message, AIMessage) and message.invalid_tool_calls:
            broken = [write_broken_call(call) for call in message.invalid_tool_calls]
            written[0]["tool_calls"] = [*written[0].get("tool_calls", []), *broken]
        found += written
    return found


def write_broken_call(call: InvalidToolCall) -> JSON:
    """Convert a call that cannot be carried out."""
    function = {"name": call["name"] or "", "arguments": call["args"] or ""}
    return {"type": "function", "id": call["id"], "function": function}
