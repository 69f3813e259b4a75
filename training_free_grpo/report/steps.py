"""The steps of a run in the report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import NamedTuple

from training_free_grpo.library import trace_changes
from training_free_grpo.metrics.student import Student, limits_of
from training_free_grpo.records import JSON, Library, Metrics, Origin, Rejection
from training_free_grpo.report.fates import Outcome, find_fates, name_proposals, names
from training_free_grpo.report.groups import Group, read_step_groups
from training_free_grpo.runs.files import read_libraries
from training_free_grpo.runs.folder import RunFolder

_MOST_GROUPS = 1000
"""Maximum number of groups; those with contrast or losses come first."""
_ALL_TRANSCRIPTS = 6_000_000
"""Characters of transcripts in the file, shared out evenly among the rollouts."""
_LONGEST_TRANSCRIPT = 12_000


class TurnedDown(NamedTuple):
    """A rejected operation, and the problems whose groups proposed it."""

    rejection: Rejection
    problems: Sequence[str]


@dataclass(frozen=True)
class Step:
    """A step: its figures once it is finished, and the groups to show."""

    number: int
    figures: Metrics | None
    interval: tuple[float, float] | None
    groups: Sequence[Group]
    left_out: int
    changes: Sequence[JSON]
    rejected: Sequence[TurnedDown]

    @property
    def graded(self) -> int:
        """Return how many rollouts have a reward."""
        return count_graded(self.figures) if self.figures else 0


def read_steps(folder: RunFolder, rollouts: int) -> list[Step]:
    """Read all steps that have begun, with so many rollouts among them."""
    metrics = {step["step"]: step for step in folder.metrics}
    files = [*folder.path.glob("rollouts/step-*.jsonl"), *folder.path.glob("groups/step-*.jsonl")]
    numbers = sorted(metrics.keys() | {int(file.stem.removeprefix("step-")) for file in files})
    longest = min(_LONGEST_TRANSCRIPT, _ALL_TRANSCRIPTS // max(rollouts, 1))
    versions = read_libraries(folder.path)
    changes = mark_edited(trace_changes(versions), dict(versions))
    room = _MOST_GROUPS // max(len(numbers), 1)
    return [
        make_step(folder, number, metrics.get(number), changes, longest, room) for number in numbers
    ]


def make_step(
    folder: RunFolder,
    number: int,
    figures: Metrics | None,
    changes: Sequence[JSON],
    longest: int,
    room: int,
) -> Step:
    """Read a step; if there are too many groups, the least informative are omitted."""
    here = [change for change in changes if change["step"] == number]
    groups = read_step_groups(folder.path, number, here, longest)
    rejected = figures["rejected"] if figures else []
    groups, rejections = settle_proposals(groups, here, rejected, decided=figures is not None)
    telling = sorted(groups, key=lambda group: not (group.contrast or group.troubled))[:room]
    chosen = {group.anchor for group in telling}
    kept = [group for group in groups if group.anchor in chosen]
    return Step(
        number, figures, interval_of(groups), kept, len(groups) - len(kept), here, rejections
    )


def settle_proposals(
    groups: Sequence[Group],
    changes: Sequence[JSON],
    rejected: Sequence[Rejection],
    *,
    decided: bool,
) -> tuple[list[Group], list[TurnedDown]]:
    """Return the outcome of each proposal, and the groups behind each rejection."""
    named = list(zip(groups, name_proposals(g.proposals for g in groups), strict=True))
    at_once = [rejection for group in groups for rejection in group.rejected]
    outcome = Outcome(changes, [r for r in rejected if r not in at_once], decided)
    settled = [
        replace(group, fates=find_fates(group.problem_id, proposals, outcome))
        for group, proposals in named
    ]
    rejections = [
        TurnedDown(
            rejection,
            [
                group.problem_id
                for group, proposals in named
                if rejection in group.rejected
                or any(names(rejection["operation"], *item) for item in proposals.items())
            ],
        )
        for rejection in rejected
    ]
    return settled, rejections


def mark_edited(changes: Sequence[JSON], versions: dict[int, Library]) -> list[JSON]:
    """Mark the changes worded by a person."""
    marked = []
    for change in changes:
        lesson, step = versions[change["step"]]["experiences"][change["id"]], change["step"]
        here = [o for o in (lesson["created"], *lesson["updated"]) if o.get("step") == step]
        marked.append({**change, "edited": any(map(by_person, here))})
    return marked


def by_person(origin: Origin) -> bool:
    """Tell whether a person reworded a lesson in a review."""
    return origin.get("edited", False)


def count_graded(figures: Metrics) -> int:
    """Return how many rollouts of a step have a reward."""
    lost = [*figures["missing"].values(), *figures.get("undecided", {}).values()]
    return figures["rollouts"] - sum(lost)


def interval_of(groups: Sequence[Group]) -> tuple[float, float] | None:
    """Return the 95 % interval of a step's mean reward, over its problems."""
    rewards = [group.rewards for group in groups if group.rewards]
    if not rewards:
        return None
    limits = limits_of(reward for found in rewards for reward in found)
    return Student.of_rewards([fmean(found) for found in rewards], limits).interval()
