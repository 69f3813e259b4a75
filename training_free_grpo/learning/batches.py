"""Draw batches: a real shuffle per epoch, the same on every platform and after every resume."""

import hashlib
from collections.abc import Sequence
from math import ceil

from training_free_grpo.settings import Settings


def count_steps(problems: int, settings: Settings) -> int:
    """Return the number of steps of a run; the last batch of an epoch may be smaller."""
    return settings.epochs * ceil(problems / settings.batch_size)


def draw(ids: Sequence[str], step: int, settings: Settings) -> tuple[int, list[str]]:
    """Return the epoch and the problem ids of a step; steps count from 1 over all epochs."""
    per_epoch = ceil(len(ids) / settings.batch_size)
    epoch, position = divmod(step - 1, per_epoch)
    order = shuffle(ids, settings.seed, epoch) if settings.shuffle else list(ids)
    start = position * settings.batch_size
    return epoch + 1, order[start : start + settings.batch_size]


def shuffle(ids: Sequence[str], seed: int, epoch: int) -> list[str]:
    """Order ids by a hash: unlike `random`, a hash is the same in every version of Python."""
    return sorted(ids, key=lambda id: hashlib.sha256(f"{seed}/{epoch}/{id}".encode()).digest())
