"""Settings in a place where they have no effect."""

import warnings

from langgraph.config import get_config

from training_free_grpo.settings import Settings


def warn_of_misplaced(settings: Settings) -> None:
    """Warn of settings under `configurable` that differ from those of the context.

    A LangGraph server also copies the context there, and a parent graph may use the same names for
    its own purposes: neither is an error.
    """
    configured = get_config().get("configurable", {})
    ignored = {
        name: configured[name]
        for name in Settings.model_fields
        if name in configured and str(configured[name]) != str(getattr(settings, name))
    }
    if ignored:
        named = ", ".join(f"{name}={value!r}" for name, value in ignored.items())
        warnings.warn(
            f"'configurable' holds {named}, which has no effect: settings are the context, as in "
            f"invoke(…, context=Settings({named}))",
            stacklevel=2,
        )
