"""Which model plays which role: names, addresses and options, as the settings give them."""

from typing import Any

from training_free_grpo.model_name import SIMULATED, ModelName
from training_free_grpo.settings import Settings

Name = tuple[str, str | None]
"""A model's name, and the address of its endpoint if it is not the provider's own."""


def policy_name(settings: Settings) -> Name:
    """Return the model that makes rollouts."""
    return settings.model, settings.base_url


def reflection_name(settings: Settings) -> Name:
    """Return the model that summarizes, compares and edits."""
    name, base_url = policy_name(settings)
    if settings.reflection_model is None and ModelName.parse(name).is_recorded:
        # Recorded solutions cannot reflect: the embedded model words what separates them.
        name = SIMULATED
    return settings.reflection_model or name, settings.reflection_base_url or base_url


def judge_name(settings: Settings) -> Name:
    """Return the model that judges answers."""
    name, base_url = reflection_name(settings)
    return settings.judge_model or name, settings.judge_base_url or base_url


def policy_options(settings: Settings) -> dict[str, Any]:
    """Return what else the policy model is made with."""
    return settings.model_options


def reflection_options(settings: Settings) -> dict[str, Any]:
    """Return what else the reflection model is made with; another model starts without options."""
    same = reflection_name(settings) == policy_name(settings)
    return (settings.model_options if same else {}) | settings.reflection_options


def judge_options(settings: Settings) -> dict[str, Any]:
    """Return what else the judge is made with; another model starts without options."""
    same = judge_name(settings) == reflection_name(settings)
    return (reflection_options(settings) if same else {}) | settings.judge_options
