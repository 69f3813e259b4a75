"""The endpoints that people use, as far as they are strict: what each refuses, and how it says so.

From public documentation, SDK sources and issue threads; none was asked. The wordings are theirs,
the tests use further ones of the same kinds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.providers.rules import (
    JSON,
    Rule,
    keeps,
    keeps_signature,
    no_schema,
    no_system,
    no_tools,
    no_user_after_tool,
    one_system,
    only_knows,
    refuses,
    refuses_field,
    refuses_value,
    tools_stay,
)

Shape = Callable[[str, str | None, int], Any]
"""Makes the body of an error of its words, its code and its status."""
Trouble = tuple[int, str, str | None]
"""Status, words and code of an error."""


def openai_error(said: str, code: str | None, status: int) -> Any:
    return {"error": {"message": said, "type": "invalid_request_error", "code": code}}


def anthropic_error(said: str, code: str | None, status: int) -> Any:
    return {"type": "error", "error": {"type": code or "invalid_request_error", "message": said}}


def google_error(said: str, code: str | None, status: int) -> Any:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code}]
    return {"error": {"code": status, "message": said, "status": "X", "details": details}}


def google_list(said: str, code: str | None, status: int) -> Any:
    return [google_error(said, code, status)]


def mistral_error(said: str, code: str | None, status: int) -> Any:
    if status == 422:
        place = {"type": "extra_forbidden", "loc": ["body", code], "msg": said, "input": 1}
        return {"detail": [place]}
    return {"object": "error", "message": said, "type": "invalid_request", "code": code}


def bare_text(said: str, code: str | None, status: int) -> Any:
    return {"code": code, "error": said}


def llama_error(said: str, code: str | None, status: int) -> Any:
    return {"error": {"code": status, "message": said, "type": code or "server_error"}}


def vllm_error(said: str, code: str | None, status: int) -> Any:
    return {"object": "error", "message": said, "type": "BadRequestError", "code": status}


@dataclass(frozen=True)
class Profile:
    """One endpoint."""

    model: str
    """Its name in the settings."""
    rules: Sequence[tuple[int, str | None, Rule]] = ()
    """Status, code and rule of what it refuses."""
    shape: Shape = openai_error
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    """By kind: `credit`, `key`, `model`, `filter`, `long`."""
    cut: Sequence[str] = ("length",)
    """Reasons that its cut answers give."""
    finished: Mapping[str, str] = field(default_factory=dict)
    """Its names for `stop` and `tool_calls`."""
    protocol: str = "chat"
    """chat, messages (Anthropic), generate (Google), ollama."""
    root: str = "/v1"
    """Where the address in the settings ends."""
    key: str = "OPENAI_API_KEY"
    options: JSON = field(default_factory=dict)
    answers: str | None = None
    """How it writes its tool calls, if not as such: `hermes`, `think`."""
    error_as_200: bool = False


_LIMIT = "Unsupported parameter: 'max_tokens' is not supported with this model."
_TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) "
    "value is supported."
)
_OPENAI: dict[str, Trouble] = {
    "credit": (
        429,
        "You exceeded your current quota.",
        "insufficient_quota",
    ),
    "key": (401, "Incorrect API key provided: sk-***.", "invalid_api_key"),
    "model": (404, "The model `x` does not exist or you do not have access.", "model_not_found"),
    "filter": (400, "Invalid prompt: your prompt was flagged as violating our usage policy.", "x"),
    "long": (400, "Input tokens exceed the configured limit of 272000 tokens.", None),
}
_EXTRA = "Extra inputs are not permitted"
_ONE_SYSTEM = "System message must be at the beginning."

PROFILES: dict[str, Profile] = {
    "openai o-series": Profile(
        "openai:o3",
        [
            (400, "unsupported_parameter", refuses("max_tokens", _LIMIT)),
            (400, "unsupported_value", refuses_value("temperature", 1, _TEMPERATURE)),
        ],
        troubles=_OPENAI
        | {"credit": (400, "Billing hard limit has been reached", "billing_hard_limit_reached")},
    ),
    "openai gpt-5.5": Profile(
        "openai:gpt-5.5",
        [
            (
                400,
                None,
                refuses("tools", "Function tools need /v1/responses with this model; use that."),
            ),
            (400, "unsupported_value", refuses_value("temperature", 1, _TEMPERATURE)),
        ],
        troubles=_OPENAI,
        cut=("length",),
    ),
    "azure": Profile(
        "azure_openai:gpt",
        troubles={
            "credit": (403, "The subscription is disabled. Enable it again.", "x"),
            "key": (401, "Access denied due to invalid subscription key or endpoint.", "401"),
            "model": (
                404,
                "The API deployment does not exist.",
                "DeploymentNotFound",
            ),
            "filter": (400, "The response was filtered due to the prompt.", "content_filter"),
            "long": (400, "This model's maximum context length is 8192 tokens.", "x"),
        },
        cut=("length", "content_filter"),
        protocol="azure",
        root="",
        key="AZURE_OPENAI_API_KEY",
        options={"api_version": "2025-04-01-preview"},
    ),
    "anthropic": Profile(
        "anthropic:claude-haiku-4-5",
        [
            (
                400,
                None,
                tools_stay("Requests which include `tool_use` or `tool_result` must define tools"),
            )
        ],
        anthropic_error,
        {
            "credit": (400, "Your credit balance is too low to access the Anthropic API.", None),
            "key": (401, "invalid x-api-key", "authentication_error"),
            "model": (404, "model: claude-9", "not_found_error"),
            "filter": (400, "Output blocked by content filtering policy", None),
            "long": (400, "input length and `max_tokens` exceed context limit: 1 + 2 > 2", None),
        },
        ("max_tokens", "refusal", "model_context_window_exceeded"),
        {"stop": "end_turn", "tool_calls": "tool_use"},
        protocol="messages",
        root="",
        key="ANTHROPIC_API_KEY",
    ),
    "anthropic, no temperature": Profile(
        "anthropic:claude-sonnet-5-5",
        [(400, None, refuses("temperature", "`temperature` is deprecated for this model."))],
        anthropic_error,
        cut=("max_tokens",),
        finished={"stop": "end_turn", "tool_calls": "tool_use"},
        protocol="messages",
        root="",
        key="ANTHROPIC_API_KEY",
    ),
    "gemini": Profile(
        "google_genai:gemini-2.5-flash",
        (),
        google_error,
        {
            "credit": (429, "Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED"),
            "key": (400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
            "model": (404, "models/gemini-9 is not found for API version v1beta", "x"),
            "long": (
                400,
                "The input token count (9) exceeds the maximum (8).",
                "x",
            ),
        },
        ("MAX_TOKENS", "SAFETY", "RECITATION", "MALFORMED_FUNCTION_CALL"),
        {"stop": "STOP", "tool_calls": "STOP"},
        protocol="generate",
        root="",
        key="GOOGLE_API_KEY",
    ),
    "gemini, compatible": Profile(
        "openai:gemini-3-pro",
        [(400, "x", keeps_signature("Function call is missing a thought_signature."))],
        google_list,
        {
            "credit": (403, "Billing is not enabled: billing_disabled", "BILLING_DISABLED"),
            "key": (400, "Please pass a valid API key.", "API_KEY_INVALID"),
            "model": (404, "models/gemini-9 is not found for API version v1main", "x"),
            "long": (400, "The input token count (9) exceeds the maximum allowed (8).", "x"),
        },
        ("MAX_TOKENS", "SAFETY"),
    ),
    "mistral": Profile(
        "mistralai:mistral-small",
        [
            (400, "3230", no_user_after_tool("Unexpected role 'user' after role 'tool'")),
            (
                422,
                "max_completion_tokens",
                refuses("max_completion_tokens", _EXTRA),
            ),
        ],
        mistral_error,
        {
            "key": (401, "Unauthorized", None),
            "model": (400, "Invalid model: x", "1500"),
            "long": (400, "Prompt contains 9 tokens, too large for model with 8", "3051"),
        },
        ("length", "model_length", "error"),
        key="MISTRAL_API_KEY",
    ),
    "mistral, compatible": Profile(
        "openai:mistral-small",
        [
            (400, "3230", no_user_after_tool("Expected last role User or Tool, got user")),
            (422, "stream_options", refuses("stream_options", _EXTRA)),
            (
                422,
                "max_completion_tokens",
                refuses("max_completion_tokens", _EXTRA),
            ),
        ],
        mistral_error,
        cut=("model_length",),
    ),
    "deepseek": Profile(
        "deepseek:deepseek-reasoner",
        [
            (
                400,
                None,
                keeps("reasoning_content", "The reasoning_content must be passed back to the API."),
            ),
            (400, None, no_schema("This response_format type is unavailable now")),
        ],
        troubles={
            "credit": (402, "Insufficient Balance", "invalid_request_error"),
            "key": (401, "Authentication Fails, Your api key is invalid", "invalid_request_error"),
            "model": (400, "Model Not Exist", "invalid_request_error"),
            "filter": (400, "Content Exists Risk", "invalid_request_error"),
            "long": (400, "This model's maximum context length is 9 tokens.", None),
        },
        cut=("length", "insufficient_system_resource", "content_filter"),
        key="DEEPSEEK_API_KEY",
    ),
    "deepseek, compatible": Profile(
        "openai:deepseek-chat",
        [
            (
                400,
                None,
                refuses_field("reasoning_content", "unexpected field: reasoning_content in input"),
            )
        ],
    ),
    "groq": Profile(
        "groq:llama",
        [(400, None, no_schema("This model does not support response format `json_schema`."))],
        troubles={
            "credit": (400, "Organization has been restricted.", "organization_restricted"),
            "key": (401, "Invalid API Key", "invalid_api_key"),
            "model": (400, "The model `x` has been decommissioned.", "model_decommissioned"),
            "long": (413, "Request too large for model `x` on tokens per minute (TPM).", "x"),
        },
        protocol="groq",
        root="",
        key="GROQ_API_KEY",
    ),
    "xai": Profile(
        "xai:grok-4",
        [(400, "x", refuses("stop", "Argument not supported on this model: stop"))],
        bare_text,
        {
            "credit": (403, "Your team has used all available credits.", "permission-denied"),
            "key": (
                400,
                "Incorrect API key provided: xa***.",
                "invalid argument",
            ),
            "model": (
                404,
                "The model grok-9 does not exist.",
                "entity was not found",
            ),
            "filter": (403, "Content violates usage guidelines.", "permission-denied"),
            "long": (
                400,
                "This model's maximum prompt length is 9 but it has 10.",
                "x",
            ),
        },
        key="XAI_API_KEY",
    ),
    "together": Profile(
        "together:qwen",
        [(400, None, no_schema("json_schema is not supported for this model"))],
        troubles={
            "credit": (402, "Credit limit exceeded, please add credits.", None),
            "key": (401, "Invalid API key provided.", "invalid_api_key"),
            "model": (
                404,
                "Unable to access model x.",
                "model_not_available",
            ),
            "long": (422, "`inputs` tokens + `max_new_tokens` must be <= 9. Given: 10", None),
        },
        cut=("length",),
        finished={"stop": "eos"},
        key="TOGETHER_API_KEY",
    ),
    "openrouter": Profile(
        "openrouter:anthropic/claude",
        [(404, None, no_schema("No endpoints found that can handle the requested parameters."))],
        troubles={
            "credit": (402, "Insufficient credits. Add more using https://openrouter.ai", None),
            "key": (401, "User not found.", None),
            "model": (400, "x/y is not a valid model ID", None),
            "filter": (
                403,
                "Your chosen model requires moderation and your input was flagged",
                None,
            ),
            "long": (400, "This endpoint's maximum context length is 9 tokens.", None),
        },
        cut=("length", "content_filter", "error"),
        key="OPENROUTER_API_KEY",
        error_as_200=True,
    ),
    "vllm, strict template": Profile(
        "openai:qwen",
        [
            (400, None, one_system(_ONE_SYSTEM)),
            (400, None, no_user_after_tool("After the tool role, only assistant is supported!")),
        ],
        vllm_error,
        {
            "model": (404, "The model `x` does not exist.", None),
            "long": (
                400,
                "The decoder prompt (9) is longer than the maximum model length.",
                None,
            ),
        },
        cut=("length", "abort"),
    ),
    "vllm, no system": Profile(
        "openai:gemma", [(400, None, no_system("System role not supported"))], vllm_error
    ),
    "vllm, hermes": Profile("openai:hermes", shape=vllm_error, answers="hermes"),
    "vllm, thoughts": Profile("openai:r1", shape=vllm_error, answers="think"),
    "llama.cpp": Profile(
        "openai:llama",
        [(500, None, one_system("Jinja Exception: System message must be at the beginning."))],
        llama_error,
        {
            "long": (500, "Context size has been exceeded.", None),
        },
    ),
    "llama.cpp without jinja": Profile(
        "openai:llama", [(500, None, no_tools("tools param requires --jinja flag"))], llama_error
    ),
    "lm studio": Profile(
        "openai:local",
        [(400, None, refuses("tool_choice", "Invalid tool_choice type: 'object'. Unsupported"))],
        bare_text,
        {
            "model": (404, 'Model "x" not found. Please specify a valid model.', None),
            "long": (200, "The number of tokens to keep is greater than the context length.", None),
        },
        error_as_200=True,
    ),
    "ollama": Profile(
        "ollama:qwen3:8b",
        (),
        bare_text,
        {
            "model": (404, "model 'x' not found", None),
            "long": (400, "input length exceeds the context length", None),
        },
        ("length",),
        protocol="ollama",
        root="",
    ),
    "ollama, compatible": Profile(
        "qwen3:8b",
        [(400, None, only_knows("unknown field: {}", "max_tokens", "response_format"))],
        troubles={"model": (404, "model 'x' not found", None)},
    ),
}
