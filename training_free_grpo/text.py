"""Make untrusted text safe to store and to display."""

import re
import unicodedata
from typing import Any

_JOINERS = "\u200c\u200d"
"""The joiners that Persian and Indian scripts, and many emoji, are written with."""
_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that move a terminal's cursor, hide text or reverse it."""


def well_formed(value: Any) -> Any:
    """Replace what no encoding can write, such as half of an emoji, in text or plain JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [well_formed(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(key): well_formed(item) for key, item in value.items()}
    return value


def drop_controls(text: str) -> str:
    """Remove characters that only control how text is shown; white space stays."""
    return "".join(c for c in text if c.isspace() or c in _JOINERS or not is_control(c))


def is_control(character: str) -> bool:
    """Return whether a character is a control or a format character."""
    return unicodedata.category(character) in ("Cc", "Cf")


def show_controls(text: str) -> str:
    r"""Write the characters that would control a terminal as their codes, such as \x1b."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def escape_controls(text: str) -> str:
    """Escape them in the strings of a JSON text, which leaves its meaning unchanged."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
