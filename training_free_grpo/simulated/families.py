"""All kinds of problems that the simulated agent can attempt."""

from training_free_grpo.simulated.approaches import Facts, Family
from training_free_grpo.simulated.arithmetic import ARITHMETIC
from training_free_grpo.simulated.lookups import LOOKUPS

FAMILIES = ARITHMETIC + LOOKUPS


def recognise(problem: str) -> tuple[Family, Facts] | None:
    """Find the kind of a problem, and its facts, from its text alone."""
    for family in FAMILIES:
        if facts := family.read(problem):
            return family, facts
    return None
