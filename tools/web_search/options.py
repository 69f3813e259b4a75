"""Options that engines have in common, checked when a provider is made."""

import os
import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import SecretStr

from training_free_grpo.tools.web_search.provider import SearchSetupError

Recency = Literal["day", "week", "month", "year"]
"""The maximum age of a page."""

TIMEOUT = 15.0


def check_recency(recency: Recency | None) -> Recency | None:
    """Return the recency; raise ValueError for any other word."""
    if recency not in (None, *get_args(Recency)):
        raise ValueError(f"recency={recency!r}: choose one of {', '.join(get_args(Recency))}")
    return recency


def given(**options: str | None) -> dict[str, str]:
    """Return the options that are set."""
    return {name: value for name, value in options.items() if value is not None}


def check_url(base_url: str) -> str:
    """Return the URL without its last slash; raise ValueError for an invalid one."""
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(f"base_url={public(base_url)!r}: begin with http:// or https://")
    return base_url.rstrip("/")


def public(base_url: str) -> str:
    """Remove user and password from a URL."""
    return re.sub(r"[^/@]*@", "", base_url, count=1)


@dataclass(frozen=True)
class ApiKey:
    """A key that is passed, or read from the environment at each search."""

    factory: str
    variable: str
    given: str | SecretStr | None = field(repr=False)

    def read(self) -> str:
        """Return the key; raise SearchSetupError without one."""
        given = self.given or os.environ.get(self.variable, "")
        key = (given.get_secret_value() if isinstance(given, SecretStr) else given).strip()
        if not key:
            raise SearchSetupError(f"{self.factory}() has no key: {self.remedy}")
        if not (key.isascii() and key.isprintable()):
            raise SearchSetupError(f"The key of {self.factory}() is not valid: {self.remedy}")
        return key

    @property
    def remedy(self) -> str:
        """Return how to set the key."""
        return f"set {self.variable}, or pass {self.factory}(api_key=…)"
