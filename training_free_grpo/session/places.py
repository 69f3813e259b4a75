"""Find runs and libraries: by path, by the name of a run, or in memory."""

from pathlib import Path
from tempfile import gettempdir
from typing import NamedTuple
from uuid import uuid4

from training_free_grpo.library import LibraryLike, load_library
from training_free_grpo.records import Library
from training_free_grpo.runs.folder import RunError, RunFolder, name_run
from training_free_grpo.runs.lineage import learner_of


class FoundLibrary(NamedTuple):
    """A library and its place."""

    library: Library
    place: Path | None
    """Its file or the folder of its run; None for one in memory."""


def find_place(place: Path, runs_dir: Path) -> Path:
    """Return where a library is: a file, a run folder, or the folder of a run by its name."""
    named = runs_dir / place
    return named if not place.exists() and named.exists() else place


def find_library(place: Path, runs_dir: Path) -> Library:
    """Load a library from a file, a run folder, or the name of a run."""
    return load_library(find_place(place, runs_dir))


def read_library_like(given: LibraryLike, runs_dir: Path) -> FoundLibrary:
    """Return a library in any form, including the name of a run."""
    if isinstance(given, str | Path):
        place = find_place(Path(given), runs_dir)
        return FoundLibrary(load_library(place), place)
    return FoundLibrary(load_library(given), getattr(given, "folder", None))


def open_folder(
    runs_dir: Path, run: str | None, fork: str | None, library: LibraryLike | None
) -> tuple[RunFolder, Library | None, str | None]:
    """Return the folder of the run, its starting library, and the run that learned that library.

    A run without a name gets a folder that is thrown away.
    """
    found = None if library is None else read_library_like(library, runs_dir)
    start, learner = (found.library, learned_by(found, runs_dir)) if found else (None, None)
    if run is None:
        if fork is not None:
            raise RunError(f"fork={fork!r} needs the run to fork: name it with run=")
        return RunFolder(Path(gettempdir(), f"tfgrpo-{uuid4().hex}", "training")), start, learner
    if fork is None:
        return RunFolder(name_run(runs_dir, run)), start, learner
    parent, new = name_run(runs_dir, run), name_run(runs_dir, fork)
    if not parent.is_dir():
        raise RunError(f"there is no run {run!r} in {runs_dir} to fork")
    if not (start or (parent / "library.json").exists()):
        raise RunError(f"the run {run!r} has no finished step to fork from")
    return RunFolder(new), start or load_library(parent), learner or parent.name


def learned_by(found: FoundLibrary, runs_dir: Path) -> str | None:
    """Return the name of the run that learned a library; None for other libraries."""
    return learner_of(found.place, runs_dir) if found.place else None
