"""Make the chat model that a name in the settings stands for."""

import os
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from training_free_grpo.arguments import argument
from training_free_grpo.model_name import SIMULATED, ModelName
from training_free_grpo.models.http import shared_client
from training_free_grpo.models.recorded import RecordedModel
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.simulated import SimulatedModel


def check_model(name: str, base_url: str | None) -> None:
    """Raise SettingsError for a name that no model can be made of, before anything is spent."""
    parsed = ModelName.parse(name)
    if parsed.is_simulated:
        return
    if parsed.is_recorded:
        RecordedModel.load(parsed.model)
    elif is_openai(name, base_url):
        check_openai(base_url)
    else:
        check_provider(name)


def is_embedded(model: BaseChatModel) -> bool:
    """Tell whether a model runs in this process, takes a seed and answers in plain text."""
    return isinstance(model, SimulatedModel | RecordedModel)


def is_openai(name: str, base_url: str | None) -> bool:
    """Tell whether a name is served by an OpenAI-compatible endpoint."""
    provider = ModelName.parse(name).provider
    return base_url is not None if provider is None else provider == "openai"


def check_openai(base_url: str | None) -> None:
    """Raise SettingsError for a missing key or an address that is none."""
    if base_url is None and not os.environ.get("OPENAI_API_KEY"):
        raise SettingsError(
            "no key: OPENAI_API_KEY is not set in the environment; set it, or name a server of "
            f"your own with {argument('base_url=', '--base-url')} (setting base_url), or "
            f"use the embedded model with {argument('model=', '--model ')}simulated"
        )
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise SettingsError(
            f"setting 'base_url' is {base_url!r}: it must start with http:// or https://, "
            "for example http://localhost:8000/v1"
        )
    if base_url is not None and "@" in urlsplit(base_url).netloc:
        raise SettingsError(
            "setting 'base_url' holds a name or password, and settings are written to files: "
            "leave it out, and put the key into OPENAI_API_KEY"
        )


def check_provider(name: str) -> None:
    """Raise SettingsError for a provider that is unknown, not installed or without its key."""
    from langchain.chat_models import init_chat_model

    if ":" not in name and get_close_matches(name, [SIMULATED]):
        raise SettingsError(f"setting 'model' is {name!r}: did you mean simulated?")
    try:
        init_chat_model(name)
    except (ImportError, ValueError) as error:
        form = "" if ":" in name else "write provider:name, as in openai:gpt-5-mini. "
        raise SettingsError(f"setting 'model' is {name!r}: {form}{error}") from None
    except Exception as error:  # noqa: BLE001 - every provider has an error type of its own
        raise SettingsError(f"model {name!r} cannot be made: {error}") from None


async def make_model(
    name: str, base_url: str | None, temperature: float, settings: Settings
) -> BaseChatModel:
    """Make a chat model for the running event loop; retries are left to the endpoint."""
    parsed = ModelName.parse(name)
    if parsed.is_simulated:
        return SimulatedModel(seed=settings.seed)
    if parsed.is_recorded:
        return RecordedModel.load(parsed.model)
    options: dict[str, Any] = {"temperature": temperature, "timeout": settings.call_timeout}
    if settings.max_output_tokens is not None:
        options["max_tokens"] = settings.max_output_tokens
    if is_openai(name, base_url):
        return await make_openai(parsed.model or name, base_url, options)
    from langchain.chat_models import init_chat_model

    model: BaseChatModel = init_chat_model(name, max_retries=0, **options)
    return model


async def make_openai(name: str, base_url: str | None, options: dict[str, Any]) -> BaseChatModel:
    """Make the model of an OpenAI-compatible endpoint, over the loop's shared connections."""
    from training_free_grpo.models.openai import TolerantChatOpenAI

    check_openai(base_url)
    if base_url is not None:
        # Only OpenAI itself speaks the Responses API; a server of one's own may want no key.
        key = os.environ.get("OPENAI_API_KEY") or "none"
        options |= {"base_url": base_url, "use_responses_api": False, "api_key": key}
    client = await shared_client()
    return TolerantChatOpenAI(
        model=name, max_retries=0, stream_usage=True, http_async_client=client, **options
    )
