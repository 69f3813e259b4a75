"""The process that turns the bytes of one page into text, because parsers meet hostile input.

On standard input it reads a job, one line of JSON, and the body. It writes one line of JSON for
each reading of the body, from worst to best: the last one before the time limit counts.
Covered: time, by the parent's kill and a CPU limit; memory. No two pages share a process.
Not covered: it is no sandbox against a parser bug that executes foreign code.
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
_META = re.compile(rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_XML = re.compile(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE)
_SAMPLE = 1 << 16
"""Number of bytes from which a charset is detected."""
_FEW = 0.1
"""Maximum share of non-ASCII characters that may be broken in the charset a page declares."""
_HIGH = re.compile(rb"[\x80-\xff]+")
_EVIDENCE = 6
"""Number of non-ASCII bytes from which a guess is better than Western European."""
_WESTERN = ("cp1252", "iso8859-1", "iso8859-15")
_NEARLY = 0.8
"""Share of the best score from which Western European is preferred: most pages are."""


Reading = tuple[str, str, bool]
"""A title, a text, and whether that is all of it."""


class Job(TypedDict):
    """How to read the body; `seconds` is how long the parent waits."""

    kind: str
    charset: str | None
    url: str
    links: bool
    seconds: float


class _Unreadable(Exception):
    """A body without text. The message is shown to the model."""


def main() -> None:
    """Read the one body and write the results."""
    job: Job = json.loads(sys.stdin.buffer.readline())
    _limit(job["seconds"])
    # Parsers sometimes write to standard output.
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
    """Extract all text, which is quick, then find the main text, which may take forever."""
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
            raise _Unreadable("the PDF needs a password")
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
    """Decode by mark, header, declarations in the page, and finally a guess from the bytes."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    found = (pattern.search(body[:_SAMPLE]) for pattern in (_XML, _META))
    declared = [header or "", *(match[1].decode("ascii", "ignore") for match in found if match)]
    # Text beyond ASCII that is valid UTF-8 is UTF-8, whatever was declared.
    first = [] if body.isascii() else ["utf-8"]
    known = [codec for label in [*first, *declared] if (codec := _codec(label))]
    for codec in known:
        with suppress(UnicodeError):
            # A body that was cut may end within a character, which is dropped here.
            return codec.incrementaldecoder("strict").decode(body)
    for codec in known:
        text = codec.decode(body, "replace")[0]
        if text.count("\ufffd") <= _FEW * sum(not character.isascii() for character in text):
            return text
    return _detect(body).decode(body, "replace")[0]


def _codec(label: str) -> codecs.CodecInfo | None:
    """Find the codec that browsers use for a label, or else Python's."""
    import webencodings

    label = label.strip("\"' ")
    browser = webencodings.lookup(label)
    if browser and browser.name == "gbk":
        label = "gb18030"  # browsers use the larger charset
    elif browser and browser.name != "replacement":
        codec: codecs.CodecInfo = browser.codec_info
        return codec
    with suppress(LookupError, UnicodeError):
        # Codecs from bytes to bytes are rejected here.
        "".encode(label)
        return codecs.lookup(label)
    return None


def _detect(body: bytes) -> codecs.CodecInfo:
    """Return the most plausible codec for a body that declares none."""
    import chardet

    western = codecs.lookup("cp1252")
    high = _HIGH.findall(body[:_SAMPLE])
    accents = sum(map(len, high)) < _EVIDENCE and all(len(run) < 3 for run in high)
    if accents and b"\x1b" not in body:  # the escape by which ISO-2022-JP switches
        return western
    era = chardet.EncodingEra.MODERN_WEB | chardet.EncodingEra.LEGACY_ISO
    guesses = chardet.detect_all(
        body[:_SAMPLE], ignore_threshold=True, encoding_era=era, compat_names=False
    )
    scores = {guess["encoding"]: guess["confidence"] for guess in guesses}
    best = max(scores, key=lambda name: scores[name])
    if any(scores.get(name, 0.0) >= _NEARLY * scores[best] for name in _WESTERN):
        return western
    return _codec(best or "") or western


class _Cleaner(dict[int, str | None]):
    """A table for str.translate: spaces become plain, invisible characters are removed."""

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
        # Variation selectors are invisible too, and can carry a hidden message.
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
