"""Right, wrong, or open: what is open stays open where it decides."""

from collections.abc import Iterable

Truth = bool | None


def any_of(truths: Iterable[Truth]) -> Truth:
    """Tell whether one of them is right."""
    unsure = False
    for truth in truths:
        if truth:
            return True
        unsure = unsure or truth is None
    return None if unsure else False


def all_of(truths: Iterable[Truth]) -> Truth:
    """Tell whether all of them are right."""
    opposite = any_of(None if truth is None else not truth for truth in truths)
    return None if opposite is None else not opposite
