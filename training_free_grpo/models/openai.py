"""ChatOpenAI that takes what models really send, and thousands of answers at little cost."""

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import openai
from langchain_core.callbacks import AsyncCallbackManager, AsyncCallbackManagerForLLMRun
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import PrivateAttr

from training_free_grpo.compat import speaks_responses
from training_free_grpo.models.json_text import restore_backslashes
from training_free_grpo.models.posting import Poster

if TYPE_CHECKING:
    import httpx2

_WATCHED = {"stream", "ls_structured_output_format", "structured_output_format"}
"""Arguments of a call that only LangChain's own way understands."""
_KEPT = ("reasoning_content", "reasoning_details", "extra_content")
"""Fields of an answer with tool calls that its endpoint wants to see again."""


class Tolerant(BaseChatOpenAI):
    """Takes tool arguments that are JSON but no object as invalid, where ChatOpenAI fails.

    The agent answers an invalid call, and the model corrects it; an error in here would cost the
    whole answer, paid for and not counted.
    """

    dropped: frozenset[str] = frozenset()
    """Parameters and fields of messages that the endpoint refuses, and is not sent."""
    old_limit: bool = False
    """Whether output is limited by `max_tokens`, as servers other than OpenAI's know it."""
    _poster: Poster | None = PrivateAttr(default=None)

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        if "messages" in payload:
            messages = self._convert_input(input_).to_messages()
            for message, written in zip(messages, payload["messages"], strict=True):
                if isinstance(message, AIMessage):
                    put_back(message.additional_kwargs, written, self.dropped)
            set_limit(payload, self.old_limit, self.dropped)
        for name in self.dropped & payload.keys():
            del payload[name]
        if extra := payload.get("extra_body"):
            payload["extra_body"] = {k: v for k, v in extra.items() if k not in self.dropped}
        return payload

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Answer; where nobody watches, past what LangChain does for watchers.

        Its callbacks, run ids, cache and limiter take as long as all the rest of a call.
        """
        if kwargs.keys() & _WATCHED or self._is_watched(config):
            return await super().ainvoke(input, config, stop=stop, **kwargs)
        messages = self._convert_input(input).to_messages()
        found = await self._agenerate(messages, stop, **kwargs)
        generation = found.generations[0]
        message = generation.message
        assert isinstance(message, AIMessage)
        message.response_metadata = {
            **(found.llm_output or {}),
            **(generation.generation_info or {}),
            **message.response_metadata,
        }
        return message

    def _is_watched(self, config: RunnableConfig | None) -> bool:
        """Tell whether anything hears of a call: callbacks, a cache, a limiter, a stream."""
        if self.cache or get_llm_cache() or self.rate_limiter or self.streaming:
            return True
        given = ensure_config(config).get("callbacks")
        manager = AsyncCallbackManager.configure(given, self.callbacks, self.verbose)
        return bool(manager.handlers) or self.output_version == "v1"

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Ask for a chat completion, past the SDK's `create`.

        It walks every message of a request by its type annotations and builds models of the
        answer, which take up three times the CPU of all the rest of a call.
        """
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        if speaks_responses(self, payload):
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        extra = payload.pop("extra_body", None) or {}
        body = {**payload, **extra}
        if self._poster is None:
            self._poster = Poster(self)
        return self._create_chat_result(read_json(await self._poster.post(body)))

    def _create_chat_result(
        self,
        response: dict[str, Any] | openai.BaseModel,
        generation_info: dict[str, Any] | None = None,
    ) -> ChatResult:
        found = read_response(response)
        messages = [choice["message"] for choice in found["choices"]]
        for message in messages:
            repair_calls(message.get("tool_calls") or [])
        result = super()._create_chat_result(found, generation_info)
        for generation, message in zip(result.generations, messages, strict=True):
            beside = generation.message.additional_kwargs
            if refusal := message.get("refusal"):
                beside["refusal"] = refusal
            if calls := message.get("tool_calls"):
                beside |= {name: message[name] for name in _KEPT if message.get(name)}
                extras = {
                    call["id"]: call["extra_content"] for call in calls if "extra_content" in call
                }
                beside |= {"call_extras": extras} if extras else {}
        return result

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        """Stream an answer; raise BadAnswer for one that broke off, which is told by no error."""
        finished = speaks_responses(self, {**kwargs, **self.model_kwargs})
        async for chunk in super()._astream(*args, **kwargs):
            finished = finished or bool((chunk.generation_info or {}).get("finish_reason"))
            yield chunk
        if not finished:
            raise BadAnswer("the stream broke off before the end of the answer")


class TolerantChatOpenAI(Tolerant, ChatOpenAI):
    """The model of an OpenAI-compatible endpoint."""


class TolerantAzureChatOpenAI(Tolerant, AzureChatOpenAI):
    """The model of an Azure deployment."""


def put_back(beside: dict[str, Any], written: dict[str, Any], dropped: frozenset[str]) -> None:
    """Put the fields of an answer back into the message that repeats it."""
    if not written.get("tool_calls"):
        return
    written |= {name: beside[name] for name in _KEPT if name in beside and name not in dropped}
    extras = {} if "extra_content" in dropped else beside.get("call_extras") or {}
    for call in written["tool_calls"]:
        if call.get("id") in extras:
            call["extra_content"] = extras[call["id"]]


def set_limit(payload: dict[str, Any], old: bool, dropped: frozenset[str]) -> None:
    """Limit the output by the name that the endpoint knows; by none if it refuses both."""
    limit = payload.pop("max_completion_tokens", None)
    limit = payload.pop("max_tokens", None) if limit is None else limit
    names = ("max_tokens", "max_completion_tokens")
    name = next((n for n in (names if old else names[::-1]) if n not in dropped), None)
    if limit is not None and name:
        payload[name] = limit


def repair_calls(calls: list[dict[str, Any]]) -> None:
    """Give every tool call an id of its own, and mark arguments that are no object."""
    seen: set[str] = set()
    for call in calls:
        if not call.get("id") or call["id"] in seen:
            call["id"] = f"call_{uuid4().hex[:24]}"
        seen.add(call["id"])
        function = call.get("function") or {}
        if isinstance(function.get("arguments"), dict):
            function["arguments"] = json.dumps(function["arguments"])
        elif isinstance(written := function.get("arguments"), str):
            function["arguments"] = restore_backslashes(written)
        if is_no_object(function.get("arguments")):
            function["arguments"] = f"not an object: {function['arguments']}"


class BadAnswer(Exception):
    """An answer of HTTP status 200 that holds none; the status is the one that it tells of."""

    def __init__(self, said: str, status: object = None) -> None:
        super().__init__(said)
        self.status_code = status if isinstance(status, int) else None
        self.body: object = None


def read_json(response: "httpx2.Response") -> Any:
    """Return the JSON of a response; raise BadAnswer for an error page that came as a success."""
    try:
        return response.json()
    except ValueError:
        raise BadAnswer(f"the answer is no JSON: {response.text[:200]!r}") from None


def read_response(response: Any) -> dict[str, Any]:
    """Return a response that holds messages; raise BadAnswer for any other."""
    found = response.model_dump() if isinstance(response, openai.BaseModel) else response
    if not isinstance(found, dict):
        raise BadAnswer(f"the answer is no JSON object: {str(found)[:200]!r}")
    if error := found.get("error"):
        code = error.get("code") if isinstance(error, dict) else None
        failure = BadAnswer(f"the answer is an error: {error}", code)
        failure.body = error
        raise failure
    choices = found.get("choices")
    if not choices or not all(choice.get("message") for choice in choices):
        raise BadAnswer("the answer holds no message")
    return found


def is_no_object(arguments: Any) -> bool:
    """Tell whether arguments are JSON of another kind than an object."""
    try:
        return not isinstance(json.loads(arguments), dict)
    except (TypeError, ValueError):
        return False
