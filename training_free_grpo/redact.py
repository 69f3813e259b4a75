"""Remove keys from the texts of errors before they are stored."""

import os
import re
from collections.abc import Iterator

_HIDDEN = "[redacted]"
_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD")
_SHORTEST = 5
"""Characters; shorter values would remove ordinary words from a text."""
_FORMS = re.compile(
    r"(?i)\b(?:sk|pk|rk|gsk|xai|key|tvly|hf|ghp|github_pat|AIza|AKIA)[-_]?[A-Za-z0-9*_\-]{12,}"
    r"|(?<=bearer )[A-Za-z0-9._~+/\-]{12,}=*"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
"""Patterns of providers' keys (also masked), bearer tokens, and passwords in addresses."""


def redact(text: str) -> str:
    """Return a text without the secrets of the environment or anything that looks like a key."""
    for secret, name in sorted(_secrets(), key=lambda found: -len(found[0])):
        text = text.replace(secret, f"[{name}]")
    return _FORMS.sub(_HIDDEN, text)


def redact_error(error: BaseException) -> None:
    """Redact the message of an error, and of the errors that caused it."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        found.args = tuple(redact(part) if isinstance(part, str) else part for part in found.args)
        if isinstance(getattr(found, "message", None), str):
            found.message = redact(found.message)  # type: ignore[attr-defined]
        found = found.__cause__ or found.__context__


def _secrets() -> Iterator[tuple[str, str]]:
    return (
        (value, name)
        for name, value in os.environ.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST
    )
