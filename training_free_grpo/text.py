"""Make foreign text fit to be kept."""

from typing import Any


def well_formed(value: Any) -> Any:
    """Replace what no encoding can write, such as half of a cut emoji, in text or plain JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [well_formed(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(key): well_formed(item) for key, item in value.items()}
    return value
