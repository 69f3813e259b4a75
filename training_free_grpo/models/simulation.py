"""Say once that figures come from a simulation."""

import warnings

from training_free_grpo.model_name import ModelName
from training_free_grpo.settings import Settings

_said = False


class SimulationWarning(UserWarning):
    """The model is simulated, and nobody has asked for that by name."""


def warn_of_simulation(settings: Settings, *asked: str) -> None:
    """Warn once per process if a model that is asked is simulated, and only by default."""
    global _said
    chosen = "model" in settings.model_fields_set
    if _said or chosen or not any(ModelName.parse(name).is_simulated for name in asked):
        return
    _said = True
    warnings.warn(
        "the model is simulated: rules that follow lessons, not a real model. Name one with "
        "model='openai:gpt-5-mini' or another provider:name; model='simulated' is silent",
        SimulationWarning,
        stacklevel=2,
    )
