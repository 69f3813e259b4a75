"""What the state and the files of a run keep of an attempt."""

from training_free_grpo.records import FinishedRollout, Rollout, RolloutLine, RolloutTask


def note_rollout(task: RolloutTask, finished: FinishedRollout) -> Rollout:
    """Return what the state keeps of an attempt; its transcript is stored separately."""
    found: Rollout = {
        "id": task["id"],
        "attempt": task["attempt"],
        "trajectory": None,
        "answer": finished["answer"],
        "tool_calls": finished["tool_calls"],
        "turns": finished["turns"],
        "seconds": finished["seconds"],
        "missing": finished["missing"],
    }
    if "grade" in finished:
        found["grade"] = finished["grade"]
    return found


def write_line(task: RolloutTask, finished: FinishedRollout, hidden: list[str]) -> RolloutLine:
    """Return the line in `rollouts/` for an attempt."""
    problem = task["problem"]
    return {
        "id": task["id"],
        "step": task["step"],
        "problem_id": problem["id"],
        "problem": problem["problem"],
        "answers": problem["answers"],
        "attempt": task["attempt"],
        "lessons": finished["lessons"],
        "hidden": hidden,
        "answer": finished["answer"],
        "tool_calls": finished["tool_calls"],
        "turns": finished["turns"],
        "seconds": finished["seconds"],
        "missing": finished["missing"],
        "usage": finished["usage"],
        "messages": finished["messages"],
    }
