"""Why an answer ended: only what says "finished" is an answer, whatever else it is called."""

from typing import NamedTuple

from langchain_core.messages import AIMessage

_FINISHED = frozenset(
    (
        *("stop", "tool_calls", "tool_call", "function_call", "end_turn", "tool_use"),
        *("stop_sequence", "completed", "complete", "eos", "eos_token", "stop_token", "end"),
    )
)
_NAMES = ("finish_reason", "stop_reason", "done_reason", "stopReason", "finishReason")
_NO_ROOM = frozenset(("length", "max_tokens", "max_output_tokens", "max_completion_tokens"))
_FULL = frozenset(("model_length", "model_context_window_exceeded", "context_length_exceeded"))
_WITHHELD = frozenset(
    (
        *("content_filter", "content_filtered", "safety", "recitation", "blocklist", "refusal"),
        *("prohibited_content", "spii", "sensitive", "guardrail_intervened", "blocked", "language"),
    )
)


class Ending(NamedTuple):
    """Why an answer cannot be used."""

    said: str
    tries: int
    """How often it is worth asking again: the same request mostly ends the same way."""
    wants_room: bool = False
    """Whether more output tokens would have let it finish."""


def find_ending(answer: AIMessage) -> Ending | None:
    """Return why an answer is not whole, or None for one that is."""
    reason = read_reason(answer)
    name = reason.casefold()
    if name in _NO_ROOM:
        return Ending("the answer was cut off at the limit of output tokens", 1, wants_room=True)
    if name in _FULL:
        return Ending(f"the answer was cut off where the model's context ends ({reason})", 0)
    if name in _WITHHELD:
        return Ending(f"the answer was withheld or cut off ({reason})", 1)
    if name and name not in _FINISHED:
        return Ending(f"the answer was withheld or cut off ({reason})", 3)
    if answer.text.strip() or answer.tool_calls or answer.invalid_tool_calls:
        return None
    if refusal := find_refused(answer):
        return Ending(f"the model would not answer: {refusal}", 1)
    return Ending("the answer was empty", 3)


def read_reason(answer: AIMessage) -> str:
    """Return the reason that an answer gives for its end; empty where it gives none."""
    told = answer.response_metadata
    found = next((told[name] for name in _NAMES if told.get(name)), None)
    if found is None and told.get("object") == "response":  # the Responses API
        details = told.get("incomplete_details") or {}
        found = details.get("reason") or told.get("status")
    return "" if found is None else str(getattr(found, "name", found))


def find_refused(answer: AIMessage) -> str | None:
    """Return the words in which a model refuses, where they stand apart from its text."""
    if refusal := answer.additional_kwargs.get("refusal"):
        return str(refusal)
    blocks = [block for block in answer.content if isinstance(block, dict)]
    return next((str(b["refusal"]) for b in blocks if b.get("type") == "refusal"), None)
