"""The seeds, the contrast and the record of a group."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from training_free_grpo.learning.operations_answer import Advice
from training_free_grpo.records import (
    Attempt,
    Grade,
    Group,
    Ledger,
    Operation,
    Rollout,
)
from training_free_grpo.settings import Settings

_WAVE = 500
"""Groups in progress at once: LangGraph checks all of them whenever one ends."""
_LEAST = 2
"""Graded attempts needed for a comparison."""


def seed_of(*parts: object) -> int:
    """Derive a seed from the parts: the same on every platform and after every resume."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def next_wave(problems: Iterable[str], groups: Iterable[Group]) -> list[str]:
    """Return the next problems whose groups start, in order; none when all are done."""
    through = {group["problem"] for group in groups}
    return list(islice((id for id in problems if id not in through), _WAVE))


def has_contrast(rewards: Iterable[float | None]) -> bool:
    """Return whether the rewards differ (std > 0); missing ones do not count."""
    known = [reward for reward in rewards if reward is not None]
    return len(known) >= _LEAST and min(known) < max(known)


def reflects(settings: Settings, grades: Mapping[str, Grade]) -> bool:
    """Return whether a group is worth its reflection calls.

    Contrast decides. But an ablation that hides the ground truth may not use it for this choice,
    and with one attempt per group there is never any contrast (the paper's table 2).
    """
    graded = [grade["reward"] for grade in grades.values() if grade["reward"] is not None]
    if settings.group_size == 1 or settings.ground_truth == "withheld":
        return len(graded) >= min(settings.group_size, _LEAST)
    return has_contrast(graded)


def longest_attempts(groups: Iterable[Group]) -> dict[str, int]:
    """Return the turns of each problem's longest attempt: seconds would vary from run to run."""
    return {g["problem"]: max((a["turns"] for a in g["attempts"]), default=0) for g in groups}


def close_group(
    problem: str,
    rollouts: Sequence[Rollout],
    grades: Mapping[str, Grade],
    usage: Ledger,
    advice: Advice | None = None,
    failure: str | None = None,
) -> Group:
    """Make the record that the training state keeps of a finished group."""
    attempts = [note_attempt(rollout, grades.get(rollout["id"])) for rollout in rollouts]
    evidence = [attempt["id"] for attempt in attempts if attempt["reward"] is not None]
    operations: list[Operation] = advice.operations if advice else []
    return {
        "problem": problem,
        "attempts": attempts,
        "contrast": has_contrast(attempt["reward"] for attempt in attempts),
        "reasoning": advice.reasoning if advice else "",
        "proposals": [
            {"operation": operation, "problem": problem, "rollouts": evidence}
            for operation in operations
        ],
        "rejected": advice.rejected if advice else [],
        "failure": failure,
        "usage": usage,
    }


def note_attempt(rollout: Rollout, grade: Grade | None) -> Attempt:
    """Record the figures of an attempt. If its grader failed, it is missing, never wrong."""
    missing, undecided = rollout["missing"], None
    if missing is None and grade is not None and grade["reward"] is None:
        if grade["verdict"] == "undecided":
            undecided = grade["critique"] or "The grader could not decide."
        else:
            missing = f"not graded ({grade['verdict']}): {grade['critique']}"
    return {
        "id": rollout["id"],
        "reward": grade["reward"] if grade else None,
        "verdict": grade["verdict"] if grade else None,
        "extracted": grade["extracted"] if grade else "",
        "missing": missing,
        "undecided": undecided,
        "tool_calls": rollout["tool_calls"],
        "turns": rollout["turns"],
        "seconds": rollout["seconds"],
    }
