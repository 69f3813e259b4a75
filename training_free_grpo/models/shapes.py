"""Messages in the shapes that endpoints take: system messages, last turns, marks for caches."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage


class LastTurn(NamedTuple):
    """A way to ask for a final answer after tools were used."""

    joins: bool
    """Whether the request stands in the last tool message: some templates take no user there."""
    tools: bool
    """Whether the tools are named again: some refuse a talk with calls of tools not named."""
    forbids: bool
    """Whether they are named with tool_choice none."""


LAST_TURNS = (
    LastTurn(joins=False, tools=False, forbids=False),
    LastTurn(joins=False, tools=True, forbids=True),
    LastTurn(joins=True, tools=True, forbids=True),
    LastTurn(joins=True, tools=False, forbids=False),
    LastTurn(joins=True, tools=True, forbids=False),
)


def ask_last(messages: Sequence[AnyMessage], way: LastTurn) -> list[AnyMessage]:
    """Return the talk with its last request where the endpoint takes it."""
    *talk, request = messages
    if not (way.joins and talk and isinstance(talk[-1], ToolMessage)):
        return list(messages)
    said = f"{talk[-1].text}\n\n{request.text}"
    return [*talk[:-1], talk[-1].model_copy(update={"content": said})]


def one_system(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Merge all system messages into one at the start: many templates take no second."""
    systems = [m for m in messages if isinstance(m, SystemMessage)]
    if len(systems) <= 1 and not (systems and messages[0] is not systems[0]):
        return list(messages)
    merged = SystemMessage("\n\n".join(m.text for m in systems))
    return [merged, *(m for m in messages if not isinstance(m, SystemMessage))]


def system_in_question(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Put the system message ahead of the first question, for templates that know none."""
    if not messages or not isinstance(messages[0], SystemMessage):
        return list(messages)
    system, *talk = messages
    for n, message in enumerate(talk):
        if isinstance(message, HumanMessage):
            said = f"{system.text}\n\n{message.text}"
            return [*talk[:n], message.model_copy(update={"content": said}), *talk[n + 1 :]]
    return [HumanMessage(system.text), *talk]


def mark_prefix(
    messages: Sequence[AnyMessage], mark: dict[str, Any], goes_on: bool
) -> list[AnyMessage]:
    """Mark what later calls begin with for a provider's cache: the system message, and the talk.

    The talk is marked where it goes on, for its next turn reads all of it again.
    """
    marked = list(messages)
    places = [0] if marked and isinstance(marked[0], SystemMessage) else []
    if goes_on and len(marked) > 1 and not isinstance(marked[-1], AIMessage):
        places.append(len(marked) - 1)
    for n in places:
        if isinstance(marked[n].content, str) and marked[n].content:
            block = {"type": "text", "text": marked[n].content, "cache_control": mark}
            marked[n] = marked[n].model_copy(update={"content": [block]})
    return marked
