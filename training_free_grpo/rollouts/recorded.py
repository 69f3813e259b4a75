"""Recorded attempts instead of new ones: no model is called before summarize."""

from langchain_core.messages import AIMessage

from training_free_grpo.prices import FREE, RolePrice
from training_free_grpo.records import FinishedRollout, RolloutTask
from training_free_grpo.rollouts.attempter import Attempter
from training_free_grpo.rollouts.rollout import note_rollout
from training_free_grpo.settings import Settings
from training_free_grpo.traces import Traces


class Recorded(Attempter):
    """Uses recorded attempts; what they once cost does not count towards this run."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self.name = f"traces:{traces.fingerprint()}"

    def count(self, problem: str, settings: Settings) -> int:
        """Return how many attempts at the problem are recorded."""
        return len(self._traces.attempts[problem])

    def prices(self, settings: Settings) -> RolePrice:
        """Return a price of zero."""
        return "recorded", FREE

    async def attempt(self, task: RolloutTask, lessons: str, settings: Settings) -> FinishedRollout:
        """Return the recorded attempt, with its grade if it has one."""
        trace = self._traces.attempts[task["problem"]["id"]][task["attempt"]]
        answer = next(m.text for m in reversed(trace.messages) if isinstance(m, AIMessage))
        finished = note_rollout(trace.messages, answer, None, trace.seconds, {}, [])
        finished["usage"] = {}
        if trace.grade is not None:
            finished["grade"] = trace.grade
        return finished
