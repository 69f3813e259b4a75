"""The groups of a step in the report: attempts side by side, and their outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training_free_grpo.learning.contrast import has_contrast
from training_free_grpo.ledger import total_usage
from training_free_grpo.records import JSON, Operation, Rejection
from training_free_grpo.report.fates import Fate
from training_free_grpo.report.transcript import Message, show_messages
from training_free_grpo.runs.files import read_groups, read_rollouts


@dataclass(frozen=True)
class AttemptView:
    """One rollout, and what its group says about it."""

    id: str
    number: int
    reward: float | None
    extracted: str
    critique: str
    """The grader's critique."""
    missing: str | None
    undecided: str | None
    """Why the grader could not decide."""
    tool_calls: int
    turns: int
    seconds: float
    tokens: int
    summary: str
    messages: Sequence[Message]


@dataclass(frozen=True)
class Group:
    """One problem with its attempts."""

    anchor: str
    problem_id: str
    problem: str
    answers: Sequence[str]
    attempts: Sequence[AttemptView]
    finished: bool
    reasoning: str
    proposals: Sequence[Operation]
    rejected: Sequence[Rejection]
    failure: str | None
    changes: Sequence[JSON] = field(default_factory=list)
    """What the step changed in the library on the evidence of this group."""
    fates: Sequence[Fate] = ()
    """The outcomes of the proposals."""

    @property
    def rewards(self) -> list[float]:
        """Return the rewards of the attempts that were graded."""
        return [a.reward for a in self.attempts if a.reward is not None]

    @property
    def contrast(self) -> bool:
        """Tell whether the rewards differ."""
        return has_contrast(self.rewards)

    @property
    def troubled(self) -> bool:
        """Tell whether something was lost or rejected."""
        lost = any(attempt.missing or attempt.undecided for attempt in self.attempts)
        return bool(lost or self.failure or self.rejected)


def read_step_groups(run: Path, step: int, changes: Sequence[JSON], longest: int) -> list[Group]:
    """Read the groups of a step; transcripts are cut to so many characters each."""
    records, rows = read_groups(run, step), read_rollouts(run, step)
    attempts: dict[str, dict[str, JSON]] = {problem: {} for problem in records}
    for row in rows.values():
        attempts.setdefault(row["problem_id"], {})[row["id"]] = row
    for problem, record in records.items():
        for found in record["attempts"]:
            row = attempts[problem].get(found["id"], {})
            attempts[problem][found["id"]] = row | found
    return [
        make_group(f"s{step}g{n}", problem, records.get(problem, {}), found, changes, longest)
        for n, (problem, found) in enumerate(attempts.items(), 1)
    ]


def make_group(
    anchor: str,
    problem: str,
    record: JSON,
    attempts: Mapping[str, JSON],
    changes: Sequence[JSON],
    longest: int,
) -> Group:
    """Build a group from its record and its rollouts."""
    summaries, critiques = record.get("summaries", {}), record.get("critiques", {})
    rows = sorted(attempts.items(), key=lambda item: item[1].get("attempt", 0))
    return Group(
        anchor=anchor,
        problem_id=problem,
        problem=next((row["problem"] for _, row in rows if "problem" in row), ""),
        answers=record.get("answers", []),
        attempts=[
            make_attempt(id, row, summaries.get(id, ""), critiques.get(id, ""), longest)
            for id, row in rows
        ],
        finished=bool(record) or any("reward" in row for _, row in rows),
        reasoning=record.get("reasoning", ""),
        proposals=[proposal["operation"] for proposal in record.get("proposals", [])],
        rejected=record.get("rejected", []),
        failure=record.get("failure"),
        changes=[change for change in changes if problem in change["problems"]],
    )


def make_attempt(id: str, row: JSON, summary: str, critique: str, longest: int) -> AttemptView:
    """Build an attempt from its row, summary and critique."""
    usage = total_usage(row.get("usage", {}))
    return AttemptView(
        id=id,
        number=row.get("attempt", 0) + 1,
        reward=row.get("reward"),
        extracted=row.get("extracted", ""),
        critique=critique,
        missing=row["missing"],
        undecided=row.get("undecided"),
        tool_calls=row["tool_calls"],
        turns=row["turns"],
        seconds=row["seconds"],
        tokens=usage["input"] + usage["output"],
        summary=summary,
        messages=show_messages(row.get("messages", []), longest),
    )
