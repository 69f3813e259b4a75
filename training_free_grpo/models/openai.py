"""ChatOpenAI that takes what models really send."""

import json
from typing import Any

import openai
from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI


class TolerantChatOpenAI(ChatOpenAI):
    """Takes tool arguments that are JSON but no object as invalid, where ChatOpenAI fails.

    The agent answers an invalid call, and the model corrects it; an error in here would cost the
    whole answer, paid for and not counted.
    """

    def _create_chat_result(
        self,
        response: dict[str, Any] | openai.BaseModel,
        generation_info: dict[str, Any] | None = None,
    ) -> ChatResult:
        found = response if isinstance(response, dict) else response.model_dump()
        for choice in found.get("choices") or []:
            for call in choice.get("message", {}).get("tool_calls") or []:
                function = call.get("function") or {}
                if is_no_object(function.get("arguments")):
                    function["arguments"] = f"not an object: {function['arguments']}"
        return super()._create_chat_result(found, generation_info)


def is_no_object(arguments: Any) -> bool:
    """Tell whether arguments are JSON of another kind than an object."""
    try:
        return not isinstance(json.loads(arguments), dict)
    except (TypeError, ValueError):
        return False
