"""How often does a run claim a gain that is not there? Simulated runs, no model.

    python -m benchmarks.acceptance [--runs 1000] [--seed 0] [--only CELL]

A run has ten looks at a validation set: after each step (`best`), or at each edit (`gate`). Each
cell is a world: success rates of problems are spread evenly from 0 to 1, and an edit changes each
of them by its mean effect and a spread from problem to problem. The same worlds are met by what
others do: keep what scores higher (greedy), keep what scores higher by one standard error (k·SE),
and a betting e-process per decision with the error rate divided by the number of decisions.

False: runs that claim a library better than the start that is not. Kept: real edits that were kept.
Commits: worthless or harmful edits kept, per run. Attempts: validation attempts per run.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import log, nan
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from training_free_grpo.validation.gate import Gate, judge
from training_free_grpo.validation.pairs import Pairs, Rewards
from training_free_grpo.validation.sequence import follow

Array = NDArray[np.float64]

LOOKS = 10
ERROR_RATE = 0.05
FACTOR = 3


@dataclass(frozen=True)
class Cell:
    """A world: what the edits of a run do, and what is seen of it."""

    name: str
    effects: tuple[float, ...]
    """Mean effect of each edit on the success rate."""
    problems: int = 50
    attempts: int = 2
    spread: float = 0.1
    continuous: bool = False
    missing: float = 0.0
    fades: bool = False
    """Whether an effect is gone two steps later (`best` only)."""


NULL = (0.0,) * LOOKS
CELLS = (
    Cell("no effect", NULL),
    Cell("no effect, no spread", NULL, spread=0.0),
    Cell("harmful edits", (-0.05,) * LOOKS),
    Cell("one +10 among noise", (*NULL[:4], 0.10, *NULL[5:])),
    Cell("one +10, 100 × 4", (*NULL[:4], 0.10, *NULL[5:]), problems=100, attempts=4),
    Cell("one +15 among noise", (*NULL[:4], 0.15, *NULL[5:])),
    Cell("effects that fade", (*NULL[:2], 0.15, *NULL[3:]), fades=True),
    Cell("20 problems, no effect", NULL, problems=20),
    Cell("20 problems, one +15", (*NULL[:4], 0.15, *NULL[5:]), problems=20),
    Cell("continuous, no effect", NULL, continuous=True),
    Cell("continuous, one +10", (*NULL[:4], 0.10, *NULL[5:]), continuous=True),
    Cell("20 % missing, no effect", NULL, missing=0.2),
)


class World:
    """The problems of one run, and what libraries make of them."""

    def __init__(self, cell: Cell, seed: int) -> None:
        self.cell = cell
        self._random = np.random.default_rng(seed)
        self.start = self._random.uniform(0, 1, cell.problems)
        self.spent = 0

    def edit(self, rates: Array, effect: float) -> Array:
        """Return success rates after an edit: its effect differs from problem to problem."""
        shift = self._random.normal(effect, self.cell.spread, len(rates))
        return rates + shift

    def attempt(self, rates: Array, attempts: int) -> Array:
        """Return rewards by problem and attempt; nan for a missing one."""
        self.spent += rates.size * attempts
        shape = (rates.size, attempts)
        if self.cell.continuous:
            rewards = np.clip(self._random.normal(rates[:, None], 0.3, shape), -1, 2)
        else:
            rewards = (self._random.random(shape) < rates[:, None]).astype(float)
        if self.cell.missing:
            rewards[self._random.random(shape) < self.cell.missing] = nan
        return rewards


@dataclass
class Outcome:
    """What a policy did in one run."""

    claims: bool = False
    false: bool = False
    real: list[bool] = field(default_factory=list)
    """For each real edit, whether it was kept."""
    worthless: int = 0
    attempts: int = 0


def rewards_of(array: Array) -> Rewards:
    """Return rewards as a run keeps them."""
    return {
        f"p{n}": [None if np.isnan(r) else float(r) for r in row] for n, row in enumerate(array)
    }


def differences(before: Array, after: Array) -> Array:
    """Return the differences of problems that both have."""
    with np.errstate(all="ignore"):
        both = mean_of(after) - mean_of(before)
    return both[~np.isnan(both)]


def mean_of(rewards: Array) -> Array:
    """Return each problem's mean reward; nan without any."""
    counts = (~np.isnan(rewards)).sum(axis=1)
    sums = np.nansum(rewards, axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), nan)


def greedy(before: Array, after: Array) -> bool:
    """Keep what scores higher."""
    return bool(differences(before, after).mean() > 0)


def standard_error(before: Array, after: Array) -> bool:
    """Keep what scores higher by more than its standard error."""
    found = differences(before, after)
    return bool(found.mean() > found.std(ddof=1) / np.sqrt(len(found)))


def bets(before: Array, after: Array) -> bool:
    """Keep what a betting e-process shows at the error rate divided by the number of decisions.

    One bet per attempt, paired by problem, sized by the mean and variance of the bets before
    (Waudby-Smith and Ramdas, 2024).
    """
    wealth, seen = 0.0, [0.0]
    for old, new in zip(before.T.ravel(), after.T.ravel(), strict=True):
        if np.isnan(old) or np.isnan(new):
            continue
        mean, spread = fmean(seen), float(np.var([*seen, -0.5, 0.5]))
        stake = min(max(mean / (spread + mean**2), 0.0), 0.5)
        wealth += log(1 + stake * float(np.clip(new - old, -1, 1)))
        seen.append(float(new - old))
        if wealth >= log(LOOKS / ERROR_RATE):
            return True
    return False


def run_gate(cell: Cell, seed: int) -> Outcome:
    """Meet a world with the package's gate."""
    world, outcome, gate = World(cell, seed), Outcome(), Gate(ERROR_RATE, LOOKS)
    incumbent = world.start
    old = world.attempt(incumbent, FACTOR * cell.attempts)
    for effect in cell.effects:
        candidate = world.edit(incumbent, effect)
        new = np.full((cell.problems, cell.attempts), nan)
        for round in range(1, cell.attempts + 1):
            new[:, round - 1] = world.attempt(candidate, 1)[:, 0]
            pairs = Pairs.of(rewards_of(old), rewards_of(new))
            verdict = judge(pairs, gate.level, round, cell.attempts)
            if verdict != "continue":
                break
        accepted = verdict == "accept"
        gate = gate.close(accepted)
        note(outcome, effect, accepted)
        if accepted:
            more = FACTOR * cell.attempts - round
            incumbent, old = candidate, np.hstack([new[:, :round], world.attempt(candidate, more)])
    outcome.attempts = world.spent
    return outcome


def run_policy(keep: Callable[[Array, Array], bool]) -> Callable[[Cell, int], Outcome]:
    """Meet a world with a rule that decides on each edit by itself."""

    def run(cell: Cell, seed: int) -> Outcome:
        world, outcome = World(cell, seed), Outcome()
        incumbent = world.start
        old = world.attempt(incumbent, cell.attempts)
        for effect in cell.effects:
            candidate = world.edit(incumbent, effect)
            new = world.attempt(candidate, cell.attempts)
            accepted = keep(old, new)
            note(outcome, effect, accepted)
            if accepted:
                incumbent, old = candidate, new
        outcome.attempts = world.spent
        return outcome

    return run


def note(outcome: Outcome, effect: float, accepted: bool) -> None:
    """Record a decision on an edit of known effect."""
    if effect > 0:
        outcome.real.append(accepted)
    elif accepted:
        outcome.false = True
        outcome.worthless += 1


def run_best(cell: Cell, seed: int) -> tuple[Outcome, Outcome]:
    """Make every edit; claim what the sequence shows, and beside it what scores highest."""
    world = World(cell, seed)
    old = world.attempt(world.start, FACTOR * cell.attempts)
    rates, truth = world.start, 0.0
    gains, looks, scores = [], [], []
    for step, effect in enumerate(cell.effects):
        rates, truth = world.edit(rates, effect), truth + effect
        if cell.fades and step >= 2 and cell.effects[step - 2]:
            rates, truth = (
                world.edit(rates, -cell.effects[step - 2]),
                truth - cell.effects[step - 2],
            )
        new = world.attempt(rates, cell.attempts)
        gains.append(truth)
        looks.append(rewards_of(new))
        scores.append(float(np.nanmean(new) - np.nanmean(old)))
    found = follow(rewards_of(old), looks, ERROR_RATE, LOOKS)
    ours = Outcome(attempts=world.spent)
    better = [n for n, look in enumerate(found) if look.better]
    ours.false = any(gains[n] <= 1e-9 for n in better)
    if max(gains) > 1e-9:
        ours.real.append(any(gains[n] > 1e-9 for n in better))
    highest = Outcome(attempts=world.spent)
    top = int(np.argmax(scores))
    highest.false = scores[top] > 0 and gains[top] <= 1e-9
    if max(gains) > 1e-9:
        highest.real.append(gains[top] > 1e-9)
    return ours, highest


def table(cells: Sequence[Cell], runs: int, seed: int) -> Iterator[str]:
    """Return the lines of both tables."""
    gates = {
        "gate": run_gate,
        "greedy": run_policy(greedy),
        "k·SE": run_policy(standard_error),
        "bets, Bonferroni": run_policy(bets),
    }
    yield f"{'gate: an edit is kept on evidence':34} {'':17} false  kept  commits  attempts"
    for cell in cells:
        if not cell.fades:
            for name, run in gates.items():
                found = [run(cell, seed + n) for n in range(runs)]
                yield f"{cell.name:34} {name:17} {figures(found)}"
    yield f"{'best: every edit is made':34} {'':17} false  found  "
    for cell in cells:
        both = [run_best(cell, seed + n) for n in range(runs)]
        for column, name in enumerate(("best", "highest score")):
            yield f"{cell.name:34} {name:17} {figures([outcomes[column] for outcomes in both])}"


def figures(found: Sequence[Outcome]) -> str:
    """Return one row."""
    real = [kept for outcome in found for kept in outcome.real]
    kept = f"{fmean(real):5.0%}" if real else "    –"
    return (
        f"{fmean(o.false for o in found):5.1%} {kept} {fmean(o.worthless for o in found):8.2f}"
        f" {fmean(o.attempts for o in found):9,.0f}"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="part of a cell's name")
    options = parser.parse_args()
    cells = [cell for cell in CELLS if not options.only or options.only in cell.name]
    for line in table(cells, options.runs, options.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
