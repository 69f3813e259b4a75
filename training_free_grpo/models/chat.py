"""Make the chat model that a name in the settings stands for."""

import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from training_free_grpo.arguments import argument
from training_free_grpo.model_name import ModelName
from training_free_grpo.models.http import shared_client
from training_free_grpo.models.providers import (
    NATIVE,
    find_address,
    is_openai,
    is_openai_itself,
    name_key,
    read_key,
    split_name,
)
from training_free_grpo.models.recorded import RecordedModel
from training_free_grpo.settings import ModelOptions, Settings, SettingsError
from training_free_grpo.simulated import SimulatedModel

_FIXED = ("model", "messages", "tools", "stream", "streaming", "n", "response_format", "base_url")
"""What the loop decides by itself, and no option may change."""
_LIMITS = ("max_tokens", "max_output_tokens", "max_completion_tokens", "num_predict")
_OURS = ("api_key_env", "headers", "headers_env", "cache_control")


@dataclass(frozen=True)
class Changes:
    """What an endpoint has shown of itself, by which its model is made differently."""

    dropped: frozenset[str] = frozenset()
    """Parameters that it refuses by name."""
    responses: bool = False
    """Whether it wants the Responses API."""
    no_system: bool = False
    """Whether its template knows no system message."""
    room: int = 1
    """So many times the usual room for output tokens."""


NO_CHANGES = Changes()
NO_OPTIONS = ModelOptions()


def check_model(name: str, base_url: str | None, options: Mapping[str, Any] = NO_OPTIONS) -> None:
    """Raise SettingsError for a name that no model can be made of, before anything is spent."""
    parsed = ModelName.parse(name)
    if parsed.is_simulated:
        return
    if parsed.is_recorded:
        RecordedModel.load(parsed.model)
        return
    check_options(options)
    check_address(base_url)
    if is_openai(name, base_url):
        find_key(name, base_url, options)
    elif split_name(name, base_url)[0] == "azure_openai":
        make_azure(name, base_url, options, {}, NO_CHANGES)
    else:
        make_native(name, base_url, options, {}, NO_CHANGES)


def is_embedded(model: BaseChatModel) -> bool:
    """Tell whether a model runs in this process, takes a seed and answers in plain text."""
    return isinstance(model, SimulatedModel | RecordedModel)


def check_options(options: Mapping[str, Any]) -> None:
    """Raise SettingsError for options that the loop decides by itself."""
    for name in _FIXED:
        if name in options:
            where = "base_url or --base-url" if name == "base_url" else "its own setting, if any"
            raise SettingsError(f"model option {name!r} cannot be set here: see {where}")


def check_address(base_url: str | None) -> None:
    """Raise SettingsError for an address that is none, or that holds a secret."""
    if base_url is None:
        return
    if not base_url.startswith(("http://", "https://")):
        raise SettingsError(
            f"setting 'base_url' is {base_url!r}: it must start with http:// or https://, "
            "for example http://localhost:8000/v1"
        )
    if "@" in urlsplit(base_url).netloc:
        raise SettingsError(
            "setting 'base_url' holds a name or password, and settings are written to files: "
            "leave it out, and put the key into OPENAI_API_KEY"
        )


def find_key(name: str, base_url: str | None, options: Mapping[str, Any]) -> str:
    """Return the key of an OpenAI-compatible endpoint; a server of one's own may want none."""
    if variable := options.get("api_key_env"):
        return read_key(str(variable))
    variable = name_key(name, base_url)
    if key := os.environ.get(variable):
        return key
    if base_url is not None:
        return "none"
    raise SettingsError(
        f"no key: {variable} is not set in the environment; set it, or name a server of "
        f"your own with {argument('base_url=', '--base-url')} (setting base_url), or use the "
        f"embedded model with {argument('model=', '--model ')}simulated"
    )


async def make_model(
    name: str,
    base_url: str | None,
    temperature: float | None,
    settings: Settings,
    options: Mapping[str, Any] = NO_OPTIONS,
    changes: Changes = NO_CHANGES,
) -> BaseChatModel:
    """Make a chat model for the running event loop; retries are left to the endpoint."""
    parsed = ModelName.parse(name)
    if parsed.is_simulated:
        return SimulatedModel(seed=settings.seed)
    if parsed.is_recorded:
        return RecordedModel.load(parsed.model)
    check_options(options)
    check_address(base_url)
    own: dict[str, Any] = {"temperature": temperature, "timeout": settings.call_timeout}
    if settings.max_output_tokens is not None:
        own["max_tokens"] = settings.max_output_tokens * changes.room
    if is_openai(name, base_url):
        return await make_openai(name, base_url, options, own, changes)
    if split_name(name, base_url)[0] == "azure_openai":
        return make_azure(name, base_url, options, own, changes, await shared_client())
    return make_native(name, base_url, options, own, changes)


async def make_openai(
    name: str,
    base_url: str | None,
    options: Mapping[str, Any],
    own: dict[str, Any],
    changes: Changes,
) -> BaseChatModel:
    """Make the model of an OpenAI-compatible endpoint, over the loop's shared connections."""
    from training_free_grpo.models.openai import TolerantChatOpenAI

    address = find_address(name, base_url)
    given = openai_arguments(TolerantChatOpenAI, options, own, changes)
    if address is not None:
        # Only OpenAI itself is sure to have the Responses API.
        given = {"base_url": address, "use_responses_api": changes.responses} | given
    elif changes.responses:
        given["use_responses_api"] = True
    return TolerantChatOpenAI(
        model=split_name(name, base_url)[1],
        api_key=find_key(name, base_url, options),
        http_async_client=await shared_client(),
        old_limit=not is_openai_itself(address),
        **given,
    )


def make_azure(
    name: str,
    base_url: str | None,
    options: Mapping[str, Any],
    own: dict[str, Any],
    changes: Changes,
    client: Any = None,
) -> BaseChatModel:
    """Make the model of an Azure deployment, whose name is that of the model."""
    from training_free_grpo.models.openai import TolerantAzureChatOpenAI

    given = openai_arguments(TolerantAzureChatOpenAI, options, own, changes)
    if variable := options.get("api_key_env"):
        given["api_key"] = read_key(str(variable))
    elif not os.environ.get("AZURE_OPENAI_API_KEY"):
        raise SettingsError("no key: AZURE_OPENAI_API_KEY is not set in the environment; set it")
    if base_url is not None:
        given.setdefault("azure_endpoint", base_url)
    if changes.responses:
        given["use_responses_api"] = True
    try:
        return TolerantAzureChatOpenAI(
            azure_deployment=split_name(name, base_url)[1], http_async_client=client, **given
        )
    except ValueError as error:
        raise SettingsError(
            f"model {name!r} cannot be made: {first_line(error)}. Azure needs --base-url "
            "https://NAME.openai.azure.com and --set model_options.api_version=VERSION"
        ) from None


def openai_arguments(
    kind: type[BaseChatModel], options: Mapping[str, Any], own: dict[str, Any], changes: Changes
) -> dict[str, Any]:
    """Return what a model of OpenAI's kind is made with; the body takes what it has no name for."""
    known, body = names_of(kind), dict(options.get("extra_body") or {})
    given: dict[str, Any] = {"max_retries": 0, "stream_usage": True, "dropped": changes.dropped}
    for option, value in merged(own, options).items():
        if option in known and option != "extra_body":
            given[option] = value
        elif option != "extra_body":
            body[option] = value
    if body:
        given["extra_body"] = body
    if headers := read_headers(options):
        given["default_headers"] = headers
    dropped = changes.dropped - set(_LIMITS)  # a limit may have another name
    return {option: value for option, value in given.items() if option not in dropped}


def make_native(
    name: str,
    base_url: str | None,
    options: Mapping[str, Any],
    own: dict[str, Any],
    changes: Changes,
) -> BaseChatModel:
    """Make a model of a provider's own package; raise SettingsError for what it does not know."""
    provider, rest = split_name(name, base_url)
    if provider not in NATIVE:
        raise SettingsError(describe_unknown(name))
    key = read_key(str(options["api_key_env"])) if options.get("api_key_env") else None
    kind = find_kind(name, provider, rest, key, options)
    given = native_arguments(kind, merged(own, options), changes)
    if base_url is not None:
        given |= {place_for(kind, ("base_url", "endpoint"), "--base-url", name): base_url}
    if key is not None:
        given |= {place_for(kind, ("api_key",), "api_key_env", name): key}
    if headers := read_headers(options):
        given |= header_arguments(kind, headers, given, name)
    return init(name, provider, rest, given)


def find_kind(
    name: str, provider: str, rest: str, key: str | None, options: Mapping[str, Any]
) -> type[BaseChatModel]:
    """Return the class that serves a provider; its fields say what it can be made with."""
    plain = {k: v for k, v in options.items() if k not in _OURS and v is not None}
    return type(init(name, provider, rest, plain | ({"api_key": key} if key else {})))


def init(name: str, provider: str, rest: str, given: dict[str, Any]) -> BaseChatModel:
    """Make a model by LangChain's own function."""
    from langchain.chat_models import init_chat_model

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of options that go into model_kwargs, as they should
            model: BaseChatModel = init_chat_model(rest, model_provider=provider, **given)
    except (ImportError, ValueError) as error:
        raise SettingsError(f"setting 'model' is {name!r}: {first_line(error)}") from None
    except Exception as error:  # noqa: BLE001 - every provider has an error type of its own
        raise SettingsError(f"model {name!r} cannot be made: {first_line(error)}") from None
    return model


def native_arguments(
    kind: type[BaseChatModel], options: dict[str, Any], changes: Changes
) -> dict[str, Any]:
    """Translate options into what a class calls them."""
    known = names_of(kind)
    limit = next((each for each in _LIMITS if each in known), None)
    given: dict[str, Any] = {}
    for option, value in options.items():
        if option in changes.dropped:
            continue
        if option in _LIMITS and option not in known and limit:
            given[limit] = value
        elif option == "timeout":
            given |= timeout_arguments(kind, value)
        elif option in known:
            given[option] = value
        elif "model_kwargs" in known:
            given.setdefault("model_kwargs", {})[option] = value
        else:
            raise SettingsError(
                f"{kind.__name__} knows no option {option!r}; its options are: "
                f"{', '.join(sorted(known))}"
            )
    if "max_retries" in known:
        # Google's SDK takes 0 for its own default, and 1 for a single try.
        given["max_retries"] = 1 if "retries" in known else 0
    return given


def timeout_arguments(kind: type[BaseChatModel], seconds: float) -> dict[str, Any]:
    """Return how a class is told its time limit; without a way the endpoint's own limit holds."""
    if "timeout" in (known := names_of(kind)):
        field = kind.model_fields.get("timeout")
        return {"timeout": math.ceil(seconds) if field and field.annotation is int else seconds}
    return {"client_kwargs": {"timeout": seconds}} if "client_kwargs" in known else {}


def header_arguments(
    kind: type[BaseChatModel], headers: dict[str, str], given: dict[str, Any], name: str
) -> dict[str, Any]:
    """Return how a class is told headers."""
    if "client_kwargs" in names_of(kind):
        return {"client_kwargs": given.get("client_kwargs", {}) | {"headers": headers}}
    return {place_for(kind, ("default_headers", "additional_headers"), "headers", name): headers}


def place_for(kind: type[BaseChatModel], names: tuple[str, ...], option: str, model: str) -> str:
    """Return the name that a class has for something; raise SettingsError if it has none."""
    found = next((name for name in names if name in names_of(kind)), None)
    if found is None:
        raise SettingsError(f"{option} has no effect on {model!r}: {kind.__name__} takes none")
    return found


def names_of(kind: type[BaseChatModel]) -> set[str]:
    """Return what a class may be made with."""
    aliases = {str(field.alias) for field in kind.model_fields.values() if field.alias}
    return aliases | set(kind.model_fields)


def merged(own: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Add the user's options to our own, which they replace; null removes one."""
    given = {name: value for name, value in options.items() if name not in _OURS}
    if any(name in given for name in _LIMITS):
        own = {name: value for name, value in own.items() if name not in _LIMITS}
    return {name: value for name, value in (own | given).items() if value is not None}


def read_headers(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of every request; those of `headers_env` come from the environment."""
    secret = {name: read_key(str(v)) for name, v in (options.get("headers_env") or {}).items()}
    return {name: str(value) for name, value in (options.get("headers") or {}).items()} | secret


def describe_unknown(name: str) -> str:
    """Say what a name could have been."""
    if get_close_matches(name, ["simulated"]):
        return f"setting 'model' is {name!r}: did you mean simulated?"
    provider, colon, _ = name.partition(":")
    near = get_close_matches(provider, sorted(NATIVE), n=1) if colon else []
    meant = f"did you mean {near[0]}:…? " if near else ""
    return (
        f"setting 'model' is {name!r}: {meant}write provider:name, as in openai:gpt-5-mini, or "
        "name its server with --base-url (Ollama's is http://localhost:11434/v1); "
        f"the providers are {', '.join(sorted(NATIVE))}"
    )


def first_line(error: Exception) -> str:
    """Return what an error says, without the addresses of help pages that pydantic adds."""
    lines = (line for line in str(error).splitlines() if "For further information" not in line)
    return " ".join(" ".join(lines).split())
