"""ChatOpenAI that takes what models really send, and thousands of answers at little cost."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI

from training_free_grpo.models.json_text import restore_backslashes


class TolerantChatOpenAI(ChatOpenAI):
    """Takes tool arguments that are JSON but no object as invalid, where ChatOpenAI fails.

    The agent answers an invalid call, and the model corrects it; an error in here would cost the
    whole answer, paid for and not counted.
    """

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Ask for a chat completion through the SDK's plain `post`.

        The SDK's `create` walks every message of a request by its type annotations and builds
        models of the answer, which take up three times the CPU of all the rest of a call.
        """
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        if self._use_responses_api(payload):
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        extra = payload.pop("extra_body", None) or {}
        body = {**payload, **extra}
        response = await self.root_async_client.post(
            "/chat/completions", cast_to=httpx2.Response, body=body
        )
        return self._create_chat_result(read_json(response))

    def _create_chat_result(
        self,
        response: dict[str, Any] | openai.BaseModel,
        generation_info: dict[str, Any] | None = None,
    ) -> ChatResult:
        found = read_response(response)
        messages = [choice["message"] for choice in found["choices"]]
        for message in messages:
            for call in message.get("tool_calls") or []:
                function = call.get("function") or {}
                if isinstance(written := function.get("arguments"), str):
                    function["arguments"] = restore_backslashes(written)
                if is_no_object(function.get("arguments")):
                    function["arguments"] = f"not an object: {function['arguments']}"
        result = super()._create_chat_result(found, generation_info)
        for generation, message in zip(result.generations, messages, strict=True):
            if refusal := message.get("refusal"):
                generation.message.additional_kwargs["refusal"] = refusal
        return result

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        """Stream an answer; raise BadAnswer for one that broke off, which is told by no error."""
        finished = self._use_responses_api({**kwargs, **self.model_kwargs})
        async for chunk in super()._astream(*args, **kwargs):
            finished = finished or bool((chunk.generation_info or {}).get("finish_reason"))
            yield chunk
        if not finished:
            raise BadAnswer("the stream broke off before the end of the answer")


class BadAnswer(Exception):
    """An answer of HTTP status 200 that holds none; the status is the one that it tells of."""

    def __init__(self, said: str, status: object = None) -> None:
        super().__init__(said)
        self.status_code = status if isinstance(status, int) else None


def read_json(response: httpx2.Response) -> Any:
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
        raise BadAnswer(f"the answer is an error: {error}", code)
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
