"""Chat models that are given as objects: what they are, as they say themselves."""

import warnings
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from langchain_core.language_models import BaseChatModel

from training_free_grpo.model_name import SIMULATED, ModelName
from training_free_grpo.models.recorded import RecordedModel
from training_free_grpo.settings import Settings, SettingsError
from training_free_grpo.simulated import SimulatedModel

_ADDRESSES = ("openai_api_base", "azure_endpoint", "anthropic_api_url", "base_url")


class KnownModel(NamedTuple):
    """What a chat model object is."""

    name: str
    """`provider:name`; the name of its class where it tells no other."""
    base_url: str | None
    """Its endpoint, if it is not the provider's own."""
    temperature: float | None
    """None where it has none of its own."""


def know_model(model: BaseChatModel) -> KnownModel:
    """Return what a chat model says of itself to LangSmith and other tracers."""
    if isinstance(model, SimulatedModel):
        return KnownModel(SIMULATED, None, None)
    if isinstance(model, RecordedModel):
        return KnownModel("recorded:", None, None)
    told = model._get_ls_params()
    provider, name = told.get("ls_provider"), told.get("ls_model_name")
    full = f"{provider}:{name}" if provider and name else type(model).__name__
    return KnownModel(full, find_address(model), told.get("ls_temperature"))


def find_address(model: BaseChatModel) -> str | None:
    """Return the address of a model's endpoint, without a name or a password in it."""
    for name in _ADDRESSES:
        if isinstance(found := getattr(model, name, None), str) and found:
            parts = urlsplit(found)
            return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return None


def check_agreement(settings: Settings, name: str, given: BaseChatModel | None) -> None:
    """Raise SettingsError where a setting names another model than the object that is given."""
    said = getattr(settings, name)
    if given is None or said is None or name not in settings.model_fields_set:
        return
    known = know_model(given).name
    if isinstance(given, RecordedModel) and ModelName.parse(said).is_recorded:
        return
    if ModelName.parse(said).model != ModelName.parse(known).model:
        raise SettingsError(
            f"setting {name!r} is {said!r}, and the chat model given for it is {known}: "
            "give one of the two"
        )


def record_object(settings: Settings, name: str, given: BaseChatModel) -> dict[str, object]:
    """Return the settings that tell what a chat model object is: its name and its temperature.

    Raise SettingsError where the settings name another model or another temperature, and warn of a
    temperature that the object does not take.
    """
    check_agreement(settings, name, given)
    known = know_model(given)
    changes: dict[str, object] = {name: known.name}
    own = ("temperature", "evaluation_temperature")
    fields = own if name == "model" else ("reflection_temperature",)
    asked = {f: getattr(settings, f) for f in fields if f in settings.model_fields_set}
    for field, value in asked.items():
        if known.temperature is None:
            warnings.warn(
                f"setting {field!r} is {value} and has no effect: {known.name} is given as an "
                "object, whose temperature is its own",
                stacklevel=2,
            )
        elif value != known.temperature:
            raise SettingsError(
                f"setting {field!r} is {value}, and the chat model given has "
                f"{known.temperature:g}: leave the setting out, or give the model by its name"
            )
    if known.temperature is not None:
        changes |= dict.fromkeys(fields, known.temperature)
    return changes
