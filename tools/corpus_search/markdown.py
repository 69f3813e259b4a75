"""Passages from Markdown: one per section, and several for a long section."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

# The length of one result for a model; a longer section is split at the end of a paragraph.
_LONGEST = 2_000
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def read_markdown(file: Path, address: str) -> Iterator[tuple[str, str, str]]:
    """Read the title, text and address of each passage; the address ends with `#heading`.

    The title is the file's first heading, or its name, followed by the section's heading.
    """
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not UTF-8 ({error})") from error
    text = _FRONT_MATTER.sub("", text)
    lines = text.split("\n")
    headings = [(0, 0, ""), *_find_headings(text), (len(lines), len(lines), "")]
    name = next((heading for _, _, heading in headings if heading), file.stem)
    anchors: Counter[str] = Counter()
    for (_, start, heading), (end, _, _) in pairwise(headings):
        title = name if heading in ("", name) else f"{name}: {heading}"
        anchor = _anchor(heading, anchors) if heading else ""
        for piece in _cut("\n".join(lines[start:end]).strip()):
            yield title, piece, address + anchor


def _find_headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Find the first line of each heading, the line after it, and its words."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt().parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.level == 0 and opening.map:
            yield opening.map[0], opening.map[1], _words(inline)


def _words(inline: "Token") -> str:
    shown = (child.content or " " for child in inline.children or () if not child.nesting)
    return " ".join("".join(shown).split())


def _anchor(heading: str, seen: Counter[str]) -> str:
    """Spell a heading as web viewers of Markdown do in addresses."""
    slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    seen[slug] += 1
    return f"#{slug}" if seen[slug] == 1 else f"#{slug}-{seen[slug] - 1}"


def _cut(text: str) -> Iterator[str]:
    while len(text) > _LONGEST:
        ends = (text.rfind(gap, _LONGEST // 2, _LONGEST) for gap in ("\n\n", "\n", " "))
        end = next((end for end in ends if end > 0), _LONGEST)
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    if text:
        yield text
