"""What can go wrong with a model, by what it means for the run."""

from collections.abc import Awaitable
from typing import TypeVar

from training_free_grpo.errors import UserError
from training_free_grpo.redact import redact

T = TypeVar("T")


# RuntimeError too: a LangGraph server hides the texts of errors of one's own kind.
class ModelError(UserError, RuntimeError):
    """A model call gave nothing that can be used; the text of the error holds no keys."""

    def __init__(self, said: str = "") -> None:
        super().__init__(redact(said))


class Outage(ModelError):
    """One call is lost, after all tries: a rollout is missing for it, never wrong."""


class BadRequest(Outage):
    """The endpoint answers, but takes no request like this one."""


class TooLong(BadRequest):
    """The request is longer than the model can read."""


class Filtered(BadRequest):
    """A filter refuses this one prompt; it says nothing about any other."""


class Garbled(Outage):
    """The endpoint cannot read what its own model wrote, try after try."""


class Unusable(ModelError):
    """The model answers, but only with empty, cut-off or malformed text, after all tries."""


class Refused(ModelError):
    """No call to this endpoint can succeed (key, quota, model name, dead host): the run stops."""


async def value_or_reason(call: Awaitable[T]) -> tuple[T | None, str | None]:
    """Await a call; return its value, or why it was lost. Refused is raised: it ends the run."""
    try:
        return await call, None
    except Refused:
        raise
    except ModelError as error:
        return None, str(error)
