"""The steps of a run: its graph, driven from where it is to the end."""

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
"""Is called with each event of a graph."""


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
        """Tell whether there is anything to do; put a fork into the state that it starts from."""
        state = await self.graph.aget_state(RUN)
        if is_finished(state.values) or self._waits(state):
            return False
        if not state.values and start:
            await self.graph.aupdate_state(RUN, start, "edit_experiences")
        return True

    async def make(self, given: JSON, report: Report) -> None:
        """Run the graph from where it is until it ends, or waits for a person.

        Raise RunError for an answer of the person's that cannot be carried out.
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
        """Write down what the run has come to, and return its state."""
        state: JSON = dict((await self.graph.aget_state(RUN)).values)
        RunRecorder(self.folder.path).save(state)
        return state

    def _waits(self, state: StateSnapshot) -> bool:
        """Tell whether there is nothing to do before a person has decided on a plan."""
        return bool(state.interrupts) and self._answer(state) is None

    def _answer(self, state: StateSnapshot) -> Any:
        """Return what a person has decided on the plan that waits; None for nothing."""
        return keep_request(self.folder.path, read_request(state))

    async def _stream(self, given: Any, report: Report) -> None:
        """Run the graph and report its events; save what a step has learned once it is kept."""
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
    """Return what a person is asked about a plan that waits."""
    return {key: value for key, value in state.interrupts[0].value.items() if key != "fault"}


def is_finished(state: JSON) -> bool:
    """Tell whether every step of a run is done.

    LangGraph names no next node either when a kill came between a node's result and the
    checkpoint made of it.
    """
    return len(state.get("metrics", [])) == state.get("steps")
