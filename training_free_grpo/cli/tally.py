"""Where a piece of work stands, counted from what the nodes of its graph report."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from training_free_grpo.learning.contrast import has_contrast
from training_free_grpo.ledger import add_ledgers
from training_free_grpo.metrics.figures import mean
from training_free_grpo.records import JSON, Ledger

_GROUP_NODES = ("rollout", "grade", "summarize", "extract_advantage")


@dataclass
class Tally:
    """The counts of one step or one evaluation, and what all of the work has used so far.

    A display may read them from another thread: what it goes through is copied at one go.
    """

    title: str = "starting"
    rollouts_expected: int = 0
    groups_expected: int = 0
    rollouts: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    rewards: dict[str, float] = field(default_factory=dict)
    contrast: set[str] = field(default_factory=set)
    """Problems whose attempts differ in their rewards."""
    closed: set[str] = field(default_factory=set)
    """Problems whose groups are finished."""
    usage: Ledger = field(default_factory=dict)

    @property
    def mean_reward(self) -> float | None:
        """Return the mean reward so far."""
        return mean(list(self.rewards.values()))

    @property
    def done(self) -> int:
        """Return how many rollouts and groups are finished: both take their time."""
        return len(self.rollouts) + len(self.closed)

    @property
    def expected(self) -> int:
        """Return how many rollouts and groups there will be."""
        return self.rollouts_expected + self.groups_expected

    def begin(self, title: str, groups: int, rollouts: int) -> None:
        """Begin a step or an evaluation of so many groups, and rollouts in all of them."""
        self.title, self.groups_expected, self.rollouts_expected = title, groups, rollouts
        self.rollouts, self.missing, self.rewards = set(), set(), {}
        self.contrast, self.closed = set(), set()

    def take_up(self, rollouts: Iterable[str], groups: Iterable[JSON], usage: Ledger) -> None:
        """Count what an earlier process has finished."""
        self.rollouts.update(rollouts)
        for group in groups:
            grades = {attempt["id"]: attempt for attempt in group["attempts"]}
            self.hear("grade", {"grades": grades, "groups": [group]})
        self.usage = usage

    def hear(self, node: str, update: Mapping[str, Any]) -> None:
        """Count what a node of a group's graph has done; nothing else is counted here."""
        if node not in _GROUP_NODES:
            return
        self.usage = add_ledgers(self.usage, update.get("usage", {}))
        for rollout in update.get("rollouts", []):
            self.rollouts.add(rollout["id"])
            if rollout["missing"] is not None:
                self.missing.add(rollout["id"])
        grades = update.get("grades", {})
        if has_contrast(grade["reward"] for grade in grades.values()):
            self.contrast.add(next(iter(grades)).rpartition("/")[0])
        for id, grade in grades.items():
            if grade["reward"] is None:
                self.missing.add(id)
            else:
                self.rewards[id] = grade["reward"]
        for group in update.get("groups", []):
            self.closed.add(group["problem"])
            compared = {r: u for r, u in group["usage"].items() if r == "extract_advantage"}
            self.usage = add_ledgers(self.usage, compared)
