"""The process that turns the bytes of one page into text, because parsers meet hostile input.

On standard input it reads a job, one line of JSON, and the body. It answers a line of JSON for each
reading of the body, the better ones later: the last one before the end of its time counts.
Covered: time, by the parent's kill and a CPU limit; memory. No page sees another one's process.
Not covered: it is no sandbox against a bug of a parser that runs foreign code.
"""

import codecs
import io
import json
import re
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypedDict

_MEMORY = 2 * 1024**3
_MAX_CHARS = 2_000_000
_BOMS = (
    # UTF-32's mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
# What pages mean when they say the smaller one, as browsers read them.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_META = re.compile(rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)


Reading = tuple[str, str, bool]
"""A title, a text, and whether that is the whole."""


class Job(TypedDict):
    """How to read the body; `seconds` is how long the parent waits."""

    kind: str
    charset: str | None
    url: str
    links: bool
    seconds: float


class _Unreadable(Exception):
    """A body that holds no text. The message is shown to the model."""


def main() -> None:
    """Read the one body and answer."""
    job: Job = json.loads(sys.stdin.buffer.readline())
    _limit(job["seconds"])
    # Parsers report on standard output at times.
    answers, sys.stdout = sys.stdout, sys.stderr
    try:
        for title, text, whole in _readings(sys.stdin.buffer.read(), job):
            reading = {
                "title": " ".join(_clean(title).split()),
                "text": _clean(text[:_MAX_CHARS]).strip(),
                "truncated": not whole or len(text) > _MAX_CHARS,
            }
            print(json.dumps(reading), file=answers, flush=True)
    except _Unreadable as error:
        print(json.dumps({"error": str(error)}), file=answers, flush=True)


def _readings(body: bytes, job: Job) -> Iterator[Reading]:
    match _kind(body, job["kind"]):
        case "pdf":
            yield _pdf(body, job)
        case "html":
            yield from _html(_decode(body, job["charset"]), job)
        case _:
            text = _decode(body, job["charset"])
            if "\0" in text:
                raise _Unreadable("it holds binary data, not text")
            yield "", text, True


def _kind(body: bytes, declared: str) -> str:
    if body[:1024].lstrip().startswith(b"%PDF-"):
        return "pdf"
    if declared == "unknown" and re.match(rb"\s*<(!doctype html|html)\b", body, re.IGNORECASE):
        return "html"
    return declared


def _html(markup: str, job: Job) -> Iterator[Reading]:
    """Take all text, which is quick, then find the main text, which may take for ever."""
    import trafilatura
    from lxml import etree, html  # type: ignore[import-untyped]

    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(markup.replace("\0", "").encode(), parser)
    except etree.ParserError as error:
        raise _Unreadable("the page is empty") from error
    title = tree.findtext(".//title") or ""
    yield title, trafilatura.html2txt(tree), True
    main = trafilatura.extract(
        tree, url=job["url"], output_format="markdown", include_links=job["links"]
    )
    if main:
        yield title, main, True


def _pdf(body: bytes, job: Job) -> Reading:
    """Read page after page, until half of the time is over."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    end = time.monotonic() + job["seconds"] / 2
    try:
        reader = PdfReader(io.BytesIO(body))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _Unreadable("the PDF asks for a password")
        title = str(reader.metadata.title or "") if reader.metadata else ""
        pages: list[str] = []
        for page in reader.pages:
            if time.monotonic() > end or sum(map(len, pages)) > _MAX_CHARS:
                return title, "\n\n".join(pages), False
            pages.append(_page_text(page))
    except PyPdfError as error:
        raise _Unreadable("the PDF is broken") from error
    return title, "\n\n".join(pages), True


def _page_text(page: Any) -> str:
    try:
        return str(page.extract_text())
    except Exception:  # noqa: BLE001 - a broken page raises anything; the others are still read
        return "[a page that could not be read]"


def _decode(body: bytes, header: str | None) -> str:
    """Decode by mark, header, meta and what the bytes look like, in the order of their truth."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    meta = _META.search(body[:4096])
    declared = [header or "", meta[1].decode("ascii", "ignore") if meta else ""]
    # Text beyond ASCII that is valid UTF-8 is UTF-8, whatever was declared.
    first = [] if body.isascii() else ["utf-8"]
    for name in [*first, *declared, "cp1252"]:
        with suppress(LookupError, UnicodeError):
            return _decode_as(body, name)
    return body.decode("utf-8", "replace")


def _decode_as(body: bytes, name: str) -> str:
    # Codecs from bytes to bytes are refused here.
    "".encode(name)
    name = codecs.lookup(name).name
    codec = codecs.lookup(_SUPERSETS.get(name, name))
    # A body that was cut may end within a character, which this leaves out.
    return codec.incrementaldecoder("strict").decode(body)


class _Cleaner(dict[int, str | None]):
    """A table for str.translate: spaces become plain, what cannot be seen goes."""

    def __missing__(self, code: int) -> str | None:
        self[code] = cleaned = self._cleaned(chr(code))
        return cleaned

    @staticmethod
    def _cleaned(character: str) -> str | None:
        if character in "\n\t":
            return character
        category = unicodedata.category(character)
        if category == "Zs":
            return " "
        if category in ("Zl", "Zp"):
            return "\n"
        # Selectors of variants are unseen too, and can carry a hidden message.
        unseen = category.startswith("C") or "VARIATION SELECTOR" in unicodedata.name(character, "")
        return None if unseen else character


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_Cleaner())


def _limit(seconds: float) -> None:
    import resource

    cpu = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
