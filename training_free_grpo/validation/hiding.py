"""Which lessons an attempt does not see, so that the effect of each can be measured.

Every lesson is hidden from its share of a group's attempts: that balance makes the estimate as
sharp as so many attempts allow. Problems of a step fall into blocks with the same masks, so that
prompts still share their prefixes. There are as many blocks as it takes to tell the lessons apart
within one step: masks that all problems shared would leave the paper's three steps with fewer
contrasts than lessons.
"""

from collections.abc import Sequence
from math import ceil
from random import Random


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
    """Return the lessons that one attempt of a group does not see.

    Each lesson is hidden from `share` of the group's attempts, rounded at random to a whole
    number, and never from all of them.
    """
    if group_size < 2:
        return []
    block = Random(f"{seed}/{step}/{problem}").randrange(count_blocks(len(lessons), group_size))
    hidden = []
    for lesson in lessons:
        # A seed per lesson: a new lesson leaves the masks of the others as they are.
        random = Random(f"{seed}/{step}/{block}/{lesson}")
        whole, rest = divmod(share * group_size, 1)
        count = min(int(whole) + (random.random() < rest), group_size - 1)
        if attempt in random.sample(range(group_size), count):
            hidden.append(lesson)
    return hidden


def count_blocks(lessons: int, group_size: int) -> int:
    """Return how many blocks of problems have masks of their own: two contrasts per lesson."""
    return max(1, ceil(2 * lessons / (group_size - 1)))
