"""Rows of a data set on Hugging Face, through the `datasets` package, an extra of this one."""

from collections.abc import Iterable
from typing import Any

from training_free_grpo.datasets.errors import DatasetError


def load_hub(place: str) -> Iterable[Any]:
    """Return the rows of `owner/name`, `owner/name:split` or `owner/name:config:split`.

    They are read from the downloaded files as they are asked for, not held in memory.
    """
    name, *parts = place.split(":")
    if not name or not all(parts) or len(parts) > 2:
        raise DatasetError(f"hf:{place} is not of the form hf:owner/name:config:split")
    split = parts.pop() if parts else "train"
    try:
        from datasets import load_dataset
    except ImportError:
        raise DatasetError(
            f"hf:{place} needs the package `datasets`: pip install 'training-free-grpo[hf]'"
        ) from None
    try:
        rows: Iterable[Any] = load_dataset(name, *parts, split=split)
    except Exception as error:
        raise DatasetError(f"cannot load hf:{place}: {type(error).__name__}: {error}") from error
    return rows
