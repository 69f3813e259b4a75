"""The steps of a run: its graph, run from its current state to the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot

from training_free_grpo.records import JSON, Event
from training_free_grpo.runs.folder import RunError, RunFolder
from training_free_grpo.runs.recorder import RunRecorder
from training_free_grpo.runs.reviews import keep_request, take_back
from training_free_grpo.settings import Settings
from training_free_grpo.storage.checkpoints import Dual

RUN: RunnableConfig = {"configurable": {"thread_id": "run"}}
"""The thread of a run: each has a database, or a schema of one, to itself."""

Report = Callable[[Event], None]
"""Called with each event of a graph."""


def ignore(event: Event) -> None:
    """Do nothing with an event."""


@dataclass(frozen=True)
class Steps:
    """The graph of a run whose folder this process holds."""

    folder: RunFolder
    graph: CompiledStateGraph[Any, Any, Any, Any]
    saver: Dual
    settings: Settings

    async def begin(self, start: JSON | None) -> bool:
        """Tell whether anything is left to do; set a fork to its initial state."""
        state = await self.graph.aget_state(RUN)
        if is_finished(state.values) or self._waits(state):
            return False
        if not state.values and start:
            await self.graph.aupdate_state(RUN, start, "edit_experiences")
        return True

    async def make(self, given: JSON, report: Report) -> None:
        """Run the graph from its current state until it ends or waits for a review.

        Raise RunError for a review answer that cannot be applied.
        """
        state = await self.graph.aget_state(RUN)
        todo: Any = None if state.values else given
        while not self._waits(state):
            if state.interrupts:
                todo = Command(resume=self._answer(state))
            await self._stream(todo, report)
            asked, state = state.interrupts, await self.graph.aget_state(RUN)
            if not state.interrupts:
                return
            if asked and (fault := state.interrupts[0].value["fault"]):
                take_back(self.folder.path, read_request(state))
                raise RunError(f"the review cannot be applied: {fault}. Run tfgrpo review again")

    async def save(self) -> JSON:
        """Save the results of the run, and return its state."""
        state: JSON = dict((await self.graph.aget_state(RUN)).values)
        RunRecorder(self.folder.path).save(state)
        return state

    def _waits(self, state: StateSnapshot) -> bool:
        """Tell whether a plan must be reviewed first."""
        return bool(state.interrupts) and self._answer(state) is None

    def _answer(self, state: StateSnapshot) -> Any:
        """Return the decisions on the pending plan; None if there are none."""
        return keep_request(self.folder.path, read_request(state))

    async def _stream(self, given: Any, report: Report) -> None:
        """Run the graph and report its events; save the results of a step after its checkpoint."""
        modes = ["custom", "tasks"]
        options: JSON = {"stream_mode": modes, "subgraphs": True, "durability": "sync"}
        config = RUN | RunnableConfig(metadata={"run": self.folder.path.name})
        unsaved: list[Event] = []
        stream: Any = self.graph.astream(given, config, context=self.settings, **options)
        async for _, mode, told in stream:
            if mode == "custom" and told["event"] == "step":
                unsaved.append(told)
            elif mode == "custom":
                report(told)
            elif "result" in told and told["name"] == "edit_experiences":
                await self.save()
                while unsaved:
                    report(unsaved.pop())
            elif "result" in told and told["name"] == "plan_edits":
                finished = (await self.graph.aget_state(RUN)).config["configurable"]
                await self.saver.aforget_groups(finished["checkpoint_id"])


def read_request(state: StateSnapshot) -> JSON:
    """Return the review request of a pending plan."""
    return {key: value for key, value in state.interrupts[0].value.items() if key != "fault"}


def is_finished(state: JSON) -> bool:
    """Tell whether every step of a run is done.

    LangGraph names no next node either when a kill came between a node's result and the
    checkpoint made of it.
    """
    return len(state.get("metrics", [])) == state.get("steps")
