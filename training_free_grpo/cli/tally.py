"""The progress of a piece of work, counted from the events of its graph."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from training_free_grpo.ledger import add_ledgers
from training_free_grpo.metrics.figures import mean
from training_free_grpo.records import JSON, Event, Ledger, Verdict


@dataclass
class Tally:
    """The counts of one step or one evaluation, and the usage of all work so far.

    A display may read them from another thread: what it goes through is copied at one go.
    """

    title: str = "starting"
    rollouts_expected: int = 0
    groups_expected: int = 0
    rollouts: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)
    """Rollouts that the grader left undecided."""
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
        """Return the number of finished rollouts and groups: both take time."""
        return len(self.rollouts) + len(self.closed)

    @property
    def expected(self) -> int:
        """Return the expected number of rollouts and groups."""
        return self.rollouts_expected + self.groups_expected

    def begin(self, title: str, groups: int, rollouts: int) -> None:
        """Start a step or an evaluation with these numbers of groups and rollouts."""
        self.title, self.groups_expected, self.rollouts_expected = title, groups, rollouts
        self.rollouts, self.missing, self.undecided, self.rewards = set(), set(), set(), {}
        self.contrast, self.closed = set(), set()

    def take_up(self, rollouts: Iterable[str], groups: Iterable[JSON], usage: Ledger) -> None:
        """Count the work of an earlier process."""
        self.rollouts.update(rollouts)
        for group in groups:
            self.closed.add(group["problem"])
            if group["contrast"]:
                self.contrast.add(group["problem"])
            for attempt in group["attempts"]:
                self._count_reward(attempt["id"], attempt["reward"], attempt["verdict"])
        self.usage = usage

    def hear(self, event: Event) -> None:
        """Count an event."""
        if event["event"] == "rollout":
            self.rollouts.add(event["id"])
            if event["missing"] is not None:
                self.missing.add(event["id"])
        elif event["event"] == "grade":
            if event["contrast"]:
                self.contrast.add(event["problem"])
            for id, grade in event["grades"].items():
                self._count_reward(id, grade["reward"], grade["verdict"])
        elif event["event"] == "group":
            self.closed.add(event["problem"])
        if "usage" in event:
            self.usage = add_ledgers(self.usage, event["usage"])

    def _count_reward(self, rollout: str, reward: float | None, verdict: Verdict | None) -> None:
        if reward is not None:
            self.rewards[rollout] = reward
        elif verdict == "undecided":
            self.undecided.add(rollout)
        else:
            self.missing.add(rollout)
