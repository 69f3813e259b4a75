"""The forms in which users can pass a library."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from training_free_grpo.records import Library


@runtime_checkable
class HasLibrary(Protocol):
    """Anything with a `library`, such as the result of a training run."""

    @property
    def library(self) -> Library:
        """The library."""


LibraryLike = Library | Mapping[str, Any] | str | Path | HasLibrary
"""A library: as JSON in our format or as `{"G0": "text"}`, its file, a run folder, or a result."""
