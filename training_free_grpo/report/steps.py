"""The steps of a run, as the report shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from training_free_grpo.library import trace_changes
from training_free_grpo.metrics.student import Student, limits_of
from training_free_grpo.records import JSON, Metrics
from training_free_grpo.report.groups import Group, read_step_groups
from training_free_grpo.run_files import read_libraries, read_metrics
from training_free_grpo.run_folder import RunFolder

_MOST_GROUPS = 1000
"""Groups that are shown; those with contrast or losses go before the others."""
_ALL_TRANSCRIPTS = 6_000_000
"""Characters of transcripts in the file, shared out evenly among the rollouts."""
_LONGEST_TRANSCRIPT = 12_000


@dataclass(frozen=True)
class Step:
    """A step: its figures once it is finished, and the groups that are shown of it."""

    number: int
    figures: Metrics | None
    interval: tuple[float, float] | None
    groups: Sequence[Group]
    left_out: int
    changes: Sequence[JSON]


def read_steps(folder: RunFolder, rollouts: int) -> list[Step]:
    """Read all steps that have begun, with so many rollouts among them."""
    metrics = {step["step"]: step for step in read_metrics(folder.path)}
    files = [*folder.path.glob("rollouts/step-*.jsonl"), *folder.path.glob("groups/step-*.jsonl")]
    numbers = sorted(metrics.keys() | {int(file.stem.removeprefix("step-")) for file in files})
    longest = min(_LONGEST_TRANSCRIPT, _ALL_TRANSCRIPTS // max(rollouts, 1))
    changes = trace_changes(read_libraries(folder.path))
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
    """Read a step; of too many groups those that have the least to tell are left out."""
    here = [change for change in changes if change["step"] == number]
    groups = read_step_groups(folder.path, number, here, longest)
    telling = sorted(groups, key=lambda group: not (group.contrast or group.troubled))[:room]
    chosen = {group.anchor for group in telling}
    kept = [group for group in groups if group.anchor in chosen]
    return Step(number, figures, interval_of(groups), kept, len(groups) - len(kept), here)


def interval_of(groups: Sequence[Group]) -> tuple[float, float] | None:
    """Return the 95 % interval of a step's mean reward, over its problems."""
    rewards = [group.rewards for group in groups if group.rewards]
    if not rewards:
        return None
    limits = limits_of(reward for found in rewards for reward in found)
    return Student.of_rewards([fmean(found) for found in rewards], limits).interval()
