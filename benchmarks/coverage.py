"""How often the 95 % intervals of an evaluation hold the truth, beside two textbook methods.

    python -m benchmarks.coverage

Problems have skills drawn from a beta distribution, attempts are tosses of each problem's coin;
the truth is the mean over all problems there could be. 1,000 evaluations per cell, seeded. The
second arm of a difference has skills of four kinds: the same; a fifth closer to 1; drawn anew for
three problems in ten, which changes none on average; or 1 for one problem in five.
"""

import platform
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from training_free_grpo.metrics.student import Range, Student, quantile

Array = NDArray[np.float64]
Interval = tuple[float, float]
Method = Callable[[Array, int], Interval]
"""From the values of the problems, and the attempts at each, to an interval."""
Draw = Callable[[tuple[float, float], int, int, int], tuple[Array, float]]
"""From skills, problems, attempts and a seed to values, and the truth."""
Cell = tuple[str, int, int, dict[str, tuple[float, float]]]
"""Skills, problems, attempts; coverage and width by method."""

RUNS = 1_000
RESAMPLES = 500
PROBLEMS = (10, 20, 30, 60, 100)
ATTEMPTS = (1, 4, 8, 32)
SKILLS = {
    "half, spread evenly": (1.0, 1.0),
    "half, nearly all or nothing": (0.25, 0.25),
    ".9, spread": (9.0, 1.0),
    ".9, nearly all or nothing": (0.9, 0.1),
    ".05, spread": (0.5, 9.5),
    ".05, nearly all or nothing": (0.05, 0.95),
    ".05, alike": (2.0, 38.0),
}
"""Parameters of the beta distributions."""
REWARDS = Range(0.0, 1.0)


def mean_of_ours(values: Array, attempts: int) -> Interval:
    """Return the interval of a mean as an evaluation does."""
    return Student.of_rewards(values.tolist(), REWARDS).interval()


def difference_of_ours(values: Array, attempts: int) -> Interval:
    """Return the interval of a difference as an evaluation does."""
    return Student.of_differences(values.tolist(), attempts, REWARDS).interval()


def plain_t(values: Array, attempts: int) -> Interval:
    """Return the textbook interval."""
    half = quantile(len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def bootstrap(values: Array, attempts: int) -> Interval:
    """Return the percentile interval of problems drawn again."""
    draws = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(1), (2.5, 97.5))
    return float(low), float(high)


def means(
    skill: tuple[float, float], problems: int, attempts: int, seed: int
) -> tuple[Array, float]:
    """Draw evaluations: the mean of every problem, and the truth."""
    random = np.random.default_rng(seed)
    skills = random.beta(*skill, (RUNS, problems))
    return random.binomial(attempts, skills) / attempts, skill[0] / sum(skill)


def differences(
    kind: str, skill: tuple[float, float], problems: int, attempts: int, seed: int
) -> tuple[Array, float]:
    """Draw pairs of evaluations: the difference of every problem, and the truth."""
    random = np.random.default_rng(seed)
    before = random.beta(*skill, (RUNS, problems))
    gain = 0.2 * skill[1] / sum(skill)
    chosen = random.random(before.shape)
    after, truth = {
        "none": (before, 0.0),
        "a fifth closer to 1": (before + 0.2 * (1 - before), gain),
        "anew for three in ten": (
            np.where(chosen < 0.3, random.beta(*skill, before.shape), before),
            0.0,
        ),
        "one in five solved": (np.where(chosen < 0.2, 1.0, before), gain),
    }[kind]
    drawn = random.binomial(attempts, after) - random.binomial(attempts, before)
    return drawn / attempts, truth


def coverage(method: Method, values: Array, truth: float, attempts: int) -> tuple[float, float]:
    """Return the share of intervals that hold the truth, and their mean width."""
    found = np.array([method(row, attempts) for row in values])
    # A difference of floats that is nothing but rounding is no miss.
    held = (found[:, 0] <= truth + 1e-12) & (truth - 1e-12 <= found[:, 1])
    return float(held.mean()), float((found[:, 1] - found[:, 0]).mean())


def measure(draw: Draw, ours: Method) -> Iterator[Cell]:
    """Measure the intervals of every method in every cell."""
    methods: dict[str, Method] = {"ours": ours, "t": plain_t, "bootstrap": bootstrap}
    for seed, (name, n, k) in enumerate(product(SKILLS, PROBLEMS, ATTEMPTS)):
        values, truth = draw(SKILLS[name], n, k, seed)
        yield name, n, k, {m: coverage(f, values, truth, k) for m, f in methods.items()}


def report(what: str, draw: Draw, ours: Method) -> None:
    """Print a line per number of problems: the worst cell, and how wide the intervals are."""
    measured = list(measure(draw, ours))
    for n in PROBLEMS:
        here = [cell for cell in measured if cell[1] == n]
        name, _, k, _ = min(here, key=lambda cell: cell[3]["ours"][0])
        worst = " | ".join(
            f"{min(c[3][m][0] for c in here):.1%}" for m in ("ours", "t", "bootstrap")
        )
        low = sum(cell[3]["ours"][0] < 0.93 for cell in here)
        width = np.mean([c[3]["ours"][1] / c[3]["t"][1] for c in here if c[3]["t"][1]])
        print(f"| {what} | {n} | {worst} | {low} of {len(here)} | {name}, k {k} | {width:.2f} |")


def widths() -> None:
    """Print how far the intervals reach at skills of .8 that vary much between problems."""
    print("| problems | attempts | mean ± | difference of equal arms ± |")
    print("| --: | --: | --: | --: |")
    for n, k in product((30, 100, 500), (1, 8, 32)):
        values, truth = means((0.8, 0.2), n, k, 0)
        mean = coverage(mean_of_ours, values, truth, k)[1] / 2
        values, truth = differences("none", (0.8, 0.2), n, k, 0)
        difference = coverage(difference_of_ours, values, truth, k)[1] / 2
        print(f"| {n} | {k} | {100 * mean:.1f} | {100 * difference:.1f} |")


def main() -> None:
    """Print the tables that stand in docs/evaluation.md."""
    print(f"Python {platform.python_version()}, numpy {np.__version__}\n")
    print(
        "| figure | problems | worst cell, ours | t | bootstrap | ours below 93 % | where | width |"
    )
    print("| --- | --: | --: | --: | --: | --: | --- | --: |")
    report("mean", means, mean_of_ours)
    for kind in ("none", "a fifth closer to 1", "anew for three in ten", "one in five solved"):
        report(f"difference: {kind}", partial(differences, kind), difference_of_ours)
    print()
    widths()


if __name__ == "__main__":
    main()
