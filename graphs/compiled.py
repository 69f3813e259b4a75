"""A compiled graph that behaves the same under `invoke` and `ainvoke`."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Self, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from training_free_grpo.background import iterate_sync, run_sync
from training_free_grpo.compat import checkpointer_of, is_task, with_checkpointer
from training_free_grpo.graphs.limits import Limits, limited
from training_free_grpo.models.traffic.stop_gate import StopGate
from training_free_grpo.storage.checkpoints import serve_any_loop

_SUPERSTEPS = 1_000_000
_TASKS = 100_000


class Graph(CompiledStateGraph[Any, Any, Any, Any]):
    """A graph whose `invoke` and `stream` run its asynchronous side on the background loop.

    When LangGraph's own synchronous side is interrupted, it waits until every running node has
    ended, so the run would keep spending for minutes. A run with a checkpointer writes each
    checkpoint before the next step begins (`durability="sync"`), unless the caller sets another
    durability.
    """

    def __init__(self, *, limits: Limits | None = None, **parts: Any) -> None:
        super().__init__(**parts)
        self.limits = limits
        """The limits of each run."""

    @classmethod
    def of(
        cls, graph: CompiledStateGraph[Any, Any, Any, Any], limits: Limits | None = None
    ) -> Self:
        """Return a compiled graph as one of this class, without LangGraph's concurrency limits.

        LangGraph's limit on tasks would queue the checkpoint writes of finished tasks behind tasks
        that wait; our limits are enforced inside the nodes.
        """
        parts = {name: part for name, part in vars(graph).items() if name != "__orig_class__"}
        made = cls(limits=limits, **parts)
        return made.with_config(max_concurrency=_TASKS, recursion_limit=_SUPERSTEPS)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> Any:
        """Run the graph and return its output; interrupting the caller cancels the run."""
        graph, config = self._for_any_loop(config)
        return run_sync(graph.ainvoke(input, config, **options))

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> Iterator[Any]:
        """Run the graph and yield its stream; interrupting or closing it cancels the run."""
        graph, config = self._for_any_loop(config)
        return iterate_sync(graph.astream(input, config, **options))

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> AsyncGenerator[Any, None]:
        """Run the graph and yield its stream."""
        if options.get("durability") is None and isinstance(self.checkpointer, BaseCheckpointSaver):
            options["durability"] = "sync"
        if is_task(config) and options.get("output_keys") is None:
            options["output_keys"] = self.output_channels
        stream = cast(AsyncGenerator[Any, None], super().astream(input, config, **options))
        if self.limits:
            gate = StopGate()
            state = await self._state_before(input, config)
            meter = await self.limits.meter(state, options.get("context"), gate)
            stream = limited(stream, meter, gate)
        async with aclosing(stream):
            async for item in stream:
                yield item

    async def _state_before(self, input: Any, config: RunnableConfig | None) -> dict[str, Any]:
        """Return the state that a run resumes from, empty for a new run."""
        resumes = input is None or isinstance(input, Command)
        if config is None or not resumes or not isinstance(self.checkpointer, BaseCheckpointSaver):
            return {}
        return dict((await self.aget_state(config)).values)

    def _for_any_loop(self, config: RunnableConfig | None) -> tuple[Self, Any]:
        """Return the graph and config with savers that work on the background loop."""
        graph, inherited = self, checkpointer_of(config)
        if isinstance(self.checkpointer, BaseCheckpointSaver):
            graph = self.copy({"checkpointer": serve_any_loop(self.checkpointer)})
        if isinstance(inherited, BaseCheckpointSaver):
            return graph, with_checkpointer(config, serve_any_loop(inherited))
        return graph, config
