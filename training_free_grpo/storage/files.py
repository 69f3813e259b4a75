"""Write files whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PART = ".part"


def write_atomically(path: Path, text: str) -> None:
    """Write the file so that a reader, or a crash, sees the old text or the new, never half."""
    with replacing(path) as part:
        part.write_text(text, "utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON that a person can read, whole or not at all."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    write_atomically(path, text + "\n")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside the path, which replaces it once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_PART)
    part = Path(name)
    try:
        yield part
        os.fsync(handle)
        part.chmod(0o644)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def remove_parts(folder: Path) -> None:
    """Remove the incomplete files that killed processes left in a folder."""
    for file in folder.rglob(f".*{_PART}"):
        file.unlink(missing_ok=True)
