"""Render a transcript for a model to read, within a budget of tokens."""

import json
from collections.abc import Sequence
from typing import Any

from training_free_grpo.records import JSON

_CHARACTERS_PER_TOKEN = 4
_HEAD = 0.4
"""Share of a cut transcript that is kept from its beginning; the end decides the answer."""


def cut(transcript: Sequence[JSON], tokens: int) -> str:
    """Render a transcript within a budget of tokens; its head and its tail are kept."""
    longest = tokens * _CHARACTERS_PER_TOKEN
    # One huge page must not displace every decision around it, so each message is cut first.
    parts = [shorten(part, longest // 3) for part in write_out(transcript)]
    return shorten("\n".join(parts), longest)


def write_out(transcript: Sequence[JSON]) -> list[str]:
    """Render each message of a transcript as a line that names its role."""
    lines = []
    for message in transcript:
        role, content = message.get("role"), text_of(message.get("content"))
        if role == "tool":
            lines.append(f"[tool result] {content}")
        elif content:
            lines.append(f"[{role}] {content}")
        for call in message.get("tool_calls") or []:
            function = call.get("function", {})
            lines.append(f"[tool call] {function.get('name')} {function.get('arguments')}")
    return lines


def text_of(content: Any) -> str:
    """Return the text of a message's content, whose parts may be of several kinds."""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list):
        return "\n".join(text_of_part(part) for part in content)
    return "" if content is None else json.dumps(content, ensure_ascii=False)


def text_of_part(part: Any) -> str:
    """Return the text of one part, or its kind if it is not a text."""
    if not isinstance(part, dict):
        return str(part)
    return str(part.get("text") or f"[{part.get('type')}]")


def shorten(text: str, longest: int) -> str:
    """Keep the head and the tail of a text, with a note of how much was cut between them."""
    if len(text) <= longest:
        return text
    head = int(longest * _HEAD)
    tail = len(text) - (longest - head)
    gone = (len(text) - longest) // _CHARACTERS_PER_TOKEN
    return f"{text[:head]}\n[… about {gone} tokens were cut here …]\n{text[tail:]}"
