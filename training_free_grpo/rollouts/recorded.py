"""Recorded attempts in place of rollouts: nothing is asked, and nothing paid, before summarize."""

from typing import Any

from langchain_core.messages import AIMessage

from training_free_grpo.graders import Grader
from training_free_grpo.records import Problem, Rollout, RolloutTask
from training_free_grpo.rollouts.components import Components
from training_free_grpo.rollouts.rollout import describe_task, keep_rollout, note_rollout
from training_free_grpo.traces import Traces


async def take_rollout(components: Components, traces: Traces, task: RolloutTask) -> dict[str, Any]:
    """Take the attempt that is on record; what it once cost was somebody else's."""
    trace = traces.attempts[task["problem"]["id"]][task["attempt"]]
    answer = next(m.text for m in reversed(trace.messages) if isinstance(m, AIMessage))
    done = note_rollout(trace.messages, answer, None, trace.seconds, usage={}) | {"usage": {}}
    return await keep_rollout(components.archive, describe_task(task) | {"lessons": []} | done)


def grader_of(components: Components, problem: Problem, rollout: Rollout) -> Grader:
    """Return what grades an attempt: the grade that it came with, if it came with one."""
    if components.traces is None:
        return components.grader
    grade = components.traces.attempts[problem["id"]][rollout["attempt"]].grade

    async def recorded(problem: Problem, answer: str) -> Any:
        return grade

    return components.grader if grade is None else recorded
