"""Errors of data sets and their rows."""

from collections.abc import Sequence

from training_free_grpo.errors import UserError

_SHOWN = 5


class DatasetError(UserError, ValueError):
    """A data set cannot be used; the message names the row, the field and the remedy."""


class RowError(DatasetError):
    """A row cannot be used: for a fault that other rows may share, as this example shows."""

    def __init__(self, fault: str, example: str = "") -> None:
        super().__init__(f"{fault} ({example})" if example else fault)
        self.fault = fault


def name_rows(numbers: Sequence[int]) -> str:
    """Name rows by number, at most the first few."""
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    return f"rows {enumerate_few(numbers)}"


def enumerate_few(items: Sequence[object]) -> str:
    """List the first few items, and the number of the others."""
    shown = ", ".join(map(str, items[:_SHOWN]))
    return f"{shown} and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else shown
