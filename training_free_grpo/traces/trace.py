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
    """One attempt: the messages and calls after the question."""

    messages: Sequence[AnyMessage]
    grade: Any = None
    """What a grader may return: a reward, a bool, a mapping; None for an attempt to be graded."""
    seconds: float = 0.0
    lost: Sequence[str] = ()
    """Recorded content that nothing reads."""

    @property
    def reward(self) -> float | None:
        """Return the recorded reward; None for an attempt to be graded."""
        found = self.grade.get("reward") if isinstance(self.grade, Mapping) else self.grade
        return None if found is None else float(found)


@dataclass(frozen=True)
class Traces:
    """Problems, and the attempts at each by its id."""

    problems: Sequence[Problem]
    attempts: Mapping[str, Sequence[Trace]]

    @property
    def most(self) -> int:
        """Return the largest number of attempts at one problem."""
        return max(len(attempts) for attempts in self.attempts.values())

    def fingerprint(self) -> str:
        """Hash the attempts: twelve hexadecimal digits that change with any word in them."""
        digest = hashlib.sha256()
        for id, attempts in self.attempts.items():
            for trace in attempts:
                said = write_messages(trace.messages)
                digest.update(json.dumps([id, said, trace.grade], sort_keys=True).encode())
        return digest.hexdigest()[:12]
