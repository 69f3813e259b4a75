"""Checks of packages, keys and the folder of the runs."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from training_free_grpo.doctor.finding import Finding

_KEYS = ("OPENAI_API_KEY", "TAVILY_API_KEY", "BRAVE_API_KEY", "SERPER_API_KEY")
_LITTLE_SPACE, _NO_SPACE = 2e9, 2e8
"""Bytes: 1,500 rollouts take some 30 million, and ten times that with long transcripts."""


def check_packages() -> Finding:
    """Compare the installed packages with the requirements."""
    python = f"Python {platform.python_version()}"
    wrong = list(find_wrong_packages())
    if wrong:
        remedy = "reinstall it: pip install --upgrade training-free-grpo"
        return Finding("packages", "failed", f"{python}; {'; '.join(wrong)}", remedy)
    shown = ("training-free-grpo", "langgraph", "langchain", "langchain-openai")
    said = ", ".join(f"{name} {version(name)}" for name in shown)
    return Finding("packages", "ok", f"{python}, {said}")


def find_wrong_packages() -> Iterator[str]:
    """Name missing packages, and those of a wrong version."""
    for line in requires("training-free-grpo") or []:
        needed = Requirement(line)
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            yield f"{needed.name} is missing"
            continue
        if not needed.specifier.contains(found, prereleases=True):
            yield f"{needed.name} is {found}, not {needed.specifier}"


def check_keys() -> Finding:
    """Report which keys are set, but never their values."""
    held = [key for key in _KEYS if os.environ.get(key)]
    absent = [key for key in _KEYS if key not in held]
    said = [f"set: {', '.join(held)}"] if held else []
    said += [f"not set: {', '.join(absent)}"] if absent else []
    return Finding("keys", "ok" if held else "note", "; ".join(said))


def check_folder(runs_dir: Path) -> Finding:
    """Check that runs can be written, and that there is space."""
    place = next(p for p in (runs_dir.absolute(), *runs_dir.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as error:
        remedy = "name another folder with --runs-dir"
        return Finding("runs folder", "failed", f"{runs_dir} cannot be written: {error}", remedy)
    said = f"{runs_dir} can be written; {free / 1e9:,.1f} GB are free"
    if free >= _LITTLE_SPACE:
        return Finding("runs folder", "ok", said)
    return Finding("runs folder", "failed" if free < _NO_SPACE else "note", said, "free some space")
