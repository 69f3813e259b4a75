"""Which media types hold text."""

import re
from typing import Literal

from training_free_grpo.tools.web_page.errors import PageError

Kind = Literal["html", "pdf", "text", "unknown"]

_KINDS: dict[str, Kind] = {
    "": "unknown",
    "application/octet-stream": "unknown",
    "binary/octet-stream": "unknown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
}
# Text, though its type does not begin with `text/`.
_TEXT = re.compile(r"application/(.+\+)?(x-)?(javascript|json|ndjson|sql|tex|toml|xml|yaml)")


def media_type(header: str) -> str:
    """Read a Content-Type header: its media type in lower case, or nothing if it is malformed."""
    found = re.match(r"\s*([\w.+-]+/[\w.+-]+)\s*(;|$)", header, re.ASCII)
    return found[1].lower() if found else ""


def kind_of(media_type: str) -> Kind | None:
    """Return how to read a media type; None if it contains no text."""
    if kind := _KINDS.get(media_type):
        return kind
    return "text" if media_type.startswith("text/") or _TEXT.fullmatch(media_type) else None


def check_readable(media_type: str) -> None:
    """Raise PageError for a media type without text."""
    if kind_of(media_type) is None:
        raise PageError(f"it holds {media_type}, not text; HTML, PDF and plain text can be read")
