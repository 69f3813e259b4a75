"""A node that serves both `ainvoke` and `invoke`."""

import inspect
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, set_config_context

from training_free_grpo.background import run_sync
from training_free_grpo.redact import redact_error
from training_free_grpo.settings_source import SettingsSource, settings_from


class Node(Runnable[Any, Any]):
    """Runs `action(*given, state)`, a function or a coroutine function, as a node or a router.

    A coroutine function alone would make `graph.invoke` fail, and a second, synchronous body
    would duplicate it. RunnableLambda could hold both, but reads signatures at every call,
    and a bare function costs `ainvoke` a thread: together a third of a turn's CPU time.
    """

    def __init__(
        self, action: Callable[..., Any], *given: object, source: SettingsSource | None = None
    ) -> None:
        self.action = action
        self.given = given
        self.source = source or SettingsSource()
        self.name = getattr(action, "__name__", None)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the action and wait for it, from any thread."""
        with set_config_context(ensure_config(config)) as context:
            return context.run(run_sync, self.ainvoke(input, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the action on the running loop, with keys removed from the texts of errors.

        LangGraph writes these texts into checkpoints.
        """
        try:
            with settings_from(self.source):
                found = self.action(*self.given, input)
                return await found if inspect.isawaitable(found) else found
        except Exception as error:
            redact_error(error)
            raise
