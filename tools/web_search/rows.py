"""Convert the rows of an engine's answer to results: plain text and ISO dates."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any

from training_free_grpo.tools.web_search.provider import SearchError, SearchResult

_LONGEST = 2_000
# The tags with which engines mark words; others belong to the page's text, perhaps about HTML.
_MARKUP = re.compile(
    r"</?(?:a|b|br|code|em|i|mark|p|span|strong|sub|sup|u|wbr)\b[^<>]*>", re.IGNORECASE
)
_AGO = re.compile(r"(\d{1,4}) (minute|hour|day|week)s? ago")


def read_rows(
    engine: str, rows: Any, *, url: str, snippet: str, published: str
) -> list[SearchResult]:
    """Read results from rows, given the engine's other keys besides `title`."""
    if not isinstance(rows, list):
        raise SearchError(f"{engine} answered without a list of results")
    results = []
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get(url), str):
            result = SearchResult(
                title=_text(row.get("title")),
                url=_whole(row[url]),
                snippet=_text(row.get(snippet)),
                source=engine.lower(),
            )
            if date := _date(row.get(published)):
                result["published"] = date
            results.append(result)
    return results


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return unescape(_MARKUP.sub("", _whole(value))).strip()[:_LONGEST]


def _whole(text: str) -> str:
    """Replace half characters, which JSON can hold but no file, database or request accepts."""
    return text.encode("utf-8", "replace").decode()


def _date(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if ago := _AGO.match(value):
        age = timedelta(**{f"{ago[2]}s": int(ago[1])})
        return (datetime.now(UTC) - age).date().isoformat()
    for read in (datetime.fromisoformat, parsedate_to_datetime, _read_american):
        with suppress(ValueError, OverflowError):
            return read(value).date().isoformat()
    return None


def _read_american(value: str) -> datetime:
    return datetime.strptime(value, "%b %d, %Y")
