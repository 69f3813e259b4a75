"""The providers that a model's name may begin with, their addresses and the names of their keys."""

import os
from typing import NamedTuple
from urllib.parse import urlsplit

from training_free_grpo.settings import SettingsError

NATIVE = frozenset(
    (
        *("anthropic", "anthropic_bedrock", "azure_ai", "azure_openai", "baseten", "bedrock"),
        *("bedrock_converse", "cohere", "deepseek", "fireworks", "google_anthropic_vertex"),
        *("google_genai", "google_vertexai", "groq", "huggingface", "ibm", "litellm", "meta"),
        *("mistralai", "nvidia", "ollama", "openai", "openrouter", "perplexity", "together"),
        *("upstage", "xai", "langsmith", "bedrock_mantle_anthropic", "bedrock_mantle_openai"),
    )
)
"""What `init_chat_model` knows."""


class Compatible(NamedTuple):
    """A provider whose API is OpenAI's."""

    address: str
    key: str


COMPATIBLE = {
    "deepseek": Compatible("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "openrouter": Compatible("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together": Compatible("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "xai": Compatible("https://api.x.ai/v1", "XAI_API_KEY"),
}
"""Asked by our own client, which needs no further package."""
_KEYS = {
    "api.mistral.ai": "MISTRAL_API_KEY",
    "api.groq.com": "GROQ_API_KEY",
    "api.anthropic.com": "ANTHROPIC_API_KEY",
    "generativelanguage.googleapis.com": "GEMINI_API_KEY",
    "api.fireworks.ai": "FIREWORKS_API_KEY",
} | {str(urlsplit(each.address).hostname): each.key for each in COMPATIBLE.values()}
"""The keys of known hosts: no provider is sent the key of another."""
_FAMILIES = (
    *(("gpt-", "openai"), ("chatgpt-", "openai"), ("o1", "openai"), ("o3", "openai")),
    *(("o4", "openai"), ("claude-", "anthropic"), ("gemini-", "google_genai"), ("grok-", "xai")),
    *(("mistral-", "mistralai"), ("deepseek-", "deepseek")),
)
"""Names that only one provider has, written without it."""
_OPENAI = ("api.openai.com", "openai.azure.com", "cognitiveservices.azure.com")


def split_name(name: str, base_url: str | None) -> tuple[str, str]:
    """Return the provider of a model and its name there; `openai` stands for any server's API.

    With an address, a colon that follows no provider belongs to the name: `qwen3:8b`.
    """
    provider, colon, rest = name.partition(":")
    known = provider.replace("-", "_").lower()
    if colon and known in NATIVE:
        return known, rest
    if base_url is not None:
        return "openai", name
    if colon:
        return provider, rest
    return next((p for start, p in _FAMILIES if name.lower().startswith(start)), ""), name


def is_openai(name: str, base_url: str | None) -> bool:
    """Tell whether a name is served by an OpenAI-compatible endpoint."""
    provider, _ = split_name(name, base_url)
    return provider == "openai" or provider in COMPATIBLE


def is_openai_itself(base_url: str | None) -> bool:
    """Tell whether an address is that of OpenAI or Azure, whose parameters others know in part."""
    return base_url is None or _host(base_url).endswith(_OPENAI)


def find_address(name: str, base_url: str | None) -> str | None:
    """Return the address of an OpenAI-compatible endpoint; None for OpenAI's own."""
    provider, _ = split_name(name, base_url)
    return base_url or (COMPATIBLE[provider].address if provider in COMPATIBLE else None)


def name_key(name: str, base_url: str | None) -> str:
    """Return the environment variable that holds the key of an OpenAI-compatible endpoint."""
    provider, _ = split_name(name, base_url)
    if provider in COMPATIBLE:
        return COMPATIBLE[provider].key
    return _KEYS.get(_host(base_url or ""), "OPENAI_API_KEY")


def read_key(variable: str) -> str:
    """Return the key in an environment variable; raise SettingsError where there is none."""
    if key := os.environ.get(variable):
        return key
    raise SettingsError(f"no key: {variable} is not set in the environment; set it")


def _host(base_url: str) -> str:
    return (urlsplit(base_url).hostname or "").lower()
