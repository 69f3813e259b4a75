"""Figures of one problem's attempts, and counts over many."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import comb
from statistics import fmean

from training_free_grpo.records import Attempt, Group


def mean(values: Iterable[float | None]) -> float | None:
    """Average the values that are not missing; None if all are."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def best_of(rewards: Sequence[float], size: int) -> float | None:
    """Return the expected best of `size` attempts drawn from these; None if there are fewer.

    For rewards of 0 and 1 it is the unbiased estimate of pass@size.
    """
    if len(rewards) < size:
        return None
    # The attempt of rank n is the best of every draw filled from the attempts below it.
    total = sum(reward * comb(n, size - 1) for n, reward in enumerate(sorted(rewards)))
    return total / comb(len(rewards), size)


def worst_of(rewards: Sequence[float], size: int) -> float | None:
    """Return the expected worst of `size` attempts; for rewards of 0 and 1 it is pass^size."""
    opposite = best_of([-reward for reward in rewards], size)
    return None if opposite is None else 0.0 - opposite


def majority(attempts: Sequence[Attempt]) -> float | None:
    """Return the reward of the most frequent answer; ties are averaged.

    Graded attempts vote with the answer that the grader extracted, exactly as written. Attempts
    without an answer do not vote; without any vote, the attempts themselves are averaged.
    """
    graded = [(a["extracted"].strip(), a["reward"]) for a in attempts if a["reward"] is not None]
    votes = Counter(answer for answer, _ in graded if answer)
    if not votes:
        return mean(reward for _, reward in graded)
    most = max(votes.values())
    winners = [answer for answer, count in votes.items() if count == most]
    return mean(mean(r for answer, r in graded if answer == winner) for winner in winners)


def known_rewards(attempts: Iterable[Attempt]) -> list[float]:
    """Return the rewards of the graded attempts."""
    return [a["reward"] for a in attempts if a["reward"] is not None]


def all_are(group: Group, verdict: str) -> bool:
    """Return whether a group has graded attempts and all of them have this verdict."""
    verdicts = {a["verdict"] for a in group["attempts"] if a["reward"] is not None}
    return verdicts == {verdict}


def undecided(attempts: Iterable[Attempt]) -> dict[str, int]:
    """Count the reasons for which the grader left attempts undecided."""
    # Groups of a run that an earlier version started have no such field.
    return count(attempt.get("undecided") for attempt in attempts)


def count(reasons: Iterable[str | None]) -> dict[str, int]:
    """Count how often each reason or kind occurs."""
    return dict(Counter(reason for reason in reasons if reason is not None))
