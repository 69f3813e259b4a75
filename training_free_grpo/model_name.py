"""Parse the name of a model, in one place."""

from dataclasses import dataclass
from typing import Self

SIMULATED = "simulated"
_RECORDED = "recorded"


@dataclass(frozen=True)
class ModelName:
    """`provider:name` as in init_chat_model, `simulated`, or `recorded:FILE`."""

    text: str
    provider: str | None
    """None if only the model is named, as for a user's own server."""
    model: str
    """The provider's name for the model, or the file of recorded solutions."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a name."""
        provider, colon, model = text.partition(":")
        return cls(text, provider, model) if colon else cls(text, None, text)

    @property
    def is_simulated(self) -> bool:
        """Whether it is the embedded model that follows rules."""
        return self.text == SIMULATED

    @property
    def is_recorded(self) -> bool:
        """Whether it replays recorded solutions."""
        return self.provider == _RECORDED

    @property
    def is_embedded(self) -> bool:
        """Whether it runs in this process, at no cost."""
        return self.is_simulated or self.is_recorded
