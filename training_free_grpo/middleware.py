"""Give any `create_agent` agent its library: one line, the words of the training."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import SystemMessage

from training_free_grpo.experience import experience_block, with_experience
from training_free_grpo.library import load_library, read_library, render_library
from training_free_grpo.records import Library

Handler = Callable[[ModelRequest[Any]], ModelResponse[Any]]
AsyncHandler = Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]


class ExperienceMiddleware(AgentMiddleware[Any, Any, Any]):
    """Show the lessons of a library (or of a library file or run folder) in the system prompt."""

    def __init__(self, library: Library | str | Path) -> None:
        super().__init__()
        known = load_library(library) if isinstance(library, str | Path) else read_library(library)
        self.lessons = render_library(known)

    def wrap_model_call(self, request: ModelRequest[Any], handler: Handler) -> ModelResponse[Any]:
        """Add the lessons to the call."""
        return handler(self._with_lessons(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: AsyncHandler
    ) -> ModelResponse[Any]:
        """Add the lessons to the call."""
        return await handler(self._with_lessons(request))

    def _with_lessons(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        system = request.system_message
        if not self.lessons:
            return request
        if system is not None and not isinstance(system.content, str):
            # Content blocks may carry a provider's cache marks: they stay as they are.
            block = {"type": "text", "text": experience_block(self.lessons)}
            return request.override(system_message=SystemMessage([*system.content, block]))
        text = system.text if system else ""
        return request.override(system_message=SystemMessage(with_experience(text, self.lessons)))
