"""The source of a graph's settings: its builder, its caller, or a parent graph's caller."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from training_free_grpo.policy import Policy
from training_free_grpo.settings import Settings

SettingsOf = Callable[[Any], Settings | Mapping[str, Any]]
GivenSettings = Settings | Mapping[str, Any] | SettingsOf
"""Settings of a graph, or a function that derives them from the context of a run."""
GivenPolicy = Policy | Callable[[], Policy]
"""What callers may choose, or a function that returns it for every run."""


@dataclass(frozen=True)
class SettingsSource:
    """The settings that a graph was built with, and which of them its callers may change."""

    built: Settings | Callable[[Any], Settings | Mapping[str, Any]] = field(
        default_factory=Settings
    )
    policy: GivenPolicy | None = None
    """None lets callers choose everything: they are the operator's own code."""

    def read(self, context: Any, nested: bool) -> Settings:
        """Return the settings of a run with this context: the caller's over the builder's.

        `nested` contexts may belong to a parent graph: unless they contain settings, and nothing
        else, they are ignored. Raise SettingsError for a setting that is unknown or not allowed.
        """
        if not isinstance(self.built, Settings):
            return as_settings(self.built(context))
        if isinstance(context, Settings):
            given = context
        elif not isinstance(context, Mapping) or (nested and not _holds_settings(context)):
            return self.built
        else:
            given = Settings.read(dict(context))
        # A server fills in every default, so that only a difference is a choice. What repeats the
        # builder's value changes nothing, and counts as named.
        chosen = {name: getattr(given, name) for name in given.changed()}
        named = {name: getattr(given, name) for name in given.model_fields_set}
        same = {name: value for name, value in named.items() if value == getattr(self.built, name)}
        return self.allowed(self.built.model_copy(update=same | chosen))

    def allowed(self, settings: Settings) -> Settings:
        """Return settings that callers may choose; raise SettingsError for others."""
        if self.policy is not None and isinstance(self.built, Settings):
            policy = self.policy if isinstance(self.policy, Policy) else self.policy()
            policy.check(settings, self.built)
        return settings


def make_source(settings: GivenSettings | None, policy: GivenPolicy | None) -> SettingsSource:
    """Return the source for the builder's arguments."""
    if settings is None:
        return SettingsSource(policy=policy)
    if isinstance(settings, Settings | Mapping):
        return SettingsSource(as_settings(settings), policy)
    return SettingsSource(settings, policy)


def as_settings(given: Settings | Mapping[str, Any]) -> Settings:
    """Return settings that were passed as such, or as a mapping."""
    return given if isinstance(given, Settings) else Settings.read(dict(given))


def _holds_settings(context: Mapping[str, Any]) -> bool:
    return bool(context) and context.keys() <= Settings.model_fields.keys()


_source: ContextVar[SettingsSource | None] = ContextVar("settings_source", default=None)


def current_source() -> SettingsSource:
    """Return the source of the graph whose node is running."""
    return _source.get() or SettingsSource()


@contextmanager
def settings_from(source: SettingsSource) -> Iterator[None]:
    """Run a node of a graph with this source."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)
