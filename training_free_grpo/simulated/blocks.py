"""Find the lessons and the tagged blocks in a prompt."""

import re
from collections.abc import Iterator

_LESSON = re.compile(r"^\s*\[(G\d+)\] +(\S.*?)\s*$", re.MULTILINE)
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


def read_lessons(text: str) -> dict[str, str]:
    """Read the lines `[G7] content`."""
    return dict(_LESSON.findall(text))


def read_blocks(tag: str, text: str) -> Iterator[tuple[dict[str, str], str]]:
    """Read the blocks of one tag: their attributes and content."""
    for match in re.finditer(rf"<{tag}\b([^>]*)>(.*?)</{tag}>", text, re.DOTALL):
        yield dict(_ATTRIBUTE.findall(match[1])), match[2].strip()


def read_block(tag: str, text: str) -> str:
    """Read the content of the first block of a tag, or return nothing."""
    return next((body for _, body in read_blocks(tag, text)), "")


def read_limit(text: str, pattern: str, default: int) -> int:
    """Read a number that the instructions set as a limit."""
    found = re.search(pattern, text)
    return int(found[1]) if found else default
