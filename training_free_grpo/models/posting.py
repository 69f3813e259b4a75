"""Send requests over the SDK's connections, without preparing each of them from scratch.

The SDK reads its options, merges headers and takes the address apart for every request, which
takes more CPU than to send it and to read the answer.
"""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import openai
from langchain_openai.chat_models.base import BaseChatOpenAI

from training_free_grpo.compat import post_completion, status_error


class Poster:
    """Posts the chat completions of one model. The first answer shows what the SDK sends."""

    def __init__(self, model: BaseChatOpenAI) -> None:
        self._model = model
        self._sent: httpx2.Request | None = None
        """A request as the SDK prepares it."""
        self._headers: list[tuple[str, str]] = []

    async def post(self, body: Mapping[str, Any]) -> httpx2.Response:
        """Return the response to a request; raise the errors of the SDK."""
        http: httpx2.AsyncClient | None = self._model.http_async_client
        if self._sent is None or http is None:
            response = await post_completion(self._model, body)
            self._take_over(response.request)
            return response
        request = httpx2.Request(
            "POST",
            self._sent.url,
            headers=self._headers,
            content=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
            extensions=dict(self._sent.extensions),
        )
        try:
            response = await http.send(request)
        except httpx2.TimeoutException as error:
            raise openai.APITimeoutError(request=request) from error
        except httpx2.RequestError as error:
            raise openai.APIConnectionError(request=request) from error
        if not response.is_success:
            raise status_error(self._model, response)
        return response

    def _take_over(self, request: httpx2.Request) -> None:
        kept = ((k, v) for k, v in request.headers.multi_items() if k.lower() != "content-length")
        self._headers = list(kept)
        self._sent = request
