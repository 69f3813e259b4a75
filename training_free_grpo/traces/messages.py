"""Messages as others keep them: OpenAI's form, and the three in which LangChain writes its own."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
    convert_to_openai_messages,
)

from training_free_grpo.datasets.errors import RowError

_SEARCH = re.compile(
    r"(?:<\|begin_of_query\|>|<search>)(.*?)(?:<\|end_of_query\|>|</search>)\s*"
    r"(?:<\|begin_of_documents\|>|<information>|<result>)(.*?)"
    r"(?:<\|end_of_documents\|>|</information>|</result>)",
    re.DOTALL,
)
"""A search and what it found, in the text of a model that was trained to write it so."""


def read_messages(value: Any) -> list[AnyMessage]:
    """Read a list of messages, or one text; raise RowError that says what is none."""
    if isinstance(value, str):
        return list(split_searches(value))
    if isinstance(value, Mapping):
        value = value.get("messages")
    try:
        messages = cast(list[AnyMessage], convert_to_messages([unwrap(m) for m in value]))
        convert_to_openai_messages(messages)  # how transcripts are kept: better refused now
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise RowError("messages that are in no form that is known", said) from None
    return messages


def unwrap(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what LangChain's `dumpd` and `message_to_dict` wrap a message in, without that."""
    inner = message.get("kwargs") or message.get("data")
    return {"type": message.get("type"), **(inner if isinstance(inner, Mapping) else message)}


def split_searches(text: str) -> Iterator[AnyMessage]:
    """Cut a text at the searches in it, as R1-Searcher, Search-R1 and ReSearch mark them."""
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
    """Part a talk into the problem, which is its first question, and the attempt after it."""
    talk: list[AnyMessage] = [m for m in messages if not isinstance(m, SystemMessage)]
    asked = next((n for n, m in enumerate(talk) if isinstance(m, HumanMessage)), None)
    return ("", talk) if asked is None else (talk[asked].text, talk[asked + 1 :])
