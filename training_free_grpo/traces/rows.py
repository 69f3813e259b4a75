"""Convert a row to a problem and an attempt at it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage

from training_free_grpo.arguments import argument, map_field
from training_free_grpo.datasets.errors import RowError
from training_free_grpo.datasets.rows import FIELDS as PROBLEM_FIELDS
from training_free_grpo.datasets.rows import find_field, list_fields, read_problem, shorten
from training_free_grpo.records import JSON, Problem
from training_free_grpo.traces.messages import name_losses, part, read_messages
from training_free_grpo.traces.trace import Trace

FIELDS = {
    **PROBLEM_FIELDS,
    "messages": ("messages", "trajectory"),
    "response": ("response", "pred", "prediction", "completion"),
    "reward": ("reward", "score", "label"),
}
"""Possible names of a field of a recorded attempt, in order of precedence."""

_OURS = {"problem_id", "attempt", "messages"}
_GRADE = ("verdict", "extracted", "critique")
_WORDS = {
    **{"true": 1.0, "correct": 1.0, "c": 1.0},
    **{"false": 0.0, "incorrect": 0.0, "i": 0.0, "n": 0.0, "p": 0.5},
}
"""Rewards as words, and as the letters of Inspect."""


class Missing(RowError):
    """A row records a lost attempt, which is not an error in the file."""


@dataclass(frozen=True)
class Reading:
    """How rows are read: the names of their fields, and whether their rewards count."""

    mapping: Mapping[str, str]
    graded: bool = True
    needs_truth: bool = False

    def read(self, row: Any) -> tuple[Problem, Trace]:
        """Read a row; raise RowError that says which field is missing or invalid."""
        if isinstance(row, RowError):
            raise row
        row = {"messages": row} if isinstance(row, list) else row
        if not isinstance(row, Mapping):
            raise RowError(f"it is {type(row).__name__}, not an object")
        known = {}
        if row.keys() >= _OURS:
            known = {key: row[key] for key in _GRADE if row.get(key)}
            row = from_rollout(row)
        asked, messages, lost = self._read_attempt(row)
        if asked and not self._find(row, "problem"):
            row = {**row, "problem": asked}
        problem = read_problem(row, {k: v for k, v in self.mapping.items() if k in PROBLEM_FIELDS})
        grade = self._read_grade(row, known)
        if self.needs_truth and grade is None and not problem["answers"]:
            raise RowError("no reward, and no answer to compare the response with")
        return problem, Trace(messages, grade, read_seconds(row.get("seconds")), lost)

    def _read_attempt(self, row: JSON) -> tuple[str, list[AnyMessage], list[str]]:
        """Return the question, the messages after it, and what of both is not read."""
        names = [*FIELDS["messages"], *FIELDS["response"]]
        if not (row.keys() & names or self.mapping.keys() & {"messages", "response"}):
            raise RowError(
                f"no response and no messages; name their field with {map_field('response')}",
                list_fields(row),
            )
        talk = read_messages(self._find(row, "messages") or [])
        lost = sorted({*name_losses(talk)})
        asked, messages = part(talk)
        response = read_response(*find_field(row, "response", self.mapping, FIELDS))
        if response is not None and (not messages or messages[-1].text != response):
            messages.append(AIMessage(response))
        answers = [m.text for m in messages if isinstance(m, AIMessage)]
        if not (answers and answers[-1].strip()):
            raise Missing("it ends without an answer")
        return asked, messages, lost

    def _read_grade(self, row: JSON, known: JSON) -> Any:
        """Return what a grader may return: the reward and other details of the grade."""
        if not self.graded:
            return None
        reward = read_reward(*find_field(row, "reward", self.mapping, FIELDS))
        return {"reward": reward, **known} if known and reward is not None else reward

    def _find(self, row: JSON, target: str) -> Any:
        return find_field(row, target, self.mapping, FIELDS)[1]


def from_rollout(row: Mapping[str, Any]) -> JSON:
    """Read a line of a run's `rollouts/`, where `answer` is the agent's own."""
    if row.get("missing"):
        raise Missing(f"the attempt is missing: {row['missing']}")
    return {**row, "id": row["problem_id"], "response": row.get("answer"), "answer": None}


def read_response(name: str, value: Any) -> str | None:
    """Read a final answer: a text, a number, a bool or a message; None without one."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping) and "content" in value:
        return read_messages([{"role": "assistant", **value}])[0].text
    raise RowError(
        f"{name} is not a text, number or message; name the field of the answer with "
        f"{map_field('response')}, or that of a conversation with {map_field('messages')}",
        f"it is {shorten(repr(value))}",
    )


def read_seconds(value: Any) -> float:
    """Read how long an attempt took; 0 if the row does not say."""
    told = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if told else 0.0


def read_reward(name: str, value: Any) -> float | None:
    """Read a reward: a number, a bool, or a word for one; None for an attempt to be graded."""
    if value is None or value == "":
        return None
    said = value.strip().casefold() if isinstance(value, str) else value
    try:
        reward = _WORDS[said] if said in _WORDS else float(said)
    except (TypeError, ValueError):
        reward = math.nan
    if not math.isfinite(reward):
        raise RowError(
            f"{name} is not a reward; name its field with {map_field('reward')}, or "
            + argument("grade all again with graded=False", "--regrade all"),
            f"it is {value!r}"[:80],
        )
    return reward
