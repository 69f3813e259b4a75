"""Ask for JSON by the means that a model has: a schema, a tool call, or words alone."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_function
from pydantic import BaseModel

Form = Literal["json_schema", "tool", "text"]
FORMS: dict[str, tuple[Form, ...]] = {
    "auto": ("json_schema", "tool", "text"),
    "json_schema": ("json_schema",),
    "tool": ("tool",),
    "text": ("text",),
}
"""By setting: the forms to try, the best first."""


def forbid_tools(model: BaseChatModel, tools: Sequence[BaseTool]) -> Runnable[Any, Any]:
    """Bind tools that are named in a talk, and must not be called any more."""
    anthropic = type(model).__name__.startswith("ChatAnthropic")
    return model.bind_tools(tools, tool_choice={"type": "none"} if anthropic else "none")  # type: ignore[arg-type]


def bind_form(model: BaseChatModel, form: Form, schema: type[BaseModel]) -> Runnable[Any, Any]:
    """Bind the schema to the model in one form; raise NotImplementedError if it has none such.

    Answers are read and repaired by us: nothing here may check them inside the call, where one
    that is not whole would be an error, paid for and not counted.
    """
    from langchain_openai.chat_models.base import BaseChatOpenAI

    if form == "text":
        return model
    function = describe_schema(schema)
    if isinstance(model, BaseChatOpenAI):
        if form == "tool":
            return model.bind_tools([function], tool_choice=function["name"])
        asked = {"name": function["name"], "schema": function["parameters"], "strict": True}
        wanted = {"response_format": {"type": "json_schema", "json_schema": asked}}
        if model.use_responses_api:
            return model.bind(**wanted)
        # Past the SDK, which reads and checks the answers to a `response_format` of its own.
        return model.bind(extra_body={**(model.extra_body or {}), **wanted})
    method = "json_schema" if form == "json_schema" else "function_calling"
    spec = {"title": function["name"], **function["parameters"]}
    spec["description"] = function.get("description", "")
    return model.with_structured_output(spec, method=method, include_raw=True)


@cache
def describe_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Write a schema as a function to call; it takes longer than to ask a model for it."""
    return convert_to_openai_function(schema, strict=True)
