"""Read passages from a JSONL file, a Markdown file, or a folder of Markdown."""

import json
from collections.abc import Iterator
from pathlib import Path

from training_free_grpo.tools.corpus_search.markdown import read_markdown


def load_passages(path: str | Path) -> Iterator[dict[str, str]]:
    """Read passages, one by one. Raises ValueError that names a bad file and its line.

    A JSONL file has `title`, `text` and optionally `url` per line. A Markdown file is split at its
    headings; in a folder, every `*.md` file is read except hidden ones.
    """
    path = Path(path)
    for file in find_files(path):
        if file.suffix == ".md":
            address = file.relative_to(path if path.is_dir() else path.parent).as_posix()
            for title, text, url in read_markdown(file, address):
                yield {"title": title, "text": text, "url": url}
        else:
            yield from _read_jsonl(file)


def find_files(path: Path) -> list[Path]:
    """Return the files with the passages of a path."""
    if not path.is_dir():
        return [path]
    files = [
        file
        for file in sorted(path.rglob("*.md"))
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not files:
        raise ValueError(f"{path}: no Markdown file (*.md) in this folder")
    return files


def _read_jsonl(path: Path) -> Iterator[dict[str, str]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _passage(line)
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from error


def _passage(line: bytes) -> dict[str, str]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    passage = {key: entry[key] for key in ("title", "text", "url") if entry.get(key) is not None}
    for key in ("title", "text"):
        if key not in passage:
            raise ValueError(f"no {key!r}")
    for key, value in passage.items():
        if not isinstance(value, str):
            raise ValueError(f"{key!r} is not a string")
        value.encode()  # half a character is valid in JSON but cannot be stored
    return passage
