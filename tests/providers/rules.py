"""What endpoints refuse in a request, each in the words of whoever refuses it."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

JSON = dict[str, Any]
Rule = Callable[[JSON], str | None]
"""Looks at a request in OpenAI's form; returns what is wrong with it, in the endpoint's words."""


def refuses(name: str, words: str) -> Rule:
    """Refuse a parameter, whatever its value."""
    return lambda body: words if name in body else None


def refuses_value(name: str, value: object, words: str) -> Rule:
    """Refuse a parameter at any value but one."""
    return lambda body: words if body.get(name, value) != value else None


def refuses_field(name: str, words: str) -> Rule:
    """Refuse a field of messages."""
    return lambda body: words if any(name in message for message in body["messages"]) else None


def one_system(words: str) -> Rule:
    """Refuse a system message anywhere but at the start."""
    return lambda body: words if "system" in roles(body)[1:] else None


def no_system(words: str) -> Rule:
    """Refuse every system message."""
    return lambda body: words if "system" in roles(body) else None


def no_user_after_tool(words: str) -> Rule:
    """Refuse a user message right after a tool's."""
    return lambda body: words if ("tool", "user") in pairs(body) else None


def tools_stay(words: str) -> Rule:
    """Refuse a talk with tool calls, or their results, in which no tools are named."""

    def look(body: JSON) -> str | None:
        used = "tool" in roles(body) or any(m.get("tool_calls") for m in body["messages"])
        return words if used and not body.get("tools") else None

    return look


def no_tools(words: str) -> Rule:
    """Refuse tools."""
    return refuses("tools", words)


def no_schema(words: str) -> Rule:
    """Refuse answers by a JSON schema."""
    return lambda body: words if _format(body) == "json_schema" else None


def keeps(field: str, words: str) -> Rule:
    """Refuse a talk whose calls came back without a field that they were answered with."""

    def look(body: JSON) -> str | None:
        calling = [m for m in body["messages"] if m.get("tool_calls")]
        return words if any(field not in message for message in calling) else None

    return look


def keeps_signature(words: str) -> Rule:
    """Refuse a talk whose first call of a turn came back without its thought signature."""

    def look(body: JSON) -> str | None:
        calls = [m["tool_calls"][0] for m in body["messages"] if m.get("tool_calls")]
        signed = (
            c.get("extra_content", {}).get("google", {}).get("thought_signature") for c in calls
        )
        return None if all(signed) else words

    return look


def only_knows(words: str, *names: str) -> Rule:
    """Refuse any other parameter, with the name filled into the words."""
    known = {"model", "messages", "stream", "tools", "tool_choice", "temperature", *names}

    def look(body: JSON) -> str | None:
        other = sorted(body.keys() - known)
        return words.format(other[0]) if other else None

    return look


def roles(body: JSON) -> list[str]:
    return [str(message["role"]) for message in body["messages"]]


def pairs(body: JSON) -> set[tuple[str, str]]:
    found = roles(body)
    return set(pairwise(found))


def _format(body: JSON) -> str | None:
    found: str | None = (body.get("response_format") or {}).get("type")
    return found
