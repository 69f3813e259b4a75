"""Thoughts that a model writes into its answer, where its server does not set them apart."""

import re

from langchain_core.messages import AIMessage

_TAGS = r"think|thinking|thought|thoughts|reasoning|reflection|seed:think"
_OPEN = re.compile(rf"\s*(?:<(?:{_TAGS})>|\[THINK\]|◁think▷)", re.IGNORECASE)
_CLOSE = re.compile(rf"</(?:{_TAGS})>|\[/THINK\]|◁/think▷", re.IGNORECASE)


def split_thoughts(text: str) -> tuple[str, str]:
    """Return the thoughts ahead of an answer, and the answer; thoughts that never end are all.

    A template may have opened them in the prompt: then the text begins inside.
    """
    begun = _OPEN.match(text)
    ends = list(_CLOSE.finditer(text)) if begun or not _OPEN.search(text) else []
    if ends:
        start = begun.end() if begun else 0
        return text[start : ends[-1].start()].strip(), text[ends[-1].end() :].lstrip()
    return (text[begun.end() :].strip(), "") if begun else ("", text)


def set_thoughts_apart(answer: AIMessage) -> AIMessage:
    """Move the thoughts out of an answer's text, as servers with a reasoning parser do."""
    if not isinstance(answer.content, str):
        return answer
    thoughts, said = split_thoughts(answer.content)
    if not thoughts and said == answer.content:
        return answer
    apart = answer.additional_kwargs | {"thoughts": thoughts}
    return answer.model_copy(update={"content": said, "additional_kwargs": apart})
