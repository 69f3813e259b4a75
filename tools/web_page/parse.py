"""Turn the bytes of a page into text, in a process that is killed when it takes too long."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training_free_grpo.tools.web_page.errors import PageError
from training_free_grpo.tools.web_page.fetch import Fetched
from training_free_grpo.tools.web_page.media import kind_of

_CHILD = Path(__file__).with_name("_parse_child.py")
_ENVIRONMENT = ("LD_LIBRARY_PATH", "PATH")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The text of a page, without invisible characters."""

    title: str
    text: str
    truncated: bool


def parse(fetched: Fetched, seconds: float, links: bool) -> Parsed:
    """Read a fetched page as Markdown, or as plain text. Raises PageError."""
    job = {
        "kind": kind_of(fetched.media_type),
        "charset": fetched.charset,
        "url": fetched.url,
        "links": links,
        "seconds": seconds,
    }
    *readings, _unfinished = _ask(job, fetched.body).split(b"\n")
    if not readings:
        raise PageError(f"its contents could not be parsed within {seconds:g} seconds")
    best = json.loads(readings[-1])
    if "error" in best:
        raise PageError(best["error"])
    if not best["text"]:
        raise PageError("it holds no text; it may need JavaScript, or be a scan")
    return Parsed(**best)


def _ask(job: dict[str, Any], body: bytes) -> bytes:
    """Return the child's output by its end, or by its time limit."""
    try:
        return subprocess.run(
            [sys.executable, "-P", str(_CHILD)],
            input=json.dumps(job).encode() + b"\n" + body,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            timeout=job["seconds"],
            check=False,
            # An interrupt at the terminal is for the parent.
            start_new_session=True,
        ).stdout
    except subprocess.TimeoutExpired as late:
        return late.stdout or b""


def _environment() -> dict[str, str]:
    """Return an environment without our keys, but with our module path."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    search = os.pathsep.join(entry for entry in sys.path if entry)
    return kept | {"PYTHONPATH": search, "PYTHONUTF8": "1"}
