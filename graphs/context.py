"""The settings that a node runs under."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from langgraph.config import get_config
from langgraph.runtime import get_runtime

from training_free_grpo.compat import is_nested
from training_free_grpo.settings import OPERATIONAL, Settings, SettingsError
from training_free_grpo.settings_source import current_source


def current_settings(state: Mapping[str, Any]) -> Settings:
    """Return the settings kept in the state, or else those that this run started with.

    A context is not persisted: when a run is resumed without it, plain LangGraph passes None, and a
    server passes the defaults. Raise SettingsError for a run that is resumed under different
    settings.
    """
    source = current_source()
    if "settings" not in state:
        return context_settings()
    kept = source.allowed(kept_settings(state))
    if not isinstance(source.built, Settings):
        return kept
    return _go_on_with(kept, context_settings(), source.built)


def kept_settings(state: Mapping[str, Any]) -> Settings:
    """Return the settings kept in the state, which are all that a router can see."""
    return _read_settings(json.dumps(state["settings"]))


@lru_cache(maxsize=64)
def _go_on_with(kept: Settings, given: Settings, built: object) -> Settings:
    if given in (kept, built):
        return kept
    if given.essential() != kept.essential():
        raise SettingsError(describe_change(kept, given))
    return kept.operated_as(given)


def describe_change(kept: Settings, given: Settings) -> str:
    """Describe how the settings of a resumed run differ from those it started with."""
    before, now = kept.model_dump(mode="json"), given.model_dump(mode="json")
    changes = (
        f"  {name}: {before[name]!r} before, {now[name]!r} now"
        for name in before
        if before[name] != now[name] and name not in OPERATIONAL
    )
    return "\n".join(
        [
            "this thread was started with other settings:",
            *changes,
            "Resume with the settings it has, or change them with update_state(config, "
            '{"settings": {…}}), listing all that differ from the defaults',
        ]
    )


def context_settings() -> Settings:
    """Return the settings that this run started with."""
    return current_source().read(get_runtime().context, is_nested(get_config()))


@lru_cache(maxsize=64)
def _read_settings(changed: str) -> Settings:
    return Settings.read(json.loads(changed))
