"""What callers of a served graph may choose: by default, nothing that costs the operator.

Whoever can post a context to a server chooses models, addresses and files. The graphs that
`langgraph.json` names take from a context only what the operator allows in the environment.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from training_free_grpo.settings import Settings, SettingsError

_MODELS = ("model", "reflection_model", "judge_model")
_ADDRESSES = ("base_url", "reflection_base_url", "judge_base_url")
_OPTIONS = ("model_options", "reflection_options", "judge_options")
"""These can name any environment variable as a key or a header."""
_SEARCH = ("search", "search_cache")
GUARDED = frozenset((*_MODELS, *_ADDRESSES, *_OPTIONS, *_SEARCH))
"""The settings that a policy restricts."""


@dataclass(frozen=True)
class Policy:
    """What callers may choose besides the settings of the operator."""

    models: tuple[str, ...] = ("simulated",)
    """Names of models, with wildcards: `openai:gpt-5-*`."""
    addresses: tuple[str, ...] = ()
    """Endpoints, searxng instances included; the provider's own key is sent to them."""
    paths: tuple[str, ...] = ()
    """Folders with documents to search or recorded solutions."""
    searches: tuple[str, ...] = ("duckduckgo",)
    """Search engines; some use the operator's paid key."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read TFGRPO_ALLOW_MODELS, _ADDRESSES, _PATHS and _SEARCHES: comma-separated lists."""
        found = {name: os.environ.get(f"TFGRPO_ALLOW_{name.upper()}") for name in _FIELDS}
        lists = {name: tuple(_split(value)) for name, value in found.items() if value is not None}
        return cls(**lists)

    def check(self, settings: Settings, operators: Settings) -> None:
        """Raise SettingsError for a setting that differs from the operator's and is not allowed."""
        for name in sorted(GUARDED & type(settings).model_fields.keys()):
            value = getattr(settings, name)
            if value and value != getattr(operators, name):
                self._check(name, value)

    def _check(self, name: str, value: object) -> None:
        field, text = "models", str(value)
        if name in _OPTIONS:
            raise SettingsError(f"setting {name!r} belongs to the operator of this server")
        if name in _ADDRESSES:
            field = "addresses"
        elif name == "search_cache":
            field = "paths"
        elif name == "search":
            kind, _, place = text.partition(":")
            field = {"corpus": "paths", "searxng": "addresses"}.get(kind, "searches")
            text = place or text
        elif text.startswith("recorded:"):
            field, text = "paths", text.removeprefix("recorded:").partition("?")[0]
        if not self._allows(field, text):
            raise SettingsError(
                f"setting {name!r} is {value!r}, which the operator of this server does not allow: "
                f"TFGRPO_ALLOW_{field.upper()} lists what callers may choose"
            )

    def _allows(self, field: str, value: str) -> bool:
        if field == "models":
            return any(fnmatchcase(value, pattern) for pattern in self.models)
        if field == "paths":
            place = Path(value).resolve()
            return any(place.is_relative_to(Path(folder).resolve()) for folder in self.paths)
        listed = self.addresses if field == "addresses" else self.searches
        return value.rstrip("/") in {allowed.rstrip("/") for allowed in listed}


_FIELDS = ("models", "addresses", "paths", "searches")


def _split(value: str) -> Iterator[str]:
    return (part.strip() for part in value.split(",") if part.strip())
