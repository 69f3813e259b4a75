"""The models of a run, by role: policy, reflection, judge. Three bindings, never one mutated."""

import threading
from dataclasses import dataclass, field
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from training_free_grpo.models.chat import check_model
from training_free_grpo.models.endpoint import Endpoint
from training_free_grpo.models.errors import (
    ModelError,
    Outage,
    Refused,
    Unusable,
    value_or_reason,
)
from training_free_grpo.models.names import (
    Name,
    judge_name,
    judge_options,
    policy_name,
    policy_options,
    reflection_name,
    reflection_options,
)
from training_free_grpo.models.objects import check_agreement, know_model
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.settings import ModelOptions, Settings
from training_free_grpo.storage.journal import Journal

__all__ = [
    "Endpoint",
    "ModelError",
    "Models",
    "Outage",
    "Refused",
    "Unusable",
    "value_or_reason",
]


@dataclass(frozen=True, eq=False)
class Models:
    """The endpoints of a graph, made when first used; chat models given here are used as given."""

    policy_model: BaseChatModel | None = None
    reflection_model: BaseChatModel | None = None
    judge_model: BaseChatModel | None = None
    embeddings: Embeddings | None = None
    """Finds lessons by meaning where `top_k` chooses them; None finds them by words alone."""
    journal: Journal | None = None
    """Where answers are written down as they arrive; a call made again finds its answer there."""
    gate: StopGate = field(default_factory=StopGate)
    """Closed, it lets no further call begin: how a run is stopped without losing what is paid."""
    _made: dict[object, Endpoint] = field(default_factory=dict, repr=False, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, init=False)

    def policy(self, settings: Settings, evaluation: bool = False) -> Endpoint:
        """Return the model that makes rollouts, at the temperature of training or evaluation."""
        temperature = settings.evaluation_temperature if evaluation else settings.temperature
        options = policy_options(settings)
        return self._endpoint(
            settings, policy_name(settings), options, temperature, self.policy_model
        )

    def reflection(self, settings: Settings) -> Endpoint:
        """Return the model that summarizes, compares and edits."""
        temperature, given = settings.reflection_temperature, self.reflector(settings)
        options = reflection_options(settings)
        return self._endpoint(settings, reflection_name(settings), options, temperature, given)

    def judge(self, settings: Settings) -> Endpoint:
        """Return the model that judges answers."""
        temperature, given = settings.reflection_temperature, self.judging(settings)
        options = judge_options(settings)
        return self._endpoint(settings, judge_name(settings), options, temperature, given)

    def reflector(self, settings: Settings) -> BaseChatModel | None:
        """Return the object that reflects; None where a name says which model does."""
        default = None if settings.reflection_model else self.policy_model
        return self.reflection_model or default

    def judging(self, settings: Settings) -> BaseChatModel | None:
        """Return the object that judges; None where a name says which model does."""
        default = None if settings.judge_model else self.reflector(settings)
        return self.judge_model or default

    def check(self, settings: Settings) -> None:
        """Raise SettingsError for a model that cannot be made, before anything is spent."""
        if self.journal and self.journal.sealed:
            return
        check_agreement(settings, "model", self.policy_model)
        check_agreement(settings, "reflection_model", self.reflection_model)
        check_agreement(settings, "judge_model", self.judge_model)
        if self.policy_model is None:
            check_model(*policy_name(settings), policy_options(settings))
        if self.reflector(settings) is None:
            check_model(*reflection_name(settings), reflection_options(settings))
        if self.judging(settings) is None:
            check_model(*judge_name(settings), judge_options(settings))

    def _endpoint(
        self,
        settings: Settings,
        name: Name,
        options: dict[str, Any],
        temperature: float | None,
        given: BaseChatModel | None,
    ) -> Endpoint:
        if given is not None:
            known = know_model(given)
            name = known.name, known.base_url
            temperature = temperature if known.temperature is None else known.temperature
        options = ModelOptions(options)
        key = (settings, name, options, temperature, id(given))
        with self._lock:
            if key not in self._made:
                self._made[key] = Endpoint(
                    settings, *name, temperature, given, self.journal, self.gate, options
                )
            return self._made[key]
