"""The name of a model, taken apart in one place."""

from dataclasses import dataclass
from typing import Self

SIMULATED = "simulated"
_RECORDED = "recorded"


@dataclass(frozen=True)
class ModelName:
    """`provider:name` as in init_chat_model, `simulated`, or `recorded:FILE`."""

    text: str
    provider: str | None
    """None where the name alone is given, as for a server of the user's own."""
    model: str
    """What the provider calls it; the file of recorded solutions."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a name apart."""
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
