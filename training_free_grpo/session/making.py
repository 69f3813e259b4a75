"""Make what is planned, from Python: check, run, and return what it came to."""

from collections.abc import Callable
from typing import Any

OnEvent = Callable[[Any], None]
