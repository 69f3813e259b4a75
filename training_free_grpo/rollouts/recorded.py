"""Recorded attempts in place of new ones: nothing is asked, and nothing paid, before summarize."""

from langchain_core.messages import AIMessage

from training_free_grpo.prices import FREE, RolePrice
from training_free_grpo.records import FinishedRollout, RolloutTask
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.rollout import note_rollout
from training_free_grpo.settings import Settings
from training_free_grpo.traces import Traces


class Recorded(Attempter):
    """Takes the attempts that are on record; what they once cost was somebody else's."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self.name = f"traces:{traces.fingerprint()}"

    def count(self, problem: str, settings: Settings) -> int:
        """Return how many attempts at the problem are on record."""
        return len(self._traces.attempts[problem])

    def prices(self, settings: Settings) -> RolePrice:
        """Return a price of nothing."""
        return "recorded", FREE

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Return the attempt that is on record, with its grade if it has one."""
        trace = self._traces.attempts[task["problem"]["id"]][task["attempt"]]
        answer = next(m.text for m in reversed(trace.messages) if isinstance(m, AIMessage))
        finished = note_rollout(trace.messages, answer, None, trace.seconds, {}, [])
        finished["usage"] = {}
        if trace.grade is not None:
            finished["grade"] = trace.grade
        return finished
