"""Values of rows as JSON knows them, whichever library made the rows."""

import math
from collections.abc import Set
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

_MIDNIGHT = time()
_MOST_DIGITS = 10**4000
"""Python itself writes whole numbers of up to 4,300 digits only."""


def plain(value: Any) -> Any:
    """Make numpy's and pandas' values, decimals, dates and sets text, numbers or lists.

    What has no plain form stays as it is.
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < _MOST_DIGITS else format(Decimal(value), "f")
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Set):
        return sorted(map(plain, value), key=str)
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else float(value)
    if isinstance(value, bytes):
        return _decode(value)
    if _is_missing(value):
        return math.nan
    if isinstance(value, date | time):
        return _write_date(value)
    if isinstance(value, Fraction | UUID):
        return str(value)
    return _made_elsewhere(value)


def _decode(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _is_missing(value: Any) -> bool:
    """Tell whether a value is pandas' NaT or NA, which equal nothing or cannot be compared."""
    if hasattr(value, "__len__") or hasattr(value, "shape"):
        return False
    try:
        return bool(value != value)
    except TypeError:
        return True


def _write_date(value: date | time) -> str:
    if isinstance(value, datetime) and value.time() == _MIDNIGHT and not value.tzinfo:
        return value.date().isoformat()
    return value.isoformat()


def _made_elsewhere(value: Any) -> Any:
    """Convert an array or a scalar by the methods that numpy, pandas, torch and arrow share."""
    if getattr(getattr(value, "dtype", None), "kind", "") == "M":
        value = value.astype("datetime64[us]")  # finer dates become whole numbers
    for name in ("tolist", "as_py"):
        convert = getattr(value, name, None)
        if callable(convert) and not isinstance(value, type):
            made = convert()
            return plain(made) if type(made) is not type(value) else str(value)
    return value


def read_whole_number(digits: str) -> int | str:
    """Read a whole number of JSON; one that Python refuses to read stays text."""
    return int(digits) if len(digits) <= 4000 else digits
