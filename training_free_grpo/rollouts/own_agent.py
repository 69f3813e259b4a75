"""A user's own agent: its input, its answer, and the usage of its model calls."""

import json
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler, Callbacks
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, convert_to_messages
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import (
    Runnable,
    RunnableLambda,
    RunnableSequence,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableBindingBase
from langgraph.errors import GraphInterrupt
from langgraph.pregel.protocol import PregelProtocol
from pydantic import BaseModel

from training_free_grpo.ledger import add_usage, no_usage, usage_of
from training_free_grpo.library.prompt import LESSONS
from training_free_grpo.models import Refused
from training_free_grpo.records import Ledger

Agent = Runnable[Any, Any] | Callable[..., Any]
"""A graph or any other runnable over messages, or a function of a list of them."""


class AgentAlwaysFails(Refused):
    """The agent has failed in every attempt so far, so the run stops."""


class _Function(RunnableLambda[Any, Any]):
    """A plain function of the list of messages."""


def read_agent(agent: Agent) -> Runnable[Any, Any]:
    """Return an agent as a runnable; raise TypeError if it cannot be one."""
    if not isinstance(agent, Runnable):
        if not callable(agent):
            raise TypeError(
                f"the agent is {type(agent).__name__}, not a runnable: give a compiled graph, "
                "a chat model, or a function from messages to an answer"
            )
        return _Function(agent)
    if isinstance(agent, PregelProtocol):
        taken = agent.get_input_jsonschema().get("properties", {})
        if taken and "messages" not in taken:
            raise TypeError(
                f"the agent takes {', '.join(map(repr, taken))}, but no 'messages': put a function "
                "in front that makes its input of them, as in RunnableLambda(function) | agent"
            )
    return agent


def takes_list(agent: Runnable[Any, Any]) -> bool:
    """Return whether an agent takes a list of messages, as models do, rather than a state."""
    if isinstance(agent, RunnableSequence):
        return takes_list(agent.first)
    if isinstance(agent, RunnableWithFallbacks):
        return takes_list(agent.runnable)
    if isinstance(agent, RunnableBindingBase):
        return takes_list(agent.bound)
    return isinstance(agent, BaseChatModel | _Function)


def takes_lessons(agent: Runnable[Any, Any]) -> bool:
    """Return whether an agent has a place for the lessons: an ExperienceMiddleware without any."""
    return LESSONS in getattr(agent, "channels", {})


def read_result(result: Any, given: Sequence[AnyMessage]) -> tuple[list[AnyMessage], str]:
    """Return the messages that an agent added, and its answer, whatever form its result has.

    The answer is its structured response, or the text of its last message of any role. Raise
    GraphInterrupt if it stopped to ask a person, TypeError for a result without messages.
    """
    state = result if isinstance(result, Mapping) else {}
    if asked := state.get("__interrupt__"):
        raise GraphInterrupt(asked)
    added = messages_of(state.get("messages", result), given)
    answer = added[-1].text if added else ""
    if (structured := state.get("structured_response")) is not None:
        answer = write_structured(structured)
    return added, answer


def messages_of(result: Any, given: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages of a result that were not in the agent's input."""
    listed = result if isinstance(result, list) else [result]
    try:
        messages = cast(
            list[AnyMessage],
            convert_to_messages([AIMessage(m) if isinstance(m, str) else m for m in listed]),
        )
    except (ValueError, NotImplementedError) as error:
        keys = f" with {', '.join(map(repr, result))}" if isinstance(result, Mapping) else ""
        raise TypeError(f"it answered with {type(result).__name__}{keys}, not messages") from error
    seen = {m.text for m in given}
    start = next((n for n, m in enumerate(messages) if isinstance(m, AIMessage)), len(messages))
    return [m for m in messages[:start] if m.text not in seen] + messages[start:]


def write_structured(response: Any) -> str:
    """Render a structured response as JSON."""
    if isinstance(response, BaseModel):
        return response.model_dump_json()
    return json.dumps(response, ensure_ascii=False, default=str)


class Counter(BaseCallbackHandler):
    """Counts every model call below it, also in nested agents and before an agent fails."""

    run_inline = True

    def __init__(self) -> None:
        self._usage = no_usage()
        self._counting = Lock()

    @property
    def ledger(self) -> Ledger:
        """Return the counted usage; empty for an agent whose models are not LangChain's."""
        return {"rollout": self._usage} if self._usage["calls"] else {}

    def beside(self, others: Callbacks) -> Callbacks:
        """Return the handlers of a call plus this one."""
        if others is None or isinstance(others, list):
            return [*(others or []), self]
        both = others.copy()
        both.add_handler(self, inherit=True)
        return both

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Count an answer."""
        for generation in (found[0] for found in response.generations if found):
            message = generation.message if isinstance(generation, ChatGeneration) else None
            if isinstance(message, AIMessage):
                with self._counting:
                    self._usage = add_usage(self._usage, usage_of(message))
