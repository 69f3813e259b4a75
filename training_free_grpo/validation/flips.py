"""Flip the signs of problems, to simulate differences under the null hypothesis.

If two libraries are equally good, a problem's difference could equally have had the opposite sign
(Fisher's randomization test). This assumes nothing about the distribution of rewards.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

FLIPS = 10_000
Array = NDArray[np.float32]


def signs(problems: Iterable[str]) -> Array:
    """Return one row of signs per flip and one column per problem; the first flip changes none.

    A problem keeps its signs from look to look, whichever other problems are missing there.
    """
    return np.stack([_signs_of(problem) for problem in problems], axis=1)


@lru_cache(maxsize=1024)
def _signs_of(problem: str) -> Array:
    seed = int.from_bytes(sha256(problem.encode()).digest())
    drawn = np.random.default_rng(seed).integers(0, 2, FLIPS, dtype=np.int8)
    found = (2 * drawn - 1).astype(np.float32)
    found[0] = 1.0
    return found
