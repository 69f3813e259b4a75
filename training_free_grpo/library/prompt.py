"""How an agent reads its library: the same words in learning, evaluation and deployment."""

from typing import Any

from langchain_core.messages import SystemMessage

from training_free_grpo.prompts import render_prompt

LESSONS = "experience_lessons"
"""The key of an agent's state that receives the lessons of the run that trains it."""


def with_experience(system: str, lessons: str) -> str:
    """Put the lessons at the end of a system prompt.

    They come before everything that differs between problems, so that prefix caches hit.
    """
    return f"{system}\n\n{experience_block(lessons)}".strip() if lessons else system


def experience_block(lessons: str) -> str:
    """Return the part of a system prompt that shows the lessons; empty without any."""
    return render_prompt("experience", library=lessons) if lessons else ""


def add_block(system: SystemMessage | None, block: str, constant: bool) -> SystemMessage:
    """Append a block to a system message, whose content may be a text or blocks.

    A provider's cache mark on the last block moves behind a constant block, so that it is cached
    too.
    """
    if system is None:
        return SystemMessage(block)
    if isinstance(system.content, str):
        return system.model_copy(update={"content": f"{system.content}\n\n{block}".strip()})
    blocks: list[Any] = list(system.content)
    added = {"type": "text", "text": f"\n\n{block}"}
    if constant and blocks and isinstance(blocks[-1], dict) and "cache_control" in blocks[-1]:
        last = dict(blocks.pop())
        added["cache_control"] = last.pop("cache_control")
        blocks.append(last)
    return system.model_copy(update={"content": [*blocks, added]})
