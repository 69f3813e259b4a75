"""Write lessons without any attempt to compare: nothing but commonplaces."""

from random import Random

from training_free_grpo.simulated.answers import answer, operation
from training_free_grpo.simulated.blocks import read_block, read_lessons

COMMONPLACES = (
    "Units: write down the unit of every quantity before you use it.",
    "Small case: try the smallest case of the problem and see whether the method holds.",
    "Restate: say in your own words what is asked for before choosing a method.",
    "Plausibility: compare the size of the result with a rough bound.",
)


def generate_lessons(prompt: str, rng: Random) -> str:
    """Propose a commonplace that the library does not hold."""
    library = read_lessons(read_block("library", prompt)).values()
    new = [lesson for lesson in COMMONPLACES if lesson not in library]
    chosen = [new[rng.randrange(len(new))]] if new else []
    adds = [operation("add", [], lesson, "It often helps.") for lesson in chosen]
    return answer("Nobody has attempted it yet; only general advice is possible.", adds)
