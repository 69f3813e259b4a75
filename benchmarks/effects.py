"""Are the effects of single lessons measured honestly? Simulated runs, no model.

    python -m benchmarks.effects [--runs 1000] [--seed 0]

A run visits problems with success rates spread evenly from 0 to 1; in every attempt each lesson is
hidden from its share of the group. Some lessons help, some harm, most do nothing; effects differ
from problem to problem. The table counts how often the 95 % intervals hold the true effect, how
their width compares with the theory, how often harm and help are seen, and how often a harmless
lesson would be evicted.
"""

import argparse
from math import sqrt
from statistics import fmean

import numpy as np

from training_free_grpo.validation.effects import Attempted, estimate_effects, harmful
from training_free_grpo.validation.hiding import hidden_lessons

ERROR_RATE = 0.05
CELLS = (
    # problems, epochs, batch, group size, lessons, share hidden
    ("the paper's: 100 × 3", 100, 3, 100, 5, 15, 0.2),
    ("one epoch, batches of 20", 300, 1, 20, 5, 15, 0.2),
    ("few problems: 20 × 3", 20, 3, 20, 5, 5, 0.2),
    ("G 3", 100, 3, 100, 3, 15, 0.2),
    ("30 lessons", 100, 3, 100, 5, 30, 0.2),
)
EFFECTS = (-0.15, -0.08, 0.08, 0.15)
"""True effects of the first lessons; the rest have none."""
SPREAD = 0.1
"""Standard deviation of an effect from problem to problem."""


def simulate(cell: tuple[str, int, int, int, int, int, float], seed: int) -> list[Attempted]:
    """Make the attempts of one run."""
    _, problems, epochs, batch, size, count, share = cell
    random = np.random.default_rng(seed)
    lessons = [f"G{n}" for n in range(count)]
    truth = np.zeros(count)
    truth[: len(EFFECTS)] = EFFECTS[:count]
    own = random.normal(truth, SPREAD, (problems, count)) * (truth != 0)
    base = random.uniform(0, 1, problems)
    attempts, step = [], 0
    for _ in range(epochs):
        order = random.permutation(problems)
        for start in range(0, problems, batch):
            step += 1
            visited = order[start : start + batch]
            for problem in visited:
                for attempt in range(size):
                    hidden = hidden_lessons(
                        lessons,
                        share,
                        seed=seed,
                        step=step,
                        problem=str(problem),
                        attempt=attempt,
                        group_size=size,
                    )
                    unseen = [int(name[1:]) for name in hidden]
                    chance = base[problem] - own[problem][unseen].sum()
                    reward = float(random.random() < min(max(chance, 0), 1))
                    attempts.append(
                        Attempted(
                            f"{step}/{problem}", str(problem), lessons, frozenset(hidden), reward
                        )
                    )
    return attempts


def theory(cell: tuple[str, int, int, int, int, int, float]) -> float:
    """Return the standard error of one effect under balanced masks."""
    _, problems, epochs, _, size, _, share = cell
    noise = 1 / 6
    return sqrt(noise / (problems * epochs * size * share * (1 - share)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{'':26} coverage  s.e.  of theory  power ±8  power ±15  false evictions per run")
    for cell in CELLS:
        print(f"{cell[0]:26} {measure(cell, options.runs, options.seed)}")


def measure(cell: tuple[str, int, int, int, int, int, float], runs: int, seed: int) -> str:
    """Return one row of the table."""
    held, errors, false = [], [], 0
    seen: dict[float, list[bool]] = {effect: [] for effect in EFFECTS}
    for run in range(runs):
        found = estimate_effects(simulate(cell, seed + run))
        for n in range(cell[5]):
            effect = found.get(f"G{n}")
            if effect is None or effect.interval is None or effect.error is None:
                continue
            truth = EFFECTS[n] if n < len(EFFECTS) else 0.0
            low, high = effect.interval
            errors.append(effect.error)
            if truth in seen:
                seen[truth].append(low > 0 if truth > 0 else high < 0)
            else:
                held.append(low <= 0 <= high)
        evicted = harmful(found, ERROR_RATE)
        false += any(int(name[1:]) >= 2 for name in evicted)
    if not errors:
        return "no lesson can be told apart"
    small = fmean(seen[-0.08] + seen[0.08])
    large = fmean(seen[-0.15] + seen[0.15])
    return (
        f"{fmean(held):8.1%} {fmean(errors):6.3f} {fmean(errors) / theory(cell):9.2f}"
        f" {small:9.0%} {large:9.0%} {false / runs:12.1%}"
    )


if __name__ == "__main__":
    main()
