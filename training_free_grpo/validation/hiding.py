"""Choose the lessons hidden from an attempt, so that the effect of each can be measured.

Every lesson is hidden from its share of a group's attempts: this balance makes the estimate as
precise as that many attempts allow. Problems of a step form blocks with the same masks, so that
prompts still share their prefixes. There are enough blocks to separate the lessons within one step:
if all problems shared the same masks, the paper's three steps would give fewer contrasts than
lessons.
"""

from collections.abc import Sequence
from math import ceil
from random import Random

from training_free_grpo.library import list_ids
from training_free_grpo.records import RolloutTask
from training_free_grpo.settings import Settings


def hide(task: RolloutTask, lessons: str, settings: Settings) -> list[str]:
    """Return the lessons hidden from this attempt, so that their effects can be measured."""
    if not (settings.hide and task["compare"]):
        return []
    return hidden_lessons(
        list_ids(lessons),
        settings.hide,
        seed=settings.seed,
        step=task["step"],
        problem=task["problem"]["id"],
        attempt=task["attempt"],
        group_size=task["size"],
    )


def hidden_lessons(
    lessons: Sequence[str],
    share: float,
    *,
    seed: int,
    step: int,
    problem: str,
    attempt: int,
    group_size: int,
) -> list[str]:
    """Return the lessons hidden from one attempt of a group.

    Each lesson is hidden from `share` of the group's attempts, rounded at random to a whole number,
    and never from all of them.
    """
    if group_size < 2:
        return []
    block = Random(f"{seed}/{step}/{problem}").randrange(count_blocks(len(lessons), group_size))
    hidden = []
    for lesson in lessons:
        # A seed per lesson: a new lesson does not change the masks of the others.
        random = Random(f"{seed}/{step}/{block}/{lesson}")
        whole, rest = divmod(share * group_size, 1)
        count = min(int(whole) + (random.random() < rest), group_size - 1)
        if attempt in random.sample(range(group_size), count):
            hidden.append(lesson)
    return hidden


def count_blocks(lessons: int, group_size: int) -> int:
    """Return the number of blocks of problems with different masks: two contrasts per lesson."""
    return max(1, ceil(2 * lessons / (group_size - 1)))
