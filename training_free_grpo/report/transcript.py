"""A transcript in the report: who said what, within a number of characters."""

from collections.abc import Sequence
from typing import NamedTuple

from training_free_grpo.records import JSON
from training_free_grpo.transcripts import shorten, text_of


class Message(NamedTuple):
    """One thing that was said: by the assistant, in a call of a tool, or by a tool."""

    speaker: str
    text: str


def show_messages(transcript: Sequence[JSON], longest: int) -> list[Message]:
    """Read a transcript; messages longer than their share of the characters are cut."""
    said = [part for message in transcript for part in read_message(message)]
    share = fair_share([len(part.text) for part in said], longest)
    return [Message(part.speaker, shorten(part.text, share)) for part in said]


def read_message(message: JSON) -> list[Message]:
    """Read what was said in a message, and each call of a tool that was made in it."""
    speaker = str(message.get("role"))
    if speaker == "tool":
        speaker = f"{message.get('name') or 'tool'} answers"
    text = text_of(message.get("content"))
    parts = [Message(speaker, text)] if text else []
    for call in message.get("tool_calls") or []:
        function = call.get("function", {})
        parts.append(Message(f"calls {function.get('name')}", str(function.get("arguments"))))
    return parts


def fair_share(lengths: Sequence[int], total: int) -> int:
    """Return the length to cut at so that everything fits; shorter messages stay whole."""
    rest = total
    for taken, length in enumerate(sorted(lengths)):
        share = rest // (len(lengths) - taken)
        if length > share:
            return share
        rest -= length
    return total
