"""Files of JSON lines, which a kill may have torn."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from training_free_grpo.records import JSON
from training_free_grpo.storage.files import write_atomically


def append_line(file: Path, value: Mapping[str, object]) -> int:
    """Append a line to a file, and return where it begins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
    with file.open("ab") as out:
        start = out.tell()
        # The leading newline ends a line that a kill may have torn; readers skip empty ones.
        out.write(b"\n" + line if start else line)
    return start


def write_lines(file: Path, values: Iterable[object]) -> None:
    """Write a file of lines, whole or not at all."""
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    write_atomically(file, text)


def read_lines(file: Path, key: str) -> dict[str, JSON]:
    """Read a file of lines by their key, the later of two; none if there is no such file."""
    found = {}
    if file.exists():
        for line in file.read_bytes().splitlines():
            if (value := read_line(line)) is not None:
                found[value[key]] = value
    return found


def read_line(line: bytes) -> JSON | None:
    """Read a line; None for one that is empty or was torn by a kill."""
    try:
        found: JSON = json.loads(line)
    except ValueError:
        return None
    return found
