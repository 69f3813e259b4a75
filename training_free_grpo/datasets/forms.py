"""Rows in the forms in which people have them."""

from collections.abc import Iterable, Mapping
from typing import Any

from training_free_grpo.datasets.errors import DatasetError


def list_rows(data: Any) -> Iterable[Any]:
    """Return the rows of a list, a table of pandas, polars or pyarrow, or a data set of the hub's.

    Raise DatasetError for what has no rows.
    """
    if isinstance(data, Mapping):
        raise DatasetError(explain_mapping(data))
    if hasattr(data, "iterrows"):  # pandas
        return list_pandas(data)
    for method in ("to_dicts", "to_pylist"):  # polars, pyarrow
        if hasattr(data, method):
            rows: Iterable[Any] = getattr(data, method)()
            return rows
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise DatasetError(
            f"problems is {type(data).__name__}, not a list: give rows such as "
            '[{"problem": "What is 6 times 7?", "answer": "42"}]'
        )
    return data


def explain_mapping(data: Mapping[Any, Any]) -> str:
    """Say what to do with one row, or with a data set of several splits."""
    names = ", ".join(map(str, data))
    if all(hasattr(part, "column_names") for part in data.values()):
        return f"problems is a data set of several splits: give one of them, {names}"
    return f"problems is one object with {names}, not a list of rows: put it into a list"


def list_pandas(table: Any) -> list[dict[str, Any]]:
    """Return the rows of a pandas table; a cell without a value is None, an array a list."""
    filled = table.astype(object).where(table.notna(), None)
    return [
        {str(name): plain(value) for name, value in row.items()}
        for row in filled.to_dict("records")
    ]


def plain(value: Any) -> Any:
    """Return a NumPy array or number as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value
