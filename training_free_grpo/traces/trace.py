"""Recorded attempts at problems."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AnyMessage

from training_free_grpo.messages import write_messages
from training_free_grpo.records import Problem


@dataclass(frozen=True)
class Trace:
    """One attempt: what was said and called after the problem was put."""

    messages: Sequence[AnyMessage]
    grade: Any = None
    """What a grader may return: a reward, a bool, a mapping; None for an attempt to be graded."""
    seconds: float = 0.0
    lost: Sequence[str] = ()
    """What the recording holds and nobody will read."""

    @property
    def reward(self) -> float | None:
        """Return the reward that is on record; None for an attempt to be graded."""
        found = self.grade.get("reward") if isinstance(self.grade, Mapping) else self.grade
        return None if found is None else float(found)


@dataclass(frozen=True)
class Traces:
    """Problems, and the attempts at each by its id."""

    problems: Sequence[Problem]
    attempts: Mapping[str, Sequence[Trace]]

    @property
    def most(self) -> int:
        """Return how many attempts the problem with the most of them has."""
        return max(len(attempts) for attempts in self.attempts.values())

    def fingerprint(self) -> str:
        """Hash the attempts: twelve hexadecimal digits that change with any word in them."""
        digest = hashlib.sha256()
        for id, attempts in self.attempts.items():
            for trace in attempts:
                said = write_messages(trace.messages)
                digest.update(json.dumps([id, said, trace.grade], sort_keys=True).encode())
        return digest.hexdigest()[:12]
